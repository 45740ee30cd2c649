// What a run is fed and asked for, against what the graph declares.

#ifndef FLOWGRAD_SCHEDULER_FEEDS_H_
#define FLOWGRAD_SCHEDULER_FEEDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "ops/tensor.h"

namespace flowgrad {

// Tensors by name.
using TensorMap = std::map<std::string, Tensor, std::less<>>;

// Numbers that symbols have in a run.
using SymbolValues = std::map<std::string, int64_t>;

// Takes the numbers of the symbols of `type` from `given`. InvalidArgument, naming `what`, if it
// does not fit.
absl::Status BindSymbols(absl::string_view what, const TensorType& type, const TensorType& given,
                         SymbolValues& symbols);

// The value of the input of this name. NotFound, with the nearest name, if there is none.
absl::StatusOr<ValueId> FindFeed(const Graph& graph, absl::string_view name);

// The value that a run's fetch of this name gives: of an output, or of any value. NotFound, with
// the nearest name, otherwise.
absl::StatusOr<ValueId> FindFetch(const Graph& graph, absl::string_view name);

// `status` with the node named before its message.
absl::Status AtNode(const absl::Status& status, absl::string_view name, absl::string_view kind);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_FEEDS_H_
