// The main program of a fuzzer where there is no libFuzzer: puts every file of the folders, all of
// bad_models/made_files.h, and bytes drawn at random to the target.
//
//   replay [--random N] FOLDER...

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "absl/strings/numbers.h"
#include "tests/bad_models/made_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// Larger ones have tests of their own.
constexpr size_t kMostBytes = 1 << 20;

int count = 0;

void Try(const std::string& bytes) {
  if (bytes.size() > kMostBytes) return;
  ++count;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void TryAllIn(const char* folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::fprintf(stderr, "%s\n", entry.path().c_str());
    std::ifstream file(entry.path(), std::ios::binary);
    Try(std::string(std::istreambuf_iterator<char>(file), {}));
  }
}

}  // namespace

int main(int argc, char** argv) {
  int drawn = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--random") == 0 && i + 1 < argc) {
      if (!absl::SimpleAtoi(argv[++i], &drawn)) return 2;
      continue;
    }
    // A fuzzer that has found nothing yet has no folder.
    if (std::filesystem::exists(argv[i])) TryAllIn(argv[i]);
  }
  for (const flowgrad::BadFile& file : flowgrad::MadeFiles()) Try(file.bytes);
  std::mt19937 random(1);
  for (int i = 0; i < drawn; ++i) {
    std::string bytes(random() % 256, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    Try(bytes);
  }
  std::printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
