#include "tests/fuzz/exercise.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/graph_builder.h"
#include "graph/graph_text.h"
#include "graph/initializer.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "ops/builtin_ops.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/planned_run.h"
#include "training/train_graph.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

// What is run must take milliseconds: elements of all values together.
constexpr int64_t kMostElements = 1 << 15;
constexpr size_t kMostNodes = 300;
constexpr int64_t kSymbolValue = 2;

// All values of a graph without symbols, -1 for too many.
int64_t NumElementsOf(const Graph& graph) {
  int64_t total = 0;
  for (const Node& node : graph.nodes()) {
    for (const Node::Output& output : node.outputs) {
      const int64_t count =
          IsKnown(output.type.shape) ? NumElements(KnownDims(output.type.shape)) : -1;
      if (count < 0 || count > kMostElements || (total += count) > kMostElements) return -1;
    }
  }
  return total;
}

// The model with numbers for the symbols of its inputs: those that their values have, or else
// kSymbolValue.
ModelDef WithoutSymbols(const ModelDef& model, const Graph& graph) {
  std::map<std::string, int64_t> symbols;
  for (const GraphInput& input : graph.inputs()) {
    const SymbolicShape& shape = graph.type(input.value).shape;
    for (size_t d = 0; input.default_value.present() && d < shape.size(); ++d) {
      if (!shape[d].known()) symbols.emplace(shape[d].ToString(), input.default_value.dims()[d]);
    }
  }
  ModelDef numbered = model;
  for (InputDef& input : *numbered.mutable_graph()->mutable_input()) {
    absl::StatusOr<TensorType> type = ParseTensorType(input.type());
    if (!type.ok()) continue;
    for (Dim& dim : type->shape) {
      if (!dim.known()) dim = symbols.emplace(dim.ToString(), kSymbolValue).first->second;
    }
    input.set_type(type->ToString());
  }
  return numbered;
}

TensorMap FeedsOf(const Graph& graph) {
  TensorMap feeds;
  for (const GraphInput& input : graph.inputs()) {
    if (input.default_value.present()) {
      feeds[input.name] = input.default_value;
      continue;
    }
    const TensorType& type = graph.type(input.value);
    const Initializer init = IsFloating(type.dtype) ? Normal(0, 1) : Zeros();
    const absl::StatusOr<Tensor> drawn =
        Initialize(init, input.name, type.dtype, KnownDims(type.shape), /*seed=*/1);
    if (!drawn.ok()) Finding(drawn.status().ToString());
    feeds[input.name] = *drawn;
  }
  return feeds;
}

// True if the run succeeded.
bool RunBothWays(const Graph& graph, std::vector<std::string> fetches, const TensorMap& feeds) {
  const absl::StatusOr<TensorMap> states = InitializeStates(graph, /*seed=*/1);
  if (!states.ok()) {
    CheckRefusal(states.status());
    return false;
  }
  PlannedGraph planned;
  planned.graph = std::make_shared<const Graph>(graph);
  planned.feeds = feeds;
  planned.states = *states;
  planned.fetches = std::move(fetches);
  TensorMap copy = *states;
  const absl::Status expected = ReferenceRun(graph, feeds, copy, planned.fetches, StepValues(),
                                             /*update_states=*/true)
                                    .status();
  if (!expected.ok()) CheckRefusal(expected);
  const absl::Status made = PlannedRun::Make(planned.graph, feeds, *states, planned.fetches,
                                             /*update_states=*/true)
                                .status();
  if (!made.ok()) {
    CheckRefusal(made);
    if (expected.ok()) Finding(absl::StrCat("no plan, but a reference run: ", made.ToString()));
    return false;
  }
  // Tasks as small as can be, so that there are several.
  PlanOptions options;
  options.task_ns = options.piece_ns = 10;
  options.serial_ns = 0;
  options.min_rows = 1;
  for (const PlanOptions& some : {PlanOptions(), options}) {
    const std::string difference =
        DifferenceFromReference(planned, /*steps=*/1, some, /*threads=*/1);
    if (!difference.empty()) Finding(difference);
  }
  return expected.ok();
}

std::vector<std::string> OutputNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const GraphOutput& output : graph.outputs()) names.push_back(output.name);
  return names;
}

// The model's loss, or the sum of its first float output. Sets `name`.
absl::StatusOr<Graph> WithLoss(const ModelDef& model, const Graph& graph, std::string& name) {
  name = model.training().loss();
  if (CheckLoss(name, graph).ok()) return graph;
  GraphBuilder builder(graph, BuiltinOps());
  for (const GraphOutput& output : graph.outputs()) {
    if (!IsFloating(graph.type(output.value).dtype)) continue;
    const Value value{&builder, output.value.node, output.value.port};
    const Value sum = Call("ReduceSum", {value}, {{"keepdims", 0}});
    name = builder.UniqueName("fuzz/loss");
    builder.Rename(sum, name);
    builder.Output(sum);
    return std::move(builder).Build();
  }
  return absl::InvalidArgumentError("no output is float or double");
}

bool TrainOnce(const ModelDef& model, const Graph& graph, TensorMap feeds) {
  std::string loss;
  const absl::StatusOr<Graph> with_loss = WithLoss(model, graph, loss);
  if (!with_loss.ok()) {
    CheckRefusal(with_loss.status());
    return false;
  }
  const Optimizer optimizer = model.training().has_optimizer()
                                  ? ToOptimizer(model.training().optimizer())
                                  : Optimizer::Adam(0.01);
  const absl::StatusOr<TrainGraph> train = BuildTrainGraph(*with_loss, loss, optimizer);
  if (!train.ok()) {
    CheckRefusal(train.status());
    return false;
  }
  if (NumElementsOf(train->graph) < 0) return false;
  Tensor rate(DType::kDouble, {});
  rate.set(0, train->learning_rate);
  feeds[std::string(kLearningRate)] = rate;
  return RunBothWays(train->graph, {train->loss}, feeds);
}

}  // namespace

void Finding(absl::string_view message) {
  std::fprintf(stderr, "finding: %.*s\n", static_cast<int>(message.size()), message.data());
  std::abort();
}

void CheckRefusal(const absl::Status& status) {
  const absl::StatusCode code = status.code();
  const bool good =
      code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kNotFound ||
      code == absl::StatusCode::kFailedPrecondition || code == absl::StatusCode::kDataLoss ||
      code == absl::StatusCode::kAborted || code == absl::StatusCode::kOutOfRange ||
      code == absl::StatusCode::kResourceExhausted;
  if (!good || status.message().empty()) Finding(status.ToString());
}

Came Exercise(const ModelDef& model) {
  const absl::StatusOr<Graph> built = BuildGraph(model.graph(), BuiltinOps());
  if (!built.ok()) {
    CheckRefusal(built.status());
    return Came::kRefused;
  }
  if (model.has_training()) {
    const absl::Status status = CheckTraining(model.training(), *built);
    if (!status.ok()) CheckRefusal(status);
  }
  if (built->nodes().size() > kMostNodes) return Came::kBuilt;
  if (GraphText(*built).empty() && !built->nodes().empty()) Finding("no text");
  const ModelDef numbered = WithoutSymbols(model, *built);
  const absl::StatusOr<Graph> graph = BuildGraph(numbered.graph(), BuiltinOps());
  if (!graph.ok()) {
    CheckRefusal(graph.status());
    return Came::kBuilt;
  }
  if (NumElementsOf(*graph) < 0) return Came::kBuilt;
  const absl::StatusOr<Graph> infers = FoldTrainingMode(*graph, /*training=*/false);
  if (!infers.ok()) Finding(infers.status().ToString());
  const TensorMap feeds = FeedsOf(*graph);
  const bool ran = RunBothWays(*infers, OutputNames(*infers), feeds);
  if (TrainOnce(model, *graph, feeds)) return Came::kTrained;
  return ran ? Came::kRan : Came::kBuilt;
}

}  // namespace flowgrad
