#include "training/checkpoint_saver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/finite.h"

namespace flowgrad {
namespace {

absl::Status CheckFinite(const Checkpoint& checkpoint) {
  for (const auto& [name, tensor] : checkpoint.states) {
    const int64_t place = FirstNotFinite(tensor);
    if (place < 0) continue;
    return absl::AbortedError(absl::StrCat("no checkpoint of step ", checkpoint.step, ": state ",
                                           Quoted(name), " is not finite at element ", place,
                                           "; find out why with --check-numerics"));
  }
  return absl::OkStatus();
}

}  // namespace

CheckpointSaver::CheckpointSaver(CheckpointFolder folder, int keep_last)
    : folder_(std::move(folder)), keep_last_(keep_last), thread_([this] { Run(); }) {}

CheckpointSaver::~CheckpointSaver() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::Status CheckpointSaver::Save(Checkpoint checkpoint, bool best) {
  absl::Status before = Wait();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_ = Work{std::move(checkpoint), best};
  }
  changed_.notify_all();
  return before;
}

absl::Status CheckpointSaver::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !work_.has_value(); });
  return std::exchange(status_, absl::OkStatus());
}

int64_t CheckpointSaver::last_step() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_step_;
}

int64_t CheckpointSaver::best_step() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return best_step_;
}

void CheckpointSaver::set_best_step(int64_t step) {
  const std::lock_guard<std::mutex> lock(mutex_);
  best_step_ = step;
}

void CheckpointSaver::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return work_.has_value() || stop_; });
    if (!work_) return;
    lock.unlock();
    // Nobody else touches it until it is gone.
    absl::Status status = SaveNow(*work_);
    lock.lock();
    status_ = std::move(status);
    work_.reset();
    changed_.notify_all();
  }
}

absl::Status CheckpointSaver::SaveNow(const Work& work) {
  RETURN_IF_ERROR(CheckFinite(work.checkpoint));
  RETURN_IF_ERROR(folder_.Save(work.checkpoint));
  std::vector<int64_t> kept;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_step_ = work.checkpoint.step;
    if (work.best) best_step_ = work.checkpoint.step;
    if (best_step_ >= 0) kept.push_back(best_step_);
  }
  return folder_.Prune(keep_last_, kept);
}

}  // namespace flowgrad
