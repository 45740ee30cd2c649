// Parameters of a model chosen by patterns of their names (base/name_pattern.h).

#ifndef FLOWGRAD_TRAINING_PARAMETER_NAMES_H_
#define FLOWGRAD_TRAINING_PARAMETER_NAMES_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"

namespace flowgrad {

using ParameterNames = std::set<std::string, std::less<>>;

// NotFound, with the nearest name, if none matches.
absl::StatusOr<ParameterNames> ParametersThatMatch(absl::string_view pattern, const Graph& model);

// Those that match one of training.freeze, and those that the model calls frozen. NotFound, naming
// the field, for every pattern that none matches, one a line.
absl::StatusOr<ParameterNames> FrozenParameters(const std::vector<std::string>& freeze,
                                                const Graph& model);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_PARAMETER_NAMES_H_
