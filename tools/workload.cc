#include "tools/workload.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/autodiff.h"
#include "scheduler/feeds.h"
#include "training/train_graph.h"

namespace flowgrad {
namespace {

constexpr uint64_t kSeed = 1;
// Numbers from 0 to 1 for integers of which nothing is known.
constexpr int64_t kFewClasses = 2;

// "benchmarks/lenet.pbtxt" gives "lenet".
std::string NameOf(const Model& model) {
  if (!model.graph.name().empty()) return model.graph.name();
  const std::string file = model.path.substr(model.path.rfind('/') + 1);
  return file.substr(0, file.rfind('.'));
}

bool HasFloatOutput(const Graph& graph) {
  for (const GraphOutput& output : graph.outputs()) {
    if (IsFloating(graph.type(output.value).dtype)) return true;
  }
  return false;
}

absl::Status MakeTrainStep(const Model& model, Workload& workload) {
  if (!model.def.has_training()) {
    return model.Blame(absl::InvalidArgumentError(
        "model has no training section: --step gradients or infer can be had"));
  }
  absl::StatusOr<TrainGraph> train =
      BuildTrainGraph(model.graph, model.def.training(), *model.registry);
  if (!train.ok()) return model.Blame(train.status());
  workload.graph = std::make_shared<const Graph>(std::move(train->graph));
  workload.fetches = {train->loss};
  workload.learning_rate = train->learning_rate;
  workload.update_states = true;
  return absl::OkStatus();
}

absl::Status MakeGradients(const Model& model, Workload& workload) {
  ASSIGN_OR_RETURN(const std::vector<std::string> values, DifferentiatedValues(model));
  ASSIGN_OR_RETURN(Graph graph, GradientGraph(model, /*training=*/false));
  workload.fetches = {values[0]};
  for (const GradientPair& pair : graph.gradients()) {
    workload.fetches.push_back(graph.value_name(pair.gradient));
  }
  workload.graph = std::make_shared<const Graph>(std::move(graph));
  return absl::OkStatus();
}

absl::Status MakeInference(const Model& model, Workload& workload) {
  ASSIGN_OR_RETURN(Graph graph, GraphForMode(model, /*training=*/false, {}));
  for (const GraphOutput& output : graph.outputs()) workload.fetches.push_back(output.name);
  workload.graph = std::make_shared<const Graph>(std::move(graph));
  return absl::OkStatus();
}

absl::Status BindInputs(const Model& model, int64_t batch, Workload& workload) {
  for (const GraphInput& input : workload.graph->inputs()) {
    TensorType type = workload.graph->type(input.value);
    for (Dim& dim : type.shape) {
      if (dim.known()) continue;
      dim = Dim(batch);
      workload.batch = batch;
    }
    const int64_t elements = NumElements(KnownDims(type.shape));
    const absl::Status fits =
        elements < 0 ? absl::InvalidArgumentError(absl::StrCat(
                           "input ", Quoted(input.name), ": ", DimsString(KnownDims(type.shape)),
                           " are more elements than can be counted"))
                     : CheckFitsMemory(absl::StrCat("input ", Quoted(input.name)),
                                       elements * DTypeSize(type.dtype));
    if (!fits.ok()) return model.Blame(fits);
    workload.types[input.name] = std::move(type);
  }
  return absl::OkStatus();
}

// The size of what `value` is an index into: the axis of the data that an op reads beside it. -1 if
// no op does. Values that are the same numbers in another shape or dtype count as `value`.
int64_t SizeIndexedBy(const Graph& graph, ValueId value) {
  std::vector<ValueId> same = {value};
  for (size_t i = 0; i < same.size(); ++i) {
    for (size_t n = 0; n < graph.nodes().size(); ++n) {
      const Node& node = graph.nodes()[n];
      for (size_t k = 0; k < node.inputs.size(); ++k) {
        if (node.inputs[k] != same[i]) continue;
        const OpDef& op = *node.op;
        if (k == 0 && (op.name() == "Cast" || op.body() == OpDef::Body::kView)) {
          same.push_back({static_cast<int32_t>(n), 0});
        }
        const std::string& port = op.input_port(static_cast<int>(k)).name;
        if (k == 0 || (port != "labels" && port != "indices") || !node.attributes.has("axis")) {
          continue;
        }
        const SymbolicShape& data = graph.type(node.inputs[0]).shape;
        const int64_t axis = node.attributes.Int("axis");
        const auto rank = static_cast<int64_t>(data.size());
        const Dim& dim = data[axis < 0 ? axis + rank : axis];
        if (dim.known() && dim.value() > 0) return dim.value();
      }
    }
  }
  return -1;
}

Tensor Draw(const TensorType& type, int64_t classes, std::mt19937_64& random) {
  Tensor tensor(type.dtype, KnownDims(type.shape));
  const int64_t count = tensor.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    const auto uniform = static_cast<float>(random() >> 40) * 0x1p-24f;
    tensor.set(i, IsFloating(type.dtype)
                      ? uniform
                      : static_cast<double>(random() % static_cast<uint64_t>(classes)));
  }
  return tensor;
}

}  // namespace

absl::StatusOr<Graph> GradientGraph(const Model& model, bool training) {
  ASSIGN_OR_RETURN(const std::vector<std::string> values, DifferentiatedValues(model));
  const std::string& y = values[0];
  ASSIGN_OR_RETURN(Graph graph, GraphForMode(model, training, {y}));
  if (!graph.gradients().empty()) return graph;
  bool has_parameters = false;
  for (const State& state : graph.states()) has_parameters |= state.trained && !state.frozen;
  const GradientTargets targets =
      has_parameters ? GradientTargets::kParameters : GradientTargets::kInputs;
  ASSIGN_OR_RETURN(const ValueId value, FindFetch(graph, y));
  absl::StatusOr<Graph> backward =
      Differentiate(graph, graph.value_name(value), targets, "", nullptr, *model.registry);
  if (!backward.ok()) return model.Blame(backward.status());
  return backward;
}

std::vector<std::string> WorkloadSteps() { return {"train", "gradients", "infer"}; }

absl::StatusOr<Workload> MakeWorkload(const Model& model, const std::string& step,
                                      std::optional<uint64_t> batch) {
  Workload workload;
  workload.name = NameOf(model);
  workload.step = !step.empty()                 ? step
                  : model.def.has_training()    ? "train"
                  : HasFloatOutput(model.graph) ? "gradients"
                                                : "infer";
  RETURN_IF_ERROR(workload.step == "train"       ? MakeTrainStep(model, workload)
                  : workload.step == "gradients" ? MakeGradients(model, workload)
                                                 : MakeInference(model, workload));
  const int64_t given = model.def.training().batch_size();
  const int64_t number = batch ? static_cast<int64_t>(*batch) : given > 0 ? given : 1;
  RETURN_IF_ERROR(BindInputs(model, number, workload));
  return workload;
}

absl::StatusOr<TensorMap> DrawInputs(const Model& model, const Workload& workload) {
  std::mt19937_64 random(kSeed);
  TensorMap inputs;
  for (const GraphInput& input : workload.graph->inputs()) {
    const TensorType& type = workload.types.at(input.name);
    if (workload.update_states && input.name == kLearningRate) {
      inputs[input.name] = Tensor::Scalar(workload.learning_rate);
    } else if (input.default_value.present() && input.default_value.type() == type) {
      inputs[input.name] = input.default_value.Contiguous();
    } else {
      const int64_t size = SizeIndexedBy(model.graph, model.graph.Find(input.name));
      inputs[input.name] = Draw(type, size > 0 ? size : kFewClasses, random);
    }
  }
  return inputs;
}

}  // namespace flowgrad
