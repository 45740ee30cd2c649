// What can be known to be wrong with a training section before data are read.

#ifndef FLOWGRAD_TRAINING_TRAINING_CHECK_H_
#define FLOWGRAD_TRAINING_TRAINING_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "training/optimizer.h"

namespace flowgrad {

class OptimizerDef;
class TrainingDef;

// InvalidArgument with all that is wrong, one error a line.
absl::Status CheckTraining(const TrainingDef& training, const Graph& model);

// The parts of it: the loss must be a float or double scalar of the model; numbers of the optimizer
// must be in their ranges.
absl::Status CheckLoss(absl::string_view loss, const Graph& model);
absl::Status CheckOptimizer(const Optimizer& optimizer);

// What the file says, with its defaults.
Optimizer ToOptimizer(const OptimizerDef& def);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAINING_CHECK_H_
