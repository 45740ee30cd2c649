#include "tools/first_step.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "training/safetensors.h"

namespace flowgrad {

absl::Status SaveFirstStep(const Model& model, const Workload& workload, const TensorMap& inputs,
                           const std::string& path) {
  if (workload.step == "infer") {
    return absl::InvalidArgumentError(
        "--save-step: a step that infers has no gradients: --step train or gradients has");
  }
  // A train step keeps its gradients to itself.
  std::shared_ptr<const Graph> graph = workload.graph;
  if (workload.step == "train") {
    ASSIGN_OR_RETURN(Graph backward, GradientGraph(model, /*training=*/true));
    graph = std::make_shared<const Graph>(std::move(backward));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> losses, DifferentiatedValues(model));

  std::vector<NamedTensor> tensors;
  std::vector<std::string> names = {"loss"}, fetches = {losses[0]};
  for (const GradientPair& pair : graph->gradients()) {
    names.push_back(absl::StrCat("gradient/", pair.value));
    fetches.push_back(graph->value_name(pair.gradient));
  }
  TensorMap feeds;
  for (const GraphInput& input : graph->inputs()) {
    const auto found = inputs.find(input.name);
    if (found == inputs.end()) continue;  // nothing in the step reads it
    feeds.insert(*found);
    tensors.emplace_back(absl::StrCat("input/", input.name), found->second);
  }
  StepValues values;
  values.seed = SeedOf(model);
  ASSIGN_OR_RETURN(TensorMap states, LoadStates(model, *graph, /*weights=*/"", values.seed));
  for (const auto& [name, tensor] : states) {
    tensors.emplace_back(absl::StrCat("weight/", name), tensor);
  }
  const absl::StatusOr<std::vector<Tensor>> results =
      ReferenceRun(*graph, feeds, states, fetches, values);
  if (!results.ok()) return model.Blame(results.status());
  for (size_t i = 0; i < names.size(); ++i) tensors.emplace_back(names[i], (*results)[i]);
  return SaveTensors(path, tensors, {});
}

}  // namespace flowgrad
