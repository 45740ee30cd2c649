#include "tools/model_view.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "scheduler/reference_run.h"
#include "tools/tensor_text.h"

namespace flowgrad {
namespace {

constexpr int64_t kLargestModel = int64_t{64} << 20;

absl::StatusOr<std::string> Comment(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kLargestModel));
  std::string comment;
  for (absl::string_view line : absl::StrSplit(bytes, '\n')) {
    if (!absl::ConsumePrefix(&line, "#")) break;
    absl::ConsumePrefix(&line, " ");
    absl::StrAppend(&comment, line, "\n");
  }
  return comment;
}

// The gradients that the graph lists, from the one at `first` on.
void NoteDerivatives(ModelView& view, size_t first) {
  const std::vector<GradientPair>& pairs = view.both.gradients();
  for (size_t i = first; i < pairs.size(); ++i) {
    view.derivatives[pairs[i].value] = view.both.value_name(pairs[i].gradient);
  }
}

absl::Status AppendBackwardGraph(const Model& model, ModelView& view) {
  absl::StatusOr<Graph> both =
      Differentiate(view.graph, view.y, GradientTargets::kAll, "", nullptr, *model.registry);
  if (!both.ok()) return model.Blame(both.status());
  view.both = *std::move(both);
  NoteDerivatives(view, view.graph.gradients().size());
  return absl::OkStatus();
}

absl::Status Run(const Model& model, ModelView& view) {
  std::vector<std::string> names;
  for (const Node& node : view.both.nodes()) {
    for (const Node::Output& output : node.outputs) {
      if (!output.name.empty()) names.push_back(output.name);
    }
  }
  ASSIGN_OR_RETURN(const TensorMap feeds, LoadFeeds(model, view.both, names, {}));
  ASSIGN_OR_RETURN(TensorMap states, LoadStates(model, view.both, "", SeedOf(model)));
  const StepValues step_values{.seed = SeedOf(model)};
  const absl::StatusOr<std::vector<Tensor>> tensors =
      ReferenceRun(view.both, feeds, states, names, step_values);
  if (!tensors.ok()) return model.Blame(tensors.status());
  for (size_t i = 0; i < names.size(); ++i) view.values[names[i]] = ShortText((*tensors)[i]);
  if (view.graph.gradients().empty() || view.y.empty()) return absl::OkStatus();
  absl::StatusOr<std::vector<WrittenGradient>> written =
      CompareWrittenGradients(view.graph, {view.y}, feeds, states, step_values, *model.registry);
  if (!written.ok()) return model.Blame(written.status());
  view.written = *std::move(written);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelView> ViewModel(const Model& model, const std::string& y, bool training) {
  ModelView view;
  view.y = y;
  ASSIGN_OR_RETURN(view.comment, Comment(model.path));
  std::vector<std::string> wanted;
  if (!y.empty()) wanted.push_back(y);
  ASSIGN_OR_RETURN(view.graph, GraphForMode(model, training, wanted));
  for (const GraphOutput& output : view.graph.outputs()) wanted.push_back(output.name);
  const absl::StatusOr<std::vector<bool>> shown = NeededNodes(view.graph, wanted);
  if (!shown.ok()) return model.Blame(shown.status());
  view.shown = *shown;
  view.both = view.graph;
  if (!y.empty()) view.differentiated = AppendBackwardGraph(model, view);
  if (y.empty() || !view.differentiated.ok()) NoteDerivatives(view, 0);
  view.ran = Run(model, view);
  return view;
}

std::vector<std::string> NodeKinds(const Graph& graph) {
  std::vector<std::string> kinds;
  for (const Node& node : graph.nodes()) kinds.push_back(node.op == nullptr ? "input" : "op");
  for (const State& state : graph.states()) {
    kinds[state.now.node] = state.trained ? "parameter" : "variable";
  }
  return kinds;
}

}  // namespace flowgrad
