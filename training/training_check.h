// What can be known to be wrong with a training section before data are read.

#ifndef FLOWGRAD_TRAINING_TRAINING_CHECK_H_
#define FLOWGRAD_TRAINING_TRAINING_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "proto/model.pb.h"

namespace flowgrad {

// InvalidArgument with all that is wrong, one error a line.
absl::Status CheckTraining(const TrainingDef& training, const Graph& model);

// The parts of it: the loss must be a float or double scalar of the model; numbers of the optimizer
// must be in their ranges.
absl::Status CheckLoss(absl::string_view loss, const Graph& model);
absl::Status CheckOptimizer(const OptimizerDef& optimizer);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAINING_CHECK_H_
