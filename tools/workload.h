// One step of a model, as it is planned and measured: what `bench` runs and `show --format plan`
// shows.

#ifndef FLOWGRAD_TOOLS_WORKLOAD_H_
#define FLOWGRAD_TOOLS_WORKLOAD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "scheduler/bound_graph.h"
#include "scheduler/reference_run.h"
#include "tools/model_source.h"

namespace flowgrad {

struct Workload {
  std::string name;  // of the graph, or else of the file
  std::string step;  // "train", "gradients" or "infer"
  std::shared_ptr<const Graph> graph;
  std::vector<std::string> fetches;
  bool update_states = false;
  double learning_rate = 0;      // of a train step: the optimizer's own
  FedTypes types;                // every input is fed, so that none is folded
  std::optional<int64_t> batch;  // absent if no input has a symbol
};

inline constexpr uint64_t kMostBatch = uint64_t{1} << 31;

// What Workload::step may be.
std::vector<std::string> WorkloadSteps();
// For the help of commands that take one.
inline constexpr absl::string_view kStepHelp =
    "One train step; the first float output (or training.loss) and its gradients by the "
    "parameters, or else by the float inputs; or all outputs. Default: train if the model has a "
    "training section, else gradients if it has a float output, else infer";

// `step` is one of WorkloadSteps(), or "" for the default. Symbols in the types of inputs are
// `batch`, by default training.batch_size, or 1.
absl::StatusOr<Workload> MakeWorkload(const Model& model, const std::string& step,
                                      std::optional<uint64_t> batch);

// The graph that trains or infers with gradients of the first value of DifferentiatedValues():
// those that the model has, or else by the parameters, or else by the inputs.
absl::StatusOr<Graph> GradientGraph(const Model& model, bool training);

// A tensor for each input: the value in the model where it has the shape of the workload; else
// floats uniform in [0, 1), and integers uniform over what the input is an index into, or 0 and 1
// where that cannot be seen. The same workload gives the same numbers.
absl::StatusOr<TensorMap> DrawInputs(const Model& model, const Workload& workload);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_WORKLOAD_H_
