#include "tools/run_files.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tools/model_source.h"

namespace flowgrad {
namespace {

constexpr absl::string_view kWeights = ".safetensors";

// "examples/mlp.pbtxt" gives "mlp".
std::string StemOf(absl::string_view model) {
  const size_t slash = model.rfind('/');
  const absl::string_view name = slash == absl::string_view::npos ? model : model.substr(slash + 1);
  return std::string(name.substr(0, name.rfind('.')));
}

RunFiles Named(absl::string_view stem) {
  return {absl::StrCat(stem, kWeights), absl::StrCat(stem, ".csv"), absl::StrCat(stem, ".svg")};
}

std::array<const std::string*, 3> AllOf(const RunFiles& files) {
  return {&files.weights, &files.history, &files.plot};
}

bool AnyExists(const RunFiles& files) {
  const auto all = AllOf(files);
  return std::any_of(all.begin(), all.end(),
                     [](const std::string* path) { return FileExists(*path); });
}

RunFiles FirstFree(const std::string& stem) {
  RunFiles files = Named(stem);
  for (int number = 2; AnyExists(files); ++number) files = Named(absl::StrCat(stem, "-", number));
  return files;
}

}  // namespace

absl::StatusOr<RunFiles> ChooseRunFiles(const std::string& model, const std::string& out,
                                        bool overwrite, const std::vector<std::string>& inputs) {
  RunFiles files;
  if (out.empty()) {
    files = overwrite ? Named(StemOf(model)) : FirstFree(StemOf(model));
  } else {
    files = Named(absl::StripSuffix(out, kWeights));
    files.weights = out;
  }
  for (const std::string* path : AllOf(files)) {
    RETURN_IF_ERROR(CheckNotAnInput(*path, inputs));
    RETURN_IF_ERROR(CheckWritable(*path));
    if (!overwrite && FileExists(*path)) {
      return InFile(*path, absl::AlreadyExistsError(
                               "exists; write over it with --overwrite, or choose another --out"));
    }
  }
  return files;
}

}  // namespace flowgrad
