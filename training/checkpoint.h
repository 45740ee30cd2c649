// Checkpoints: what a run needs to go on as if it had never stopped.
//
//   runs/mlp/lock                    one process writes here
//   runs/mlp/step-000001200/manifest.json       which run, which step; lengths and checksums of
//   what
//                                               stands beside it, and one of itself
//                          /states.safetensors  parameters, variables, the optimizer's states
//                          /history.csv         the rows so far
//
// A checkpoint has its name only when all of it is on the disk: it is written to a folder
// ".step-000001200-<process>.tmp", each file is flushed, the folder is flushed and renamed, and so
// is the folder that it lies in. Only then are older ones removed. What is read is looked at byte
// by byte: a checkpoint that is not what was written is not half-loaded but refused.

#ifndef FLOWGRAD_TRAINING_CHECKPOINT_H_
#define FLOWGRAD_TRAINING_CHECKPOINT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/folder.h"
#include "training/safetensors.h"

namespace flowgrad {

// What has to be the same for a run to go on: "optimizer" and "adam { learning_rate: 0.001 }".
using RunIdentity = std::map<std::string, std::string>;

struct Checkpoint {
  int64_t step = 0;                 // steps done
  std::vector<NamedTensor> states;  // all that the session keeps between steps
  std::string history;              // History::ToCsv()
  RunIdentity identity;
  // Anything else that the run counts, exactly.
  std::map<std::string, std::string> counts;
};

// `optimizer: was "sgd {...}", but is "adam {...}"` for everything that differs, one a line; "" if
// nothing does.
std::string Differences(const RunIdentity& was, const RunIdentity& is);

// The checkpoint in a folder of this name. DataLoss, with the file, for one that is cut, damaged or
// of another version; NotFound where there is no manifest.
absl::StatusOr<Checkpoint> ReadCheckpoint(absl::string_view folder);

// Steps of the checkpoints in a run's folder, whole or not, in ascending order.
absl::StatusOr<std::vector<int64_t>> StepsOfCheckpoints(absl::string_view folder);
// The folder of a step's checkpoint in a run's folder.
std::string FolderOfCheckpoint(absl::string_view folder, int64_t step);

// The newest in a run's folder that is whole. `refused` gets the error of each newer one. NotFound
// if there is no checkpoint; DataLoss if there are some and none is whole.
absl::StatusOr<Checkpoint> LoadNewestCheckpoint(
    absl::string_view folder, const std::function<void(const absl::Status&)>& refused);

// Where a run keeps its checkpoints. Thread-compatible.
class CheckpointFolder {
 public:
  // Makes the folder, if need be, and keeps it from other processes: FailedPrecondition if one has
  // it. What a killed process has left half-written is removed.
  static absl::StatusOr<CheckpointFolder> Open(absl::string_view path);

  const std::string& path() const { return path_; }
  // Adds a checkpoint. A whole one of this run and step is left as it is, any other replaced. On an
  // error the other checkpoints are as they were, and nothing half-written stays.
  absl::Status Save(const Checkpoint& checkpoint);

  // Removes all but the newest `keep` and those of the steps in `kept`.
  absl::Status Prune(int keep, const std::vector<int64_t>& kept = {});

 private:
  CheckpointFolder(std::string path, FolderLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  FolderLock lock_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_CHECKPOINT_H_
