#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/model_graph.h"
#include "proto/model_file.h"
#include "training/shuffle.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

constexpr int64_t kEvaluationBatch = 1000;

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> range(end - begin);
  std::iota(range.begin(), range.end(), begin);
  return range;
}

// The place of the largest number of row `row`; the first of equals.
int64_t LargestOf(const Tensor& rows, int64_t row) {
  const int64_t width = rows.dims()[1];
  int64_t best = 0;
  for (int64_t c = 1; c < width; ++c) {
    if (rows.at(row * width + c) > rows.at(row * width + best)) best = c;
  }
  return best;
}

// OK if an input of this type can take batches of this field.
absl::Status CheckFeed(const TensorType& type, const std::string& field, const DataSet& data) {
  ASSIGN_OR_RETURN(TensorType natural, data.FieldType(field));
  TensorType other = natural;
  other.dtype = IsFloating(natural.dtype) ? DType::kDouble : DType::kInt32;
  bool fits = type.dtype == natural.dtype || type.dtype == other.dtype;
  fits = fits && type.rank() == natural.rank() && !type.shape[0].known();
  for (int d = 1; fits && d < type.rank(); ++d) fits = type.shape[d] == natural.shape[d];
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("must be ", natural.ToString(), " or ",
                                                 other.ToString(), " to take field ", Quoted(field),
                                                 ", but is ", type.ToString()));
}

}  // namespace

Trainer::Trainer() = default;
Trainer::~Trainer() = default;

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const ModelDef& model,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry) {
  if (!model.has_training()) {
    return absl::InvalidArgumentError(
        "model has no training section: it can be run and checked, but not trained");
  }
  std::unique_ptr<Trainer> trainer(new Trainer);
  trainer->training_ = std::make_unique<TrainingDef>(model.training());
  TrainingDef& training = *trainer->training_;
  if (options.batch_size) training.set_batch_size(*options.batch_size);
  if (options.steps) {
    training.clear_epochs();
    training.set_steps(*options.steps);
  }
  trainer->seed_ = options.seed.value_or(training.has_seed() ? training.seed() : 1);
  ASSIGN_OR_RETURN(const Graph graph, BuildGraph(model.graph(), registry));
  RETURN_IF_ERROR(CheckTraining(training, graph));
  SessionOptions session;
  session.workers = Workers(options.threads);
  session.seed = trainer->seed_;
  session.loss = training.loss();
  session.optimizer = ToOptimizer(training.optimizer());
  session.registry = &registry;
  ASSIGN_OR_RETURN(trainer->session_, Session::Make(graph, std::move(session)));
  trainer->learning_rate_ = trainer->session_->learning_rate();
  const std::string& set = training.data().set();
  ASSIGN_OR_RETURN(trainer->train_data_,
                   DataSet::Load(set, options.data_folder, DataSet::Part::kTrain));
  ASSIGN_OR_RETURN(trainer->test_data_,
                   DataSet::Load(set, options.data_folder, DataSet::Part::kTest));
  RETURN_IF_ERROR(trainer->ReadFeeds(graph));
  trainer->ReadLength();
  return trainer;
}

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Open(absl::string_view path,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const ModelDef model, ReadModelFile(path));
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Make(model, options, registry);
  if (!trainer.ok()) return InFile(path, trainer.status());
  return trainer;
}

std::vector<std::string> Trainer::unreachable_parameters() const {
  std::vector<std::string> names;
  for (const Session::StateInfo& info : session_->states()) {
    if (info.unreachable) names.push_back(info.name);
  }
  return names;
}

void Trainer::ReadLength() {
  const int64_t samples = train_data_->num_samples();
  batch_size_ = std::min(training_->batch_size(), samples);
  steps_per_epoch_ =
      training_->drop_last() ? samples / batch_size_ : (samples + batch_size_ - 1) / batch_size_;
  num_steps_ =
      training_->steps() != 0 ? training_->steps() : training_->epochs() * steps_per_epoch_;
}

absl::Status Trainer::ReadFeeds(const Graph& model) {
  std::vector<std::string> errors;
  for (const FeedDef& feed : training_->data().feed()) {
    const TensorType& type = model.type(model.Find(feed.input()));
    const std::string& field = feed.field().empty() ? feed.input() : feed.field();
    if (absl::Status status = CheckFeed(type, field, *train_data_); !status.ok()) {
      errors.push_back(
          absl::StrCat("training.data.feed: input ", Quoted(feed.input()), ": ", status.message()));
    }
    feeds_.push_back({feed.input(), field, type.dtype});
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

absl::StatusOr<TensorMap> Trainer::BatchOf(const DataSet& data,
                                           const std::vector<int64_t>& samples) const {
  TensorMap batch;
  for (const Feed& feed : feeds_) {
    ASSIGN_OR_RETURN(batch[feed.input], data.Batch(feed.field, samples, feed.dtype));
  }
  return batch;
}

double Trainer::LearningRate() const {
  if (!training_->schedule().has_cosine()) return learning_rate_;
  const double end = training_->schedule().cosine().end();
  const double progress = static_cast<double>(step()) / static_cast<double>(num_steps_);
  return end + (learning_rate_ - end) * 0.5 * (1 + std::cos(M_PI * progress));
}

absl::StatusOr<double> Trainer::Step() {
  const int64_t epoch = step() / steps_per_epoch_;
  const int64_t first = step() % steps_per_epoch_ * batch_size_;
  const int64_t end = std::min(first + batch_size_, train_data_->num_samples());
  const Shuffle shuffle(train_data_->num_samples(), seed_, epoch);
  std::vector<int64_t> samples;
  for (int64_t place = first; place < end; ++place) samples.push_back(shuffle.Permuted(place));
  ASSIGN_OR_RETURN(const TensorMap batch, BatchOf(*train_data_, samples));
  session_->set_learning_rate(LearningRate());
  return session_->Step(batch);
}

absl::StatusOr<double> Trainer::Accuracy(const std::vector<std::string>& fetches) const {
  int64_t right = 0;
  const int64_t samples = test_data_->num_samples();
  for (int64_t begin = 0; begin < samples; begin += kEvaluationBatch) {
    const int64_t end = std::min(begin + kEvaluationBatch, samples);
    ASSIGN_OR_RETURN(const TensorMap feeds, BatchOf(*test_data_, Range(begin, end)));
    absl::StatusOr<std::vector<Tensor>> fetched = session_->Run(feeds, fetches);
    if (!fetched.ok()) {
      return absl::Status(fetched.status().code(),
                          absl::StrCat("training.metric: ", fetched.status().message()));
    }
    const Tensor& prediction = (*fetched)[0];
    const Tensor& label = (*fetched)[1];
    if (prediction.rank() != 2 || label.rank() != 1 || prediction.dims()[0] != label.dims()[0]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "training.metric: accuracy needs a prediction [N,classes] and a label [N], but they are ",
          DimsString(prediction.dims()), " and ", DimsString(label.dims())));
    }
    for (int64_t row = 0; row < end - begin; ++row)
      right += LargestOf(prediction, row) == label.at(row);
  }
  return static_cast<double>(right) / static_cast<double>(samples);
}

absl::StatusOr<std::vector<Metric>> Trainer::Evaluate() const {
  std::vector<Metric> metrics;
  for (const MetricDef& metric : training_->metric()) {
    ASSIGN_OR_RETURN(const double value, Accuracy({metric.prediction(), metric.label()}));
    metrics.push_back({metric.name(), value});
  }
  return metrics;
}

std::vector<NamedTensor> Trainer::Weights() const {
  absl::StatusOr<std::vector<NamedTensor>> weights = session_->Weights();
  return weights.ok() ? *std::move(weights) : std::vector<NamedTensor>();
}

absl::Status Trainer::SetWeights(const TensorFile& weights) {
  TensorFile tensors = weights;
  tensors.metadata.clear();  // training starts at step 0
  return session_->Take(tensors);
}

}  // namespace flowgrad
