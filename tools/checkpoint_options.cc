#include "tools/checkpoint_options.h"

#include <cstdio>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "tools/command.h"
#include "tools/options.h"
#include "training/checkpoint.h"

namespace flowgrad {
namespace {

constexpr char kAuto[] = "auto";
constexpr uint64_t kMostEvery = uint64_t{1} << 40;

struct Every {
  int64_t steps = 0;
  absl::Duration time = absl::ZeroDuration();
};

// "100": steps; "30s": seconds.
std::optional<Every> ParseEvery(absl::string_view text) {
  const bool seconds = absl::ConsumeSuffix(&text, "s");
  uint64_t number;
  if (!absl::SimpleAtoi(text, &number) || number < 1 || number > kMostEvery) return std::nullopt;
  Every every;
  if (seconds) {
    every.time = absl::Seconds(number);
  } else {
    every.steps = static_cast<int64_t>(number);
  }
  return every;
}

std::string CheckEvery(const std::string& text) {
  return ParseEvery(text) ? ""
                          : absl::StrCat(
                                "must be a number of steps, \"100\", or of seconds, "
                                "\"30s\", but is ",
                                Quoted(text));
}

}  // namespace

void AddCheckpoints(CLI::App& command, CheckpointFlags& flags) {
  AddText(command, "--checkpoint-every", flags.every,
          "Save all that training needs to go on after so many steps, or seconds: 100, 30s", "N|Ns")
      ->check(CheckEvery);
  AddText(command, "--checkpoints", flags.folder,
          "Folder of the checkpoints; default: the name of --out, with .checkpoints", "DIR");
  AddNumber(command, "--keep-checkpoints", flags.keep, 1, 1000000,
            "How many of the newest stay; default: 2");
  AddText(command, "--keep-best", flags.keep_best,
          "Keep the checkpoint where this metric was best, too", "METRIC");
  AddText(command, "--resume", flags.resume,
          "Go on from the newest checkpoint that is whole (auto; where there is none, from the "
          "beginning), or from this one",
          "auto|DIR");
}

std::string FolderOf(const CheckpointFlags& flags, const std::string& weights) {
  if (!flags.folder.empty()) return flags.folder;
  return absl::StrCat(absl::StripSuffix(weights, ".safetensors"), ".checkpoints");
}

absl::StatusOr<bool> StartCheckpoints(const CheckpointFlags& flags, const std::string& weights,
                                      const TrainingRun& run, Trainer& trainer) {
  if (!flags.any()) return false;
  CheckpointOptions options;
  options.folder = FolderOf(flags, weights);
  if (const std::optional<Every> every = ParseEvery(flags.every)) {
    options.every_steps = every->steps;
    options.every = every->time;
  }
  options.keep_last = static_cast<int>(flags.keep.value_or(2));
  options.keep_best = flags.keep_best;
  options.on_failed_save = [](const absl::Status& status) {
    Warn(absl::StrCat("a checkpoint was not saved: ", status.message()));
    return absl::OkStatus();
  };
  const std::string folder = options.folder;
  RETURN_IF_ERROR(trainer.KeepCheckpoints(std::move(options)));
  RETURN_IF_ERROR(WriteRun(folder, run));
  if (flags.resume.empty()) return false;
  absl::Status resumed;
  if (flags.resume == kAuto) {
    resumed = trainer.ResumeNewest(
        [](const absl::Status& status) { Warn(absl::StrCat("refused: ", status.message())); });
    if (absl::IsNotFound(resumed)) {
      Warn(absl::StrCat(PathText(folder), " has no checkpoint: training begins at step 0"));
      return false;
    }
  } else {
    absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(flags.resume);
    RETURN_IF_ERROR(checkpoint.status());
    resumed = InFile(flags.resume, trainer.Resume(*checkpoint));
  }
  RETURN_IF_ERROR(resumed);
  std::fputs(absl::StrCat("resumed after step ", trainer.step(), " of ", trainer.num_steps(), "\n")
                 .c_str(),
             stderr);
  return true;
}

}  // namespace flowgrad
