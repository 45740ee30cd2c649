// Writes what a fuzzer of bytes begins with: the cases of bad_models/made_files.h, and as text and
// in binary every model of the files that the arguments name.
//
//   write_seeds FOLDER FILE...

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "proto/model_file.h"
#include "tests/bad_models/made_files.h"

namespace {

// libFuzzer would cut larger ones.
constexpr size_t kMostBytes = 64 << 10;

void Write(const std::string& path, const std::string& bytes) {
  if (bytes.size() <= kMostBytes) std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string folder = argv[1];
  for (const flowgrad::BadFile& file : flowgrad::MadeFiles()) {
    Write(absl::StrCat(folder, "/made_", file.name), file.bytes);
  }
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) return 2;
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    Write(absl::StrCat(folder, "/", i, ".pbtxt"), bytes);
    const auto model = flowgrad::ParseModel(bytes, argv[i]);
    if (model.ok()) Write(absl::StrCat(folder, "/", i, ".pb"), model->SerializeAsString());
  }
  return 0;
}
