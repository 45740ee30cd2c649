// Saves checkpoints while training goes on, on a thread of its own.

#ifndef FLOWGRAD_TRAINING_CHECKPOINT_SAVER_H_
#define FLOWGRAD_TRAINING_CHECKPOINT_SAVER_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "training/checkpoint.h"

namespace flowgrad {

// One thread hands over. A checkpoint whose states are not all finite is refused: what it would
// push out may be the last good one.
class CheckpointSaver {
 public:
  // Keeps the newest `keep_last` and, of those handed over as best so far, the last.
  CheckpointSaver(CheckpointFolder folder, int keep_last);
  CheckpointSaver(const CheckpointSaver&) = delete;
  CheckpointSaver& operator=(const CheckpointSaver&) = delete;
  ~CheckpointSaver();  // waits

  const CheckpointFolder& folder() const { return folder_; }

  // Waits for the one before and gives its error; this one is saved meanwhile.
  absl::Status Save(Checkpoint checkpoint, bool best = false);
  // Waits for all, and gives the error of the last.
  absl::Status Wait();

  // The steps of the newest that was saved here, and of the best; -1: none.
  int64_t last_step() const;
  int64_t best_step() const;
  void set_best_step(int64_t step);

 private:
  struct Work {
    Checkpoint checkpoint;
    bool best;
  };
  void Run();
  absl::Status SaveNow(const Work& work);

  CheckpointFolder folder_;
  const int keep_last_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Work> work_;
  bool stop_ = false;
  absl::Status status_;  // of the last
  int64_t last_step_ = -1, best_step_ = -1;
  std::thread thread_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_CHECKPOINT_SAVER_H_
