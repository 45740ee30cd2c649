#include "training/trainer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "google/protobuf/text_format.h"
#include "graph/model_graph.h"
#include "ops/philox.h"
#include "ops/run_op.h"
#include "proto/model_file.h"
#include "training/checkpoint_saver.h"
#include "training/data/load_data.h"
#include "training/settings.h"
#include "training/shuffle.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

constexpr int64_t kMostRows = 5000;
constexpr int64_t kMostSteps = int64_t{1} << 47;  // random numbers count no further

absl::Status Override(const TrainerOptions& options, TrainingDef& training) {
  if (options.seed) training.set_seed(*options.seed);
  if (options.batch_size) training.set_batch_size(*options.batch_size);
  if (options.epochs) {
    training.clear_steps();
    training.set_epochs(*options.epochs);
  }
  if (options.steps) {
    training.clear_epochs();
    training.set_steps(*options.steps);
  }
  return ApplySettings(options.settings, training);
}

absl::Status CheckAnyTrained(const Session& session) {
  int parameters = 0, frozen = 0;
  for (const Session::StateInfo& info : session.states()) {
    parameters += info.parameter;
    frozen += info.frozen;
  }
  if (parameters == 0 || frozen < parameters) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "training.freeze: every parameter is frozen, so that there is nothing to train");
}

// A number from 0 to size - 1, all alike but for a part in 2^32.
int64_t Drawn(const Philox& philox, int64_t step, int64_t place, int64_t size) {
  const Philox::Words words = philox.Block(step, place, 0);
  const uint64_t bits = uint64_t{words[1]} << 32 | words[0];
  return static_cast<int64_t>(static_cast<unsigned __int128>(bits) * static_cast<uint64_t>(size) >>
                              64);
}

}  // namespace

Trainer::Trainer() = default;
Trainer::~Trainer() = default;

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const ModelDef& model,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry,
                                                       absl::string_view model_folder) {
  if (!model.has_training()) {
    return absl::InvalidArgumentError(
        "model has no training section: it can be run and checked, but not trained");
  }
  TrainingDef training = model.training();
  RETURN_IF_ERROR(Override(options, training));
  ASSIGN_OR_RETURN(const Graph graph, BuildGraph(model.graph(), registry));
  return Make(graph, std::move(training), std::nullopt, options, registry, model_folder);
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Open(absl::string_view path,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const ModelDef model, ReadModelFile(path));
  absl::StatusOr<std::unique_ptr<Trainer>> trainer =
      Make(model, options, registry, ModelFolder(path));
  if (!trainer.ok()) return InFile(path, trainer.status());
  return trainer;
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const Graph& model,
                                                       absl::string_view training, DataParts data,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry) {
  TrainingDef def;
  RETURN_IF_ERROR(ParseTraining(training, def));
  RETURN_IF_ERROR(Override(options, def));
  return Make(model, std::move(def), std::move(data), options, registry, ".");
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const Graph& model, TrainingDef training,
                                                       std::optional<DataParts> data,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry,
                                                       absl::string_view model_folder) {
  RETURN_IF_ERROR(CheckTraining(training, model, /*has_data=*/data.has_value()));
  std::unique_ptr<Trainer> trainer(new Trainer);
  trainer->model_ = model;
  trainer->training_ = std::make_unique<TrainingDef>(std::move(training));
  trainer->seed_ = trainer->training_->has_seed() ? trainer->training_->seed() : 1;
  trainer->stop_ = options.stop;
  SessionOptions session = Completed({}, *trainer->training_);
  session.workers = Workers(options.threads);
  session.check_numerics = options.check_numerics;
  session.observer = options.observer;
  session.memory_limit = options.memory_limit;
  session.registry = &registry;
  RETURN_IF_ERROR(trainer->ReadData(std::move(data), options.data, model_folder));
  session.batch = trainer->feeds_.TypesOf(trainer->batch_size_);
  ASSIGN_OR_RETURN(trainer->session_, Session::Make(model, std::move(session)));
  RETURN_IF_ERROR(CheckAnyTrained(*trainer->session_));
  RETURN_IF_ERROR(trainer->ReadLength());
  return trainer;
}

std::vector<std::string> Trainer::unreachable_parameters() const {
  std::vector<std::string> names;
  for (const Session::StateInfo& info : session_->states()) {
    if (info.unreachable) names.push_back(info.name);
  }
  return names;
}

absl::Status Trainer::ReadData(std::optional<DataParts> data, const std::string& path,
                               absl::string_view model_folder) {
  if (data) {
    data_ = *std::move(data);
  } else {
    DataPlaces places;
    places.model_folder = std::string(model_folder);
    places.path = path;
    ASSIGN_OR_RETURN(data_, LoadData(training_->data(), places));
  }
  if (data_.train.num_samples() == 0) {
    return absl::InvalidArgumentError("training.data: the training part has no samples");
  }
  ASSIGN_OR_RETURN(feeds_, DataFeeds::Make(training_->data(), model_, data_.train));
  RETURN_IF_ERROR(CheckLabels(*training_, model_, feeds_, data_.train));
  batch_size_ = training_->batch_size();
  if (training_->sampling() != WITH_REPLACEMENT) {
    batch_size_ = std::min(batch_size_, data_.train.num_samples());
  }
  if (!data_.test) return absl::OkStatus();
  if (absl::Status status = feeds_.CheckFields(*data_.test); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("test part: ", status.message()));
  }
  return CheckLabels(*training_, model_, feeds_, *data_.test);
}

absl::Status Trainer::ReadLength() {
  const TrainingDef& training = *training_;
  const int64_t samples = data_.train.num_samples();
  steps_per_epoch_ =
      training.drop_last() ? samples / batch_size_ : (samples + batch_size_ - 1) / batch_size_;
  steps_per_epoch_ = std::max<int64_t>(1, steps_per_epoch_);
  if (training.epochs() > kMostSteps / steps_per_epoch_) {
    return absl::InvalidArgumentError(
        absl::StrCat("training.epochs must be at most ", kMostSteps / steps_per_epoch_, " of ",
                     steps_per_epoch_, " steps, but is ", training.epochs()));
  }
  num_steps_ = training.steps() != 0 ? training.steps() : training.epochs() * steps_per_epoch_;
  evaluate_every_ = training.evaluate_every();
  if (evaluate_every_ == 0 && training.steps() == 0) evaluate_every_ = steps_per_epoch_;
  log_every_ = training.log_every();
  if (log_every_ == 0) log_every_ = (num_steps_ + kMostRows - 1) / kMostRows;
  schedule_.emplace(training.schedule(), session_->learning_rate(), num_steps_, steps_per_epoch_);
  std::vector<std::string> names;
  if (data_.test) {
    ASSIGN_OR_RETURN(names, NumberMetrics(training, model_));
  }
  history_ = std::make_unique<History>(std::move(names));
  return absl::OkStatus();
}

void Trainer::ChooseSamples(int64_t step, std::vector<int64_t>& samples) const {
  const int64_t size = data_.train.num_samples();
  if (training_->sampling() == WITH_REPLACEMENT) {
    const Philox philox(seed_, StreamOf("sample"));
    for (int64_t place = 0; place < batch_size_; ++place) {
      samples.push_back(Drawn(philox, step, place, size));
    }
    return;
  }
  const int64_t first = step % steps_per_epoch_ * batch_size_;
  const int64_t end = std::min(first + batch_size_, size);
  const Shuffle shuffle(size, seed_, step / steps_per_epoch_);
  const bool in_order = training_->sampling() == IN_ORDER;
  for (int64_t place = first; place < end; ++place) {
    samples.push_back(in_order ? place : shuffle.Permuted(place));
  }
}

absl::StatusOr<double> Trainer::Step() {
  const int64_t step = this->step();
  if (loader_step_ != step) {
    loader_ = std::make_unique<BatchLoader>(
        data_.train, feeds_,
        [this](int64_t batch, std::vector<int64_t>& samples) { ChooseSamples(batch, samples); },
        step, std::max(num_steps_, step + 1));
    loader_step_ = step;
  }
  loader_step_ = -1;  // a step that fails is to be tried again on the same batch
  ASSIGN_OR_RETURN(const TensorMap* const batch, loader_->Next());
  session_->set_learning_rate(schedule_->Rate(step));
  ASSIGN_OR_RETURN(const double loss, session_->Step(*batch));
  loader_step_ = step + 1 < num_steps_ ? step + 1 : -1;
  return loss;
}

bool Trainer::EvaluatesAfter(int64_t step) const {
  if (!data_.test || training_->metric_size() == 0) return false;
  return step == num_steps_ || (evaluate_every_ > 0 && step % evaluate_every_ == 0);
}

bool Trainer::IsRowDue(int64_t step) const {
  return EvaluatesAfter(step) || step == num_steps_ || step % log_every_ == 0;
}

// Nothing where the metrics were cancelled: the row is left to whoever goes on.
absl::Status Trainer::AddRow(bool evaluate) {
  HistoryRow row;
  if (evaluate) {
    absl::StatusOr<std::vector<MetricResult>> metrics = Evaluate();
    if (absl::IsCancelled(metrics.status())) return absl::OkStatus();
    RETURN_IF_ERROR(metrics.status());
    metrics_ = *std::move(metrics);
    metrics_step_ = step();
    for (const MetricResult& metric : metrics_) {
      if (metric.table.empty()) row.metrics.emplace_back(metric.value);
    }
  }
  row.step = step();
  row.epoch = static_cast<double>(step()) / static_cast<double>(steps_per_epoch_);
  row.seconds = absl::ToDoubleSeconds(training_time_);
  row.learning_rate = session_->learning_rate();
  row.loss = loss_sum_ / static_cast<double>(loss_count_);
  loss_sum_ = 0;
  loss_count_ = 0;
  row.metrics.resize(history_->metrics().size());
  history_->Add(row);
  return on_row_ ? on_row_(row) : absl::OkStatus();
}

absl::Status Trainer::Train(const std::function<void(double loss)>& after_step) {
  // What a run that was stopped, and that this one goes on from, has left.
  if (loss_count_ > 0 && IsRowDue(step())) RETURN_IF_ERROR(AddRow(EvaluatesAfter(step())));
  if (done() && EvaluatesAfter(step()) && metrics_step_ != step()) {
    ASSIGN_OR_RETURN(metrics_, Evaluate());
    metrics_step_ = step();
  }
  bool best = false;
  while (!done() && !stopped()) {
    const absl::Time start = absl::Now();
    ASSIGN_OR_RETURN(const double loss, Step());
    training_time_ += absl::Now() - start;
    loss_sum_ += loss;
    ++loss_count_;
    if (!stopped() && IsRowDue(step())) RETURN_IF_ERROR(AddRow(EvaluatesAfter(step())));
    if (after_step) after_step(loss);
    best = IsBestSoFar();
    if (saver_ != nullptr && !done() && !stopped() && (best || IsCheckpointDue())) {
      RETURN_IF_ERROR(SaveCheckpoint(best));
    }
  }
  loader_.reset();
  loader_step_ = -1;
  if (saver_ != nullptr && saved_step_ != step()) RETURN_IF_ERROR(SaveCheckpoint(best));
  // Of the steps since the last row, where the run is stopped. Not in the checkpoint: the run that
  // goes on has the rows of one that was not stopped.
  if (loss_count_ > 0) RETURN_IF_ERROR(AddRow(/*evaluate=*/false));
  return saver_ != nullptr ? saver_->Wait() : absl::OkStatus();
}

absl::StatusOr<std::vector<MetricResult>> Trainer::Evaluate() {
  if (!data_.test) return std::vector<MetricResult>();
  EvaluationOptions options;
  options.cancel = stop_;
  return flowgrad::Evaluate(*training_, model_, *session_, feeds_, *data_.test, options);
}

std::vector<NamedTensor> Trainer::Weights() const {
  absl::StatusOr<std::vector<NamedTensor>> weights = session_->Weights();
  return weights.ok() ? *std::move(weights) : std::vector<NamedTensor>();
}

absl::Status Trainer::SetWeights(const TensorFile& weights,
                                 const std::vector<std::string>& patterns) {
  TensorFile tensors = weights;
  tensors.metadata.clear();  // training starts at step 0
  return session_->Take(tensors, patterns);
}

}  // namespace flowgrad
