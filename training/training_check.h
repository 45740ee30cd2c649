// What can be known to be wrong with a training section before data are read.

#ifndef FLOWGRAD_TRAINING_TRAINING_CHECK_H_
#define FLOWGRAD_TRAINING_TRAINING_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "training/optimizer.h"

namespace flowgrad {

class OptimizerDef;
class ScheduleDef;
class TrainingDef;

// InvalidArgument with all that is wrong, one error a line. `has_data`: the program has the data,
// so that no source needs to be named.
absl::Status CheckTraining(const TrainingDef& training, const Graph& model, bool has_data = false);

// The parts of it: the loss must be a float or double scalar of the model; numbers of the optimizer
// must be in their ranges.
absl::Status CheckLoss(absl::string_view loss, const Graph& model);
absl::Status CheckOptimizer(const Optimizer& optimizer);
absl::Status CheckClipNorm(double clip_norm);
absl::Status CheckSchedule(const ScheduleDef& schedule);

// What the file says, with its defaults.
Optimizer ToOptimizer(const OptimizerDef& def);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAINING_CHECK_H_
