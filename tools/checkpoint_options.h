// The options of `flowgrad train` about checkpoints, and what they make the trainer do.

#ifndef FLOWGRAD_TOOLS_CHECKPOINT_OPTIONS_H_
#define FLOWGRAD_TOOLS_CHECKPOINT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/training_run.h"
#include "training/trainer.h"

namespace flowgrad {

struct CheckpointFlags {
  std::string every;   // "100", "30s"
  std::string folder;  // "": after the weights, "mlp.checkpoints"
  std::string keep_best;
  std::optional<uint64_t> keep;
  std::string resume;  // "auto" or a checkpoint's folder

  bool any() const { return !every.empty() || !folder.empty() || !resume.empty(); }
};

void AddCheckpoints(CLI::App& command, CheckpointFlags& flags);

// The folder of checkpoints of a run that writes its weights to the file `weights`.
std::string FolderOf(const CheckpointFlags& flags, const std::string& weights);

// Opens the folder of checkpoints, writes there what `run` is, and goes on from one, as the flags
// say: true if it does. `weights`: the file that the run writes them to. What is refused and what
// failed is told on standard error.
absl::StatusOr<bool> StartCheckpoints(const CheckpointFlags& flags, const std::string& weights,
                                      const TrainingRun& run, Trainer& trainer);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_CHECKPOINT_OPTIONS_H_
