// Trains a model: batches in, weights and metrics out.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Trainer> trainer, Trainer::Make(model, {}));
//   while (!trainer->done()) {
//     ASSIGN_OR_RETURN(const double loss, trainer->Step());
//   }
//   ASSIGN_OR_RETURN(const std::vector<Metric> metrics, trainer->Evaluate());
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
#include "graph/graph.h"
#include "proto/model.pb.h"
#include "scheduler/runner.h"
#include "scheduler/state_store.h"
#include "training/dataset.h"
#include "training/safetensors.h"
#include "training/train_graph.h"

namespace flowgrad {

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

  int64_t step() const { return step_; }  // steps done
  int64_t num_steps() const { return num_steps_; }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t num_epochs() const { return (num_steps_ + steps_per_epoch_ - 1) / steps_per_epoch_; }
  int64_t batch_size() const { return batch_size_; }
  bool done() const { return step_ >= num_steps_; }
  const std::vector<std::string>& unreachable_parameters() const { return train_.unreachable; }

  // Trains on the next batch and gives its loss. A failed step changes nothing; a loss that is not
  // finite is a failure.
  absl::StatusOr<double> Step();

  // The model's metrics on the test part.
  absl::StatusOr<std::vector<Metric>> Evaluate() const;

  // The parameters, in the order of the model.
  std::vector<NamedTensor> Weights() const;
  // Takes parameters from a file. InvalidArgument if names or types are not exactly the model's.
  absl::Status SetWeights(const TensorFile& weights);

 private:
  struct Feed {
    std::string input, field;
    DType dtype;
  };

  Trainer() = default;
  void ReadLength();
  absl::Status ReadFeeds(const Graph& model);
  absl::StatusOr<TensorMap> BatchOf(const DataSet& data, const std::vector<int64_t>& samples) const;
  double LearningRate() const;
  void MakeRunners(Graph inference, const Workers& workers);
  absl::StatusOr<double> Accuracy(Runner& runner) const;

  TrainGraph train_;
  std::shared_ptr<const Graph> inference_;
  TrainingDef training_;
  std::optional<DataSet> train_data_, test_data_;
  std::vector<Feed> feeds_;
  std::vector<std::string> parameters_;
  StateStore states_;
  std::unique_ptr<Runner> step_runner_;
  std::vector<std::unique_ptr<Runner>> metrics_;  // in the order of training_.metric()
  uint64_t seed_ = 1;
  int64_t batch_size_ = 0, num_steps_ = 0, steps_per_epoch_ = 0, step_ = 0;
};

// `weights` for the parameters of `graph`, put into `states`. InvalidArgument, with every
// difference, unless names and types are exactly the graph's parameters'.
absl::Status TakeWeights(const Graph& graph, const TensorFile& weights, TensorMap& states);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TRAINER_H_
