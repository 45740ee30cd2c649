// A train step as one graph: forward, backward, and the next value of every parameter and of the
// optimizer's state.
//
// All of it is pure ops on values; what changes is in the graph's states as pairs (now, next). The
// optimizer's own state are variables named "optimizer/<parameter>/<what>", and "optimizer/step" of
// those that count. The learning rate is an input, so that a schedule rebuilds nothing.

#ifndef FLOWGRAD_TRAINING_TRAIN_GRAPH_H_
#define FLOWGRAD_TRAINING_TRAIN_GRAPH_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "training/optimizer.h"
#include "training/parameter_names.h"

namespace flowgrad {

class TrainingDef;

// Input of the train graph: double, a scalar.
inline constexpr absl::string_view kLearningRate = "optimizer/learning_rate";

// Output of the train graph: the loss. One that is not finite fails the step, with Aborted.
inline constexpr absl::string_view kCheckedLoss = "optimizer/loss";

struct TrainGraph {
  Graph graph;
  std::string loss;          // kCheckedLoss
  double learning_rate = 0;  // the optimizer's own, before any schedule
  std::vector<std::string>
      unreachable;  // parameters that the loss does not depend on: they keep their values
};

struct TrainGraphOptions {
  // Parameters that keep their values; null: those that the model calls frozen.
  const ParameterNames* frozen = nullptr;
  // The gradients, taken as one long vector, are scaled down to this norm if they are longer: by
  // clip_norm / (norm + 1e-6), as PyTorch's clip_grad_norm_ does. 0: not at all.
  double clip_norm = 0;
};

// `model` as it was built, "training_mode" not yet folded. InvalidArgument: no such loss, a loss
// that is no float or double scalar, an op without a gradient on the way to a parameter, numbers
// out of range.
absl::StatusOr<TrainGraph> BuildTrainGraph(const Graph& model, absl::string_view loss,
                                           const Optimizer& optimizer,
                                           const OpRegistry& registry = BuiltinOps(),
                                           const TrainGraphOptions& options = {});

// All as a model file says. NotFound: a pattern of training.freeze that no parameter matches.
absl::StatusOr<TrainGraph> BuildTrainGraph(const Graph& model, const TrainingDef& training,
                                           const OpRegistry& registry = BuiltinOps());

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAIN_GRAPH_H_
