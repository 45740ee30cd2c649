// What makes a run the run it is: the same identity, the same bits.

#ifndef FLOWGRAD_TRAINING_RUN_IDENTITY_H_
#define FLOWGRAD_TRAINING_RUN_IDENTITY_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "training/checkpoint.h"
#include "training/data/dataset.h"

namespace flowgrad {

class TrainingDef;

// Texts and checksums of the model, the training data, the seed and everything in the training
// section that a step depends on. The length of the run is among them only if the schedule of the
// learning rate depends on it, so that a run can be made longer; what is only measured or logged is
// not. Errors of the data.
absl::StatusOr<RunIdentity> IdentityOf(const Graph& model, const TrainingDef& training,
                                       int64_t num_steps, const DataSet& data);

// Of names, types and values; of a set of more than 64 MiB, of 4,096 samples of it.
absl::StatusOr<std::string> FingerprintOf(const DataSet& data);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_RUN_IDENTITY_H_
