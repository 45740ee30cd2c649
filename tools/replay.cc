// flowgrad replay: repeats steps of a run that kept checkpoints.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/training_run.h"
#include "training/checkpoint.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 300 --checkpoint-every 100 --out again.safetensors
  flowgrad replay again.checkpoints
  flowgrad replay again.checkpoints --from-step 200 --to-first-nan

Begins at the newest checkpoint of the run that is whole, or at the beginning if it has none, and takes the
steps after it again, with the same bits, to the last of the run. Writes no file.)";

struct ReplayOptions {
  std::string folder;
  FileLimits limits;
  MemoryLimit memory_limit;
  std::optional<uint64_t> from_step, threads;
  bool to_first_nan = false, quiet = false;
};

// The checkpoint to begin at; none where the run has none.
absl::StatusOr<std::optional<Checkpoint>> Start(const ReplayOptions& options) {
  if (options.from_step) {
    if (*options.from_step == 0) return std::nullopt;
    return ReadCheckpoint(
        FolderOfCheckpoint(options.folder, static_cast<int64_t>(*options.from_step)));
  }
  absl::StatusOr<Checkpoint> newest = LoadNewestCheckpoint(
      options.folder,
      [](const absl::Status& status) { Warn(absl::StrCat("refused: ", status.message())); });
  if (absl::IsNotFound(newest.status())) return std::nullopt;
  return newest;
}

absl::Status TakeSteps(Trainer& trainer, const std::atomic<bool>* stop, bool quiet) {
  const int64_t first = trainer.step();
  Progress progress(trainer.num_steps() - first, "steps", quiet);
  const absl::Time start = absl::Now();
  while (!trainer.done() && !*stop) {
    ASSIGN_OR_RETURN(const double loss, trainer.Step());
    const int64_t done = trainer.step() - first;
    if (progress.IsDue(done)) {
      progress.Show(done, absl::StrFormat("step %d  loss %.4f", trainer.step(), loss),
                    absl::Now() - start);
    }
  }
  return absl::OkStatus();
}

absl::Status Replay(const ReplayOptions& options, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(TrainingRun run, ReadRun(options.folder));
  run.limits = options.limits;
  ASSIGN_OR_RETURN(const std::optional<Checkpoint> start, Start(options));
  const Interrupt interrupt;
  TrainerOptions settings;
  settings.threads = static_cast<int>(options.threads.value_or(0));
  settings.check_numerics = options.to_first_nan;
  settings.memory_limit = options.memory_limit;
  ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer, OpenTrainer(run, settings, registry));
  if (start) {
    RETURN_IF_ERROR(
        InFile(FolderOfCheckpoint(options.folder, start->step), trainer->Resume(*start)));
  }
  const int64_t first = trainer->step();
  const absl::Status status = TakeSteps(*trainer, interrupt.flag(), options.quiet);
  const bool found = options.to_first_nan && absl::IsAborted(status);
  if (!found) RETURN_IF_ERROR(InFile(run.model, status));
  if (*interrupt.flag()) {
    return absl::CancelledError(
        absl::StrCat("interrupted after step ", trainer->step(), " of ", trainer->num_steps()));
  }
  const int64_t last = trainer->step() + found;
  std::string text = last > first ? absl::StrCat("steps: ", first + 1, " to ", last, "\n")
                                  : absl::StrCat("steps: none after ", first, "\n");
  if (options.to_first_nan) {
    absl::StrAppend(&text, "first_nan: ", found ? status.message() : "none", "\n");
  }
  ASSIGN_OR_RETURN(const std::string hash, trainer->session().WeightsHash());
  return Print(absl::StrCat(text, "weights_hash: ", hash, "\n"));
}

}  // namespace

Command AddReplayCommand(CLI::App& program, const OpRegistry& registry) {
  CLI::App& command = *program.add_subcommand(
      "replay", "Repeat the last steps of a run, and find where its first NaN comes from");
  auto options = std::make_shared<ReplayOptions>();
  command.add_option("RUN", options->folder, "Folder of a run's checkpoints: mlp.checkpoints")
      ->required()
      ->type_name("");
  command.add_flag("--to-first-nan", options->to_first_nan,
                   "Look at every number of every node, and end at the step where the first NaN or "
                   "infinity is made, with the node, the place and what it was made from");
  AddNumber(command, "--from-step", options->from_step, 0, uint64_t{1} << 40,
            "Begin at the checkpoint of this step; 0: at the beginning");
  AddThreads(command, options->threads);
  AddLimits(command, options->limits);
  AddMemoryLimit(command, options->memory_limit);
  command.add_flag("-q,--quiet", options->quiet, "Show no progress");
  command.footer(kExample);
  return {&command, [options, &registry] { return Replay(*options, registry); }};
}

}  // namespace flowgrad
