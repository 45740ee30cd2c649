// Trains a model: batches in, weights and metrics out.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Trainer> trainer, Trainer::Open("model.pbtxt", {}));
//   while (!trainer->done()) {
//     ASSIGN_OR_RETURN(const double loss, trainer->Step());
//   }
//   ASSIGN_OR_RETURN(const std::vector<Metric> metrics, trainer->Evaluate());
//
// It owns the data, the schedule and the metrics; its Session has everything else.
//
// The run is a function of model, data and seed: initial values, shuffling and dropout are keyed by
// it. Thread-compatible.

#ifndef FLOWGRAD_TRAINING_TRAINER_H_
#define FLOWGRAD_TRAINING_TRAINER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "scheduler/reference_run.h"
#include "training/dataset.h"
#include "training/safetensors.h"
#include "training/session.h"

namespace flowgrad {

class ModelDef;
class TrainingDef;

// What overrides the model's training section.
struct TrainerOptions {
  std::optional<uint64_t> seed;
  std::optional<int64_t> steps;  // in place of epochs
  std::optional<int64_t> batch_size;
  std::string data_folder;  // "": where the set's package puts it
  int threads = 0;          // 0: as many as the machine has. No bit of the result depends on it
};

struct Metric {
  std::string name;  // "accuracy"
  double value;
};

class Trainer {
 public:
  // Reads the data and initialises the parameters. InvalidArgument with all that is wrong in the
  // training section; the errors of DataSet::Load().
  static absl::StatusOr<std::unique_ptr<Trainer>> Make(const ModelDef& model,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry = BuiltinOps());
  // The same for a model file, whose name each line of an error begins with.
  static absl::StatusOr<std::unique_ptr<Trainer>> Open(absl::string_view path,
                                                       const TrainerOptions& options,
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

  // Trains on the next batch and gives its loss. A failed step changes nothing; a loss that is not
  // finite is a failure.
  absl::StatusOr<double> Step();

  // The model's metrics on the test part.
  absl::StatusOr<std::vector<Metric>> Evaluate() const;

  // The parameters, in the order of the model.
  std::vector<NamedTensor> Weights() const;
  // Takes them from a file. InvalidArgument if names or types are not exactly the model's.
  absl::Status SetWeights(const TensorFile& weights);

 private:
  struct Feed {
    std::string input, field;
    DType dtype;
  };

  Trainer();
  void ReadLength();
  absl::Status ReadFeeds(const Graph& model);
  absl::StatusOr<TensorMap> BatchOf(const DataSet& data, const std::vector<int64_t>& samples) const;
  double LearningRate() const;
  absl::StatusOr<double> Accuracy(const std::vector<std::string>& fetches) const;

  std::unique_ptr<TrainingDef> training_;
  std::optional<DataSet> train_data_, test_data_;
  std::vector<Feed> feeds_;
  std::unique_ptr<Session> session_;
  uint64_t seed_ = 1;
  double learning_rate_ = 0;  // before the schedule
  int64_t batch_size_ = 0, num_steps_ = 0, steps_per_epoch_ = 0;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAINER_H_
