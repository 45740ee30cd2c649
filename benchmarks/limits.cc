// Measures the limit of a workload and prints one JSON object.
//
//   limits mlp_784_512_512_10 --batch 128 --seconds 2
//
// One thread. Nothing is planned, scheduled or interpreted: what is left is the arithmetic.

#include "benchmarks/limits.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"

namespace flowgrad {
namespace {

struct Limit {
  const char* about;
  Step (*make)(int64_t batch);
  // What running an op at all may cost.
  double seconds_for_ops = 0;
};

// Ops of deep_chain_1000_tiny: tanh and product 500 times, their sum, and for each link backwards
// 0.99 dz (1 - y) (1 + y), which are 5.
constexpr int kDeepChainOps = 500 * 2 + 1 + 500 * 5;
constexpr double kSecondsPerOp = 2e-9;

const std::map<std::string, Limit>& Limits() {
  static const auto* limits = new std::map<std::string, Limit>{
      {"deep_chain_1000_tiny",
       {"one loop each way, and 2 ns per op", [](int64_t) { return DeepChainStep(); },
        kDeepChainOps * kSecondsPerOp}},
      {"elementwise20_1M", {"its functions run in L1", [](int64_t) { return ElementwiseStep(); }}},
      {"mlp_784_512_512_10",
       {"the step around dnnl_sgemm",
        [](int64_t batch) { return MlpStep(batch, Optimizer::kSgd); }}},
      {"mlp_adam",
       {"the step around dnnl_sgemm",
        [](int64_t batch) { return MlpStep(batch, Optimizer::kAdam); }}},
      {"seed_mlp_batch1", {"the step in Eigen", [](int64_t) { return SeedMlpStep(); }}},
      {"toy_scalar_chain", {"the step in scalars", [](int64_t) { return ToyChainStep(); }}},
      {"transformer_d128_l2_t64", {"its products, dnnl_sgemm", TransformerProducts}},
      {"wide16_branches", {"its products, dnnl_sgemm", WideBranchesProducts}},
  };
  return *limits;
}

double SecondsOf(int64_t steps, const Step& step) {
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < steps; ++i) step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The median over chunks of about `seconds`, each of which is long enough for the clock.
double SecondsPerStep(double seconds, const Step& step) {
  constexpr int kChunks = 50;
  // Doubled until they take a chunk's time: a warm-up too.
  int64_t steps = 1;
  while (SecondsOf(steps, step) < seconds / kChunks) steps *= 2;
  std::vector<double> chunks;
  double spent = 0;
  while (chunks.size() < 5 || spent < seconds) {
    chunks.push_back(SecondsOf(steps, step));
    spent += chunks.back();
  }
  std::nth_element(chunks.begin(), chunks.begin() + chunks.size() / 2, chunks.end());
  return chunks[chunks.size() / 2] / static_cast<double>(steps);
}

}  // namespace
}  // namespace flowgrad

int main(int argc, char** argv) {
  using namespace flowgrad;  // NOLINT: the whole file is in it
  CLI::App app("Measures the limit of a workload: its step by hand, on one thread.");
  std::string name;
  int64_t batch = 1;
  double seconds = 2;
  app.add_option("NAME", name, "The workload")->required()->check(CLI::IsMember(Limits()));
  app.add_option("--batch", batch, "Rows of a batch")->check(CLI::Range(1, 1 << 16));
  app.add_option("--seconds", seconds, "How long to measure")->check(CLI::Range(0.01, 3600.0));
  CLI11_PARSE(app, argc, argv);

  const Limit& limit = Limits().at(name);
  const Step step = limit.make(batch);
  if (!step) {
    std::fprintf(stderr, "limits: \"%s\" needs oneDNN: apt-get install libdnnl-dev\n",
                 name.c_str());
    return 1;
  }
  nlohmann::ordered_json json;
  json["name"] = name;
  json["limit"] = limit.about;
  json["batch"] = batch;
  json["steps_per_second"] = 1 / (SecondsPerStep(seconds, step) + limit.seconds_for_ops);
  std::printf("%s\n", json.dump().c_str());
  return 0;
}
