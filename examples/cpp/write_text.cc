// Writes text with a trained model of examples/characters/, character by character: each is drawn
// from the shares that the model gives for what may follow.
//
//   flowgrad train examples/characters/characters.pbtxt --data /usr/share/common-licenses
//   bazel run //examples/cpp:write_text -- MODEL WEIGHTS TEXT [SEED]
//
// TEXT is the file that the model was trained on: its characters are the model's.

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "flowgrad.h"

namespace flowgrad {

constexpr int64_t kLength = 8;        // characters that the model sees
constexpr int64_t kVocabulary = 80;   // different ones that it has room for
constexpr int kWritten = 500;         // by the model
constexpr double kTemperature = 0.7;  // below 1: more of what is likely, less of what is not

// SplitMix64's finaliser.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Number `k` of a seed, from 0 to less than 1: a function of its place, whatever else is drawn.
double Uniform(uint64_t seed, uint64_t k) {
  constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  return static_cast<double>(Mix(Mix(seed + kStep) + (k + 1) * kStep) >> 11) * 0x1p-53;
}

// A number with a chance of softmax(scores / temperature): the place where the sum of the shares
// passes `u`.
int64_t Draw(const Tensor& scores, int64_t count, double u) {
  double largest = scores.at(0), sum = 0;
  for (int64_t i = 1; i < count; ++i) largest = std::fmax(largest, scores.at(i));
  std::vector<double> shares;
  for (int64_t i = 0; i < count; ++i) {
    shares.push_back(std::exp((scores.at(i) - largest) / kTemperature));
    sum += shares.back();
  }
  int64_t i = 0;
  for (u *= sum; i < count - 1 && u >= shares[i]; ++i) u -= shares[i];
  return i;
}

absl::Status WriteText(const std::string& model, const std::string& weights,
                       const std::string& text, uint64_t seed) {
  ASSIGN_OR_RETURN(const DataParts data,
                   OpenText(text, {.length = kLength, .stride = 1, .vocabulary = kVocabulary}));
  const std::vector<std::string> characters = data.train.Names("text");
  ASSIGN_OR_RETURN(const auto session, Session::Open(model));
  RETURN_IF_ERROR(session->Load(weights));

  // What has been written last. It begins in the middle of the text.
  const int64_t middle = data.train.num_samples() / 2;
  ASSIGN_OR_RETURN(Tensor context, data.train.Batch("text", {middle}, DType::kInt64));
  for (int64_t i = 0; i < kLength; ++i) {
    std::fputs(characters[static_cast<int64_t>(context.at(i))].c_str(), stdout);
  }
  for (int k = 0; k < kWritten; ++k) {
    ASSIGN_OR_RETURN(const auto scores, session->Run({{"text", context}}, {"scores"}));
    const auto count = static_cast<int64_t>(characters.size());
    const int64_t next = Draw(scores[0], count, Uniform(seed, k));
    std::fputs(characters[next].c_str(), stdout);
    for (int64_t i = 0; i + 1 < kLength; ++i) context.set(i, context.at(i + 1));
    context.set(kLength - 1, static_cast<double>(next));
  }
  std::putchar('\n');
  return absl::OkStatus();
}

}  // namespace flowgrad

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: write_text MODEL WEIGHTS TEXT [SEED]\n");
    return 2;
  }
  const uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
  const absl::Status status = flowgrad::WriteText(argv[1], argv[2], argv[3], seed);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
