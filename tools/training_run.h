// A training run as the command line describes it: what `train` starts, and `replay` repeats.

#ifndef FLOWGRAD_TOOLS_TRAINING_RUN_H_
#define FLOWGRAD_TOOLS_TRAINING_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/model_source.h"
#include "training/trainer.h"

namespace flowgrad {

// All that the bits of a run depend on, besides the files that it names.
struct TrainingRun {
  std::string model, data;
  std::string weights;            // to start from; "": initial ones
  std::vector<std::string> take;  // patterns of those taken from `weights`; none: all
  std::optional<uint64_t> seed, epochs, steps, batch;
  std::vector<std::string> settings;
  FileLimits limits;  // of whoever reads the files: not written
};

// A trainer of the run, on threads and under observers as `options` say.
absl::StatusOr<std::unique_ptr<Trainer>> OpenTrainer(const TrainingRun& run, TrainerOptions options,
                                                     const OpRegistry& registry);

// As "run.json" in a folder of checkpoints, with whole paths.
absl::Status WriteRun(absl::string_view folder, const TrainingRun& run);
// DataLoss if the file is not what this program writes.
absl::StatusOr<TrainingRun> ReadRun(absl::string_view folder);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_TRAINING_RUN_H_
