#include "scheduler/feeds.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace flowgrad {

absl::Status BindSymbols(absl::string_view what, const TensorType& type, const TensorType& given,
                         SymbolValues& symbols) {
  bool fits = type.dtype == given.dtype && type.rank() == given.rank();
  for (int d = 0; fits && d < type.rank(); ++d) {
    const int64_t size = given.shape[d].value();
    if (type.shape[d].known()) {
      fits = type.shape[d].value() == size;
      continue;
    }
    const auto [place, is_new] = symbols.emplace(type.shape[d].ToString(), size);
    if (!is_new && place->second != size) {
      return absl::InvalidArgumentError(absl::StrCat(what, " is ", given.ToString(), ": ",
                                                     type.shape[d].ToString(), " is ", size,
                                                     " here and ", place->second, " elsewhere"));
    }
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be ", type.ToString(), ", but is ", given.ToString()));
}

absl::StatusOr<ValueId> FindFeed(const Graph& graph, absl::string_view name) {
  std::vector<std::string> names;
  for (const GraphInput& input : graph.inputs()) {
    if (input.name == name) return input.value;
    names.push_back(input.name);
  }
  return absl::NotFoundError(
      absl::StrCat("no input is named ", Quoted(name), DidYouMean(name, names)));
}

absl::StatusOr<ValueId> FindFetch(const Graph& graph, absl::string_view name) {
  for (const GraphOutput& output : graph.outputs()) {
    if (output.name == name) return output.value;
  }
  const ValueId value = graph.Find(name);
  if (value.present()) return value;
  std::vector<std::string> names = graph.ValueNames();
  for (const GraphOutput& output : graph.outputs()) names.push_back(output.name);
  return absl::NotFoundError(
      absl::StrCat("no value is named ", Quoted(name), DidYouMean(name, names)));
}

absl::Status AtNode(const absl::Status& status, absl::string_view name, absl::string_view kind) {
  return absl::Status(status.code(),
                      absl::StrCat("node ", Quoted(name), " (", kind, "): ", status.message()));
}

}  // namespace flowgrad
