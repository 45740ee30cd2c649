// Trains a model: batches in, weights, metrics and a history out.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Trainer> trainer, Trainer::Open("model.pbtxt", {}));
//   RETURN_IF_ERROR(trainer->Train());
//   for (const MetricResult& metric : trainer->metrics()) ...
//   RETURN_IF_ERROR(trainer->session().Save("weights.safetensors"));
//
// It owns the data, the order of samples, the schedule and the metrics; its Session has everything
// else. Batches are made ahead of their step by one thread of the trainer's own.
//
// The run is a function of model, data and seed: initial values, the order of samples and dropout
// are keyed by it. Thread-compatible.

#ifndef FLOWGRAD_TRAINING_TRAINER_H_
#define FLOWGRAD_TRAINING_TRAINER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "training/batch_loader.h"
#include "training/data/dataset.h"
#include "training/data_feeds.h"
#include "training/evaluation.h"
#include "training/history.h"
#include "training/safetensors.h"
#include "training/schedule.h"
#include "training/session.h"

namespace flowgrad {

class CheckpointSaver;
class ModelDef;
class TrainingDef;
struct Checkpoint;

// When and where a trainer keeps checkpoints.
struct CheckpointOptions {
  std::string folder;  // made if need be; of one run at a time
  // After so many steps, or so much time, whichever comes first; with neither only where Train()
  // ends.
  int64_t every_steps = 0;
  absl::Duration every = absl::ZeroDuration();
  int keep_last = 2;
  // One of the model's metrics: the checkpoint where it was best stays, too.
  std::string keep_best = {};
  // What becomes of a failed save, the last one of Train() aside: OK goes on. By default, its
  // error.
  std::function<absl::Status(const absl::Status&)> on_failed_save = {};
};

// What overrides the model's training section, and what it does not say.
struct TrainerOptions {
  std::optional<uint64_t> seed = {};
  std::optional<int64_t> epochs = {}, steps = {};  // each in place of the other
  std::optional<int64_t> batch_size = {};
  std::vector<std::string> settings = {};  // any field: training/settings.h. Applied last
  // The folder of the data's files, or a file in place of the test part: training/data/load_data.h.
  std::string data = {};
  int threads = 0;  // 0: as many as the machine has. No bit of the result depends on it
  MemoryLimit memory_limit = {};  // SessionOptions::memory_limit
  // Where it becomes true, Train() ends at the next border of a step.
  const std::atomic<bool>* stop = nullptr;
  // Steps fail where a NaN or an infinity is made: SessionOptions::check_numerics.
  bool check_numerics = false;
  // Looks at all runs, of training and of metrics; must outlive the trainer.
  StepObserver* observer = nullptr;
};

class Trainer {
 public:
  // Reads the data and initialises the parameters. InvalidArgument with all that is wrong in the
  // training section; the errors of LoadData(). `model_folder` is what its files are relative to.
  static absl::StatusOr<std::unique_ptr<Trainer>> Make(const ModelDef& model,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry = BuiltinOps(),
                                                       absl::string_view model_folder = ".");
  // The same for a model file, whose name each line of an error begins with.
  static absl::StatusOr<std::unique_ptr<Trainer>> Open(absl::string_view path,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry = BuiltinOps());
  // The same for a graph of the program's own and data in its hands. `training` is the text of a
  // training section (proto/training.proto), without a source of data:
  //   R"(loss: "loss" optimizer { adam { learning_rate: 0.001 } } batch_size: 32 epochs: 5
  //      data { feed { input: "x" } feed { input: "label" } })"
  static absl::StatusOr<std::unique_ptr<Trainer>> Make(const Graph& model,
                                                       absl::string_view training, DataParts data,
                                                       const TrainerOptions& options = {},
                                                       const OpRegistry& registry = BuiltinOps());
  ~Trainer();

  int64_t step() const { return session_->step(); }  // steps done
  int64_t num_steps() const { return num_steps_; }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t num_epochs() const { return (num_steps_ + steps_per_epoch_ - 1) / steps_per_epoch_; }
  int64_t batch_size() const { return batch_size_; }
  bool done() const { return step() >= num_steps_; }
  std::vector<std::string> unreachable_parameters() const;
  // What is trained. Not to be stepped by others.
  Session& session() { return *session_; }
  const DataParts& data() const { return data_; }

  // Trains on the next batch and gives its loss. A failed step changes nothing; a loss that is not
  // finite is a failure.
  absl::StatusOr<double> Step();

  // All steps that are left, with rows of the history and metrics at their times. `after_step` is
  // called after each with its loss. OK where options.stop ended it: without being done(), or
  // without the last metrics.
  absl::Status Train(const std::function<void(double loss)>& after_step = {});

  // From now on Train() keeps checkpoints, the last where it ends. States that are not finite are
  // never saved: Aborted. NotFound: no such metric; the errors of CheckpointFolder::Open() and of
  // the data.
  absl::Status KeepCheckpoints(CheckpointOptions options);
  // Goes on from the newest checkpoint of that folder that is whole; `refused` gets the error of
  // each newer one. NotFound if there is none; DataLoss if none of them is whole;
  // FailedPrecondition with all differences, one a line, if it is of another run. REQUIRES:
  // KeepCheckpoints()
  absl::Status ResumeNewest(const std::function<void(const absl::Status&)>& refused = {});
  // The same from a checkpoint that was read. The number of threads may be another one.
  absl::Status Resume(const Checkpoint& checkpoint);
  // What KeepCheckpoints() saves now. Errors of the data.
  absl::StatusOr<Checkpoint> MakeCheckpoint();

  // The model's metrics on the test part; none if it has no test part.
  absl::StatusOr<std::vector<MetricResult>> Evaluate();

  // Of the last evaluation in Train(), and the step after which it was; empty and -1 before.
  const std::vector<MetricResult>& metrics() const { return metrics_; }
  int64_t metrics_step() const { return metrics_step_; }
  const History& history() const { return *history_; }
  // Called with each new row of the history.
  void set_on_row(std::function<absl::Status(const HistoryRow&)> on_row) {
    on_row_ = std::move(on_row);
  }
  // Time spent in steps, not in evaluations.
  absl::Duration training_time() const { return training_time_; }

  // The parameters and variables, in the order of the model.
  std::vector<NamedTensor> Weights() const;
  // Takes them from a file: those that match one of `patterns` ("encoder/*"), or all if there are
  // none. InvalidArgument if their names or types are not exactly the model's.
  absl::Status SetWeights(const TensorFile& weights, const std::vector<std::string>& patterns = {});

 private:
  Trainer();
  static absl::StatusOr<std::unique_ptr<Trainer>> Make(const Graph& model, TrainingDef training,
                                                       std::optional<DataParts> data,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry,
                                                       absl::string_view model_folder);
  absl::Status ReadData(std::optional<DataParts> data, const std::string& path,
                        absl::string_view model_folder);
  absl::Status ReadLength();
  void ChooseSamples(int64_t step, std::vector<int64_t>& samples) const;
  bool stopped() const { return stop_ != nullptr && *stop_; }
  bool EvaluatesAfter(int64_t step) const;
  bool IsRowDue(int64_t step) const;
  absl::Status FindIdentity();
  bool IsCheckpointDue() const;
  bool IsBestSoFar();
  absl::Status SaveCheckpoint(bool best);
  absl::Status AddRow(bool evaluate);

  Graph model_;
  std::unique_ptr<TrainingDef> training_;
  DataParts data_;
  DataFeeds feeds_;
  std::unique_ptr<Session> session_;
  std::optional<Schedule> schedule_;
  uint64_t seed_ = 1;
  int64_t batch_size_ = 0, num_steps_ = 0, steps_per_epoch_ = 0;
  int64_t evaluate_every_ = 0, log_every_ = 1;
  const std::atomic<bool>* stop_ = nullptr;

  std::unique_ptr<BatchLoader> loader_;
  int64_t loader_step_ = -1;  // the step that the loader's next batch is for

  std::unique_ptr<History> history_;
  std::function<absl::Status(const HistoryRow&)> on_row_;
  std::vector<MetricResult> metrics_;
  int64_t metrics_step_ = -1;
  absl::Duration training_time_;
  double loss_sum_ = 0;  // of the steps since the last row
  int64_t loss_count_ = 0;

  CheckpointOptions checkpoints_;
  std::unique_ptr<CheckpointSaver> saver_;       // null: no checkpoints
  std::map<std::string, std::string> identity_;  // empty: not looked for yet
  int64_t saved_step_ = -1;                      // handed to saver_
  absl::Time saved_at_;
  std::optional<double> best_;  // of the metric of checkpoints_.keep_best
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAINER_H_
