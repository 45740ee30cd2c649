// How a trainer keeps checkpoints and goes on from one.

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "proto/model.pb.h"
#include "training/checkpoint.h"
#include "training/checkpoint_saver.h"
#include "training/run_identity.h"
#include "training/trainer.h"

namespace flowgrad {
namespace {

constexpr char kLossSum[] = "loss_sum", kLossCount[] = "loss_count", kSeconds[] = "seconds",
               kBest[] = "best", kBestStep[] = "best_step";

bool LowerIsBetter(absl::string_view metric) {
  return metric == "loss" || metric == "mean_absolute_error";
}

// Digits that give the same number back.
std::string Exact(double number) { return absl::StrFormat("%.17g", number); }

class Counts {
 public:
  explicit Counts(const std::map<std::string, std::string>& texts) : texts_(texts) {}

  double Number(const char* name) { return Parsed<double>(name, absl::SimpleAtod); }
  int64_t Whole(const char* name) {
    return Parsed<int64_t>(name, [](absl::string_view text, int64_t* number) {
      return absl::SimpleAtoi(text, number);
    });
  }
  bool has(const char* name) const { return texts_.count(name) > 0; }
  const absl::Status& status() const { return status_; }

 private:
  template <class T, class Parse>
  T Parsed(const char* name, Parse parse) {
    T number = 0;
    const auto text = texts_.find(name);
    if (text == texts_.end() || !parse(text->second, &number)) {
      status_.Update(absl::DataLossError(absl::StrCat("has no number ", Quoted(name))));
    }
    return number;
  }

  const std::map<std::string, std::string>& texts_;
  absl::Status status_;
};

}  // namespace

absl::Status Trainer::FindIdentity() {
  if (!identity_.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(identity_, IdentityOf(model_, *training_, num_steps_, data_.train));
  return absl::OkStatus();
}

absl::Status Trainer::KeepCheckpoints(CheckpointOptions options) {
  const std::vector<std::string>& metrics = history_->metrics();
  if (!options.keep_best.empty() &&
      std::find(metrics.begin(), metrics.end(), options.keep_best) == metrics.end()) {
    return absl::NotFoundError(absl::StrCat("the model has no metric ", Quoted(options.keep_best),
                                            " on a test part",
                                            DidYouMean(options.keep_best, metrics)));
  }
  RETURN_IF_ERROR(FindIdentity());
  ASSIGN_OR_RETURN(CheckpointFolder folder, CheckpointFolder::Open(options.folder));
  checkpoints_ = std::move(options);
  saver_ = std::make_unique<CheckpointSaver>(std::move(folder), checkpoints_.keep_last);
  saved_at_ = absl::Now();
  return absl::OkStatus();
}

absl::Status Trainer::ResumeNewest(const std::function<void(const absl::Status&)>& refused) {
  const std::string& folder = checkpoints_.folder;
  ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                   LoadNewestCheckpoint(folder, [&](const absl::Status& status) {
                     if (refused) refused(status);
                   }));
  return InFile(FolderOfCheckpoint(folder, checkpoint.step), Resume(checkpoint));
}

absl::Status Trainer::Resume(const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(FindIdentity());
  if (const std::string differences = Differences(checkpoint.identity, identity_);
      !differences.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the checkpoint is of another run\n", differences));
  }
  if (checkpoint.step > num_steps_) {
    return absl::FailedPreconditionError(absl::StrCat("the checkpoint is of step ", checkpoint.step,
                                                      ", but the run has only ", num_steps_,
                                                      " steps"));
  }
  Counts counts(checkpoint.counts);
  const double loss_sum = counts.Number(kLossSum), seconds = counts.Number(kSeconds);
  const int64_t loss_count = counts.Whole(kLossCount);
  std::optional<double> best;
  if (counts.has(kBest)) best = counts.Number(kBest);
  const int64_t best_step = counts.Whole(kBestStep);
  RETURN_IF_ERROR(counts.status());
  ASSIGN_OR_RETURN(History history, History::FromCsv(checkpoint.history, "history.csv"));
  TensorFile file;
  file.metadata["step"] = absl::StrCat(checkpoint.step);
  for (const auto& [name, tensor] : checkpoint.states) file.tensors.emplace(name, tensor);
  RETURN_IF_ERROR(session_->Take(file));
  history_ = std::make_unique<History>(std::move(history));
  if (checkpoint.step > 0) session_->set_learning_rate(schedule_->Rate(checkpoint.step - 1));
  loss_sum_ = loss_sum;
  loss_count_ = loss_count;
  training_time_ = absl::Seconds(seconds);
  best_ = best;
  saved_step_ = checkpoint.step;
  if (saver_ != nullptr) saver_->set_best_step(best_step);
  loader_.reset();
  loader_step_ = -1;
  return absl::OkStatus();
}

absl::StatusOr<Checkpoint> Trainer::MakeCheckpoint() {
  RETURN_IF_ERROR(FindIdentity());
  Checkpoint checkpoint;
  checkpoint.step = step();
  ASSIGN_OR_RETURN(checkpoint.states, session_->Copy(Session::Saved::kAll));
  checkpoint.history = history_->ToCsv();
  checkpoint.identity = identity_;
  checkpoint.counts[kLossSum] = Exact(loss_sum_);
  checkpoint.counts[kLossCount] = absl::StrCat(loss_count_);
  checkpoint.counts[kSeconds] = Exact(absl::ToDoubleSeconds(training_time_));
  if (best_) checkpoint.counts[kBest] = Exact(*best_);
  checkpoint.counts[kBestStep] = absl::StrCat(saver_ == nullptr ? -1 : saver_->best_step());
  return checkpoint;
}

bool Trainer::IsCheckpointDue() const {
  if (checkpoints_.every_steps > 0 && step() % checkpoints_.every_steps == 0) return true;
  return checkpoints_.every > absl::ZeroDuration() && absl::Now() - saved_at_ >= checkpoints_.every;
}

bool Trainer::IsBestSoFar() {
  if (checkpoints_.keep_best.empty() || metrics_step_ != step()) return false;
  for (const MetricResult& metric : metrics_) {
    if (metric.name != checkpoints_.keep_best) continue;
    const bool better =
        !best_ || (LowerIsBetter(metric.name) ? metric.value < *best_ : metric.value > *best_);
    if (better) best_ = metric.value;
    return better;
  }
  return false;
}

absl::Status Trainer::SaveCheckpoint(bool best) {
  ASSIGN_OR_RETURN(Checkpoint checkpoint, MakeCheckpoint());
  // The best is known by its own number, before it is on the disk.
  if (best) checkpoint.counts[kBestStep] = absl::StrCat(step());
  saved_step_ = step();
  saved_at_ = absl::Now();
  const absl::Status before = saver_->Save(std::move(checkpoint), best);
  if (before.ok()) return before;
  if (absl::IsAborted(before) || !checkpoints_.on_failed_save) return before;
  return checkpoints_.on_failed_save(before);
}

}  // namespace flowgrad
