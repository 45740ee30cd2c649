#include "training/parameter_names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/name_pattern.h"
#include "base/text.h"

namespace flowgrad {

absl::StatusOr<ParameterNames> ParametersThatMatch(absl::string_view pattern, const Graph& model) {
  ParameterNames matching;
  std::vector<std::string> parameters;
  for (const State& state : model.states()) {
    if (!state.trained) continue;
    parameters.push_back(state.name);
    if (MatchesPattern(pattern, state.name)) matching.insert(state.name);
  }
  if (!matching.empty()) return matching;
  return absl::NotFoundError(
      absl::StrCat("no parameter matches ", Quoted(pattern), DidYouMean(pattern, parameters)));
}

absl::StatusOr<ParameterNames> FrozenParameters(const std::vector<std::string>& freeze,
                                                const Graph& model) {
  ParameterNames frozen;
  for (const State& state : model.states()) {
    if (state.trained && state.frozen) frozen.insert(state.name);
  }
  std::vector<std::string> errors;
  for (const std::string& pattern : freeze) {
    const absl::StatusOr<ParameterNames> matching = ParametersThatMatch(pattern, model);
    if (matching.ok()) {
      frozen.insert(matching->begin(), matching->end());
    } else {
      errors.push_back(absl::StrCat("training.freeze: ", matching.status().message()));
    }
  }
  if (errors.empty()) return frozen;
  return absl::NotFoundError(absl::StrJoin(errors, "\n"));
}

}  // namespace flowgrad
