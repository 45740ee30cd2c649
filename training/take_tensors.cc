#include "training/take_tensors.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr size_t kMostDifferences = 10;

}  // namespace

absl::Status CompareTensors(const std::vector<std::pair<std::string, TensorType>>& wanted,
                            const std::map<std::string, Tensor, std::less<>>& given) {
  std::vector<std::string> differences, names;
  for (const auto& [name, type] : wanted) {
    names.push_back(name);
    const auto found = given.find(name);
    if (found == given.end()) {
      differences.push_back(absl::StrCat("tensor ", Quoted(name), " is missing"));
    } else if (found->second.type() != type) {
      differences.push_back(absl::StrCat("tensor ", Quoted(name), " must be ", type.ToString(),
                                         ", but is ", found->second.type().ToString()));
    }
  }
  const std::set<std::string> known(names.begin(), names.end());
  for (const auto& [name, tensor] : given) {
    if (known.count(name) > 0) continue;
    differences.push_back(absl::StrCat("tensor ", Quoted(name), " is no variable of the model",
                                       DidYouMean(name, names)));
  }
  if (differences.empty()) return absl::OkStatus();
  const size_t total = differences.size();
  if (total > kMostDifferences) {
    differences.resize(kMostDifferences);
    differences.push_back(absl::StrCat(total - kMostDifferences, " more differences"));
  }
  return absl::InvalidArgumentError(absl::StrJoin(differences, "\n"));
}

}  // namespace flowgrad
