#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/graph_builder.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "training/shuffle.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

constexpr int64_t kEvaluationBatch = 1000;
constexpr size_t kMostDifferences = 10;

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

// The model with what its metrics read among its outputs, so that folding keeps it.
absl::StatusOr<Graph> WithMetrics(const Graph& model, const TrainingDef& training,
                                  const OpRegistry& registry) {
  GraphBuilder builder(model, registry);
  std::set<std::string> outputs;
  for (const GraphOutput& output : model.outputs()) outputs.insert(output.name);
  for (const MetricDef& metric : training.metric()) {
    for (const std::string& name : {metric.prediction(), metric.label()}) {
      if (outputs.insert(name).second) builder.Output(builder.Find(name));
    }
  }
  return std::move(builder).Build();
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

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const ModelDef& model,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry) {
  if (!model.has_training()) {
    return absl::InvalidArgumentError(
        "model has no training section: it can be run and checked, but not trained");
  }
  std::unique_ptr<Trainer> trainer(new Trainer);
  TrainingDef& training = trainer->training_;
  training = model.training();
  if (options.batch_size) training.set_batch_size(*options.batch_size);
  if (options.steps) {
    training.clear_epochs();
    training.set_steps(*options.steps);
  }
  trainer->seed_ = options.seed.value_or(training.has_seed() ? training.seed() : 1);
  ASSIGN_OR_RETURN(const Graph graph, BuildGraph(model.graph(), registry));
  RETURN_IF_ERROR(CheckTraining(training, graph));
  ASSIGN_OR_RETURN(trainer->train_,
                   BuildTrainGraph(graph, training.loss(), training.optimizer(), registry));
  ASSIGN_OR_RETURN(const Graph measured, WithMetrics(graph, training, registry));
  ASSIGN_OR_RETURN(Graph inference, FoldTrainingMode(measured, /*training=*/false, registry));
  const std::string& set = training.data().set();
  ASSIGN_OR_RETURN(trainer->train_data_,
                   DataSet::Load(set, options.data_folder, DataSet::Part::kTrain));
  ASSIGN_OR_RETURN(trainer->test_data_,
                   DataSet::Load(set, options.data_folder, DataSet::Part::kTest));
  RETURN_IF_ERROR(trainer->ReadFeeds(graph));
  trainer->ReadLength();
  ASSIGN_OR_RETURN(const TensorMap states, InitializeStates(trainer->train_.graph, trainer->seed_));
  trainer->states_.Set(states);
  trainer->MakeRunners(std::move(inference), Workers(options.threads));
  return trainer;
}

void Trainer::MakeRunners(Graph inference, const Workers& workers) {
  Runner::Options options;
  options.workers = workers;
  const auto measured = std::make_shared<const Graph>(std::move(inference));
  for (const State& state : measured->states()) parameters_.push_back(state.name);
  for (const MetricDef& metric : training_.metric()) {
    metrics_.push_back(std::make_unique<Runner>(
        measured, std::vector<std::string>{metric.prediction(), metric.label()}, &states_,
        options));
  }
  inference_ = measured;
  options.update_states = true;
  step_runner_ = std::make_unique<Runner>(std::make_shared<const Graph>(train_.graph),
                                          std::vector<std::string>{train_.loss}, &states_, options);
}

void Trainer::ReadLength() {
  const int64_t samples = train_data_->num_samples();
  batch_size_ = std::min(training_.batch_size(), samples);
  steps_per_epoch_ =
      training_.drop_last() ? samples / batch_size_ : (samples + batch_size_ - 1) / batch_size_;
  num_steps_ = training_.steps() != 0 ? training_.steps() : training_.epochs() * steps_per_epoch_;
}

absl::Status Trainer::ReadFeeds(const Graph& model) {
  std::vector<std::string> errors;
  for (const FeedDef& feed : training_.data().feed()) {
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
  if (!training_.schedule().has_cosine()) return train_.learning_rate;
  const double end = training_.schedule().cosine().end();
  const double progress = static_cast<double>(step_) / static_cast<double>(num_steps_);
  return end + (train_.learning_rate - end) * 0.5 * (1 + std::cos(M_PI * progress));
}

absl::StatusOr<double> Trainer::Step() {
  const int64_t epoch = step_ / steps_per_epoch_;
  const int64_t first = step_ % steps_per_epoch_ * batch_size_;
  const int64_t end = std::min(first + batch_size_, train_data_->num_samples());
  const Shuffle shuffle(train_data_->num_samples(), seed_, epoch);
  std::vector<int64_t> samples;
  for (int64_t place = first; place < end; ++place) samples.push_back(shuffle.Permuted(place));

  ASSIGN_OR_RETURN(TensorMap feeds, BatchOf(*train_data_, samples));
  feeds.emplace(kLearningRate, Tensor::Scalar(static_cast<float>(LearningRate())));
  StepValues values;
  values.seed = seed_;
  values.step = step_;
  absl::StatusOr<std::vector<Tensor>> loss = step_runner_->Run(feeds, values);
  if (absl::IsAborted(loss.status())) {
    return absl::AbortedError(
        absl::StrCat("loss is not finite at step ", step_ + 1,
                     ": the weights are those before it; a smaller learning rate may help"));
  }
  RETURN_IF_ERROR(loss.status());
  ++step_;
  return (*loss)[0].at(0);
}

absl::StatusOr<double> Trainer::Accuracy(Runner& runner) const {
  int64_t right = 0;
  const int64_t samples = test_data_->num_samples();
  for (int64_t begin = 0; begin < samples; begin += kEvaluationBatch) {
    const int64_t end = std::min(begin + kEvaluationBatch, samples);
    ASSIGN_OR_RETURN(const TensorMap feeds, BatchOf(*test_data_, Range(begin, end)));
    absl::StatusOr<std::vector<Tensor>> fetched = runner.Run(feeds, StepValues());
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
  for (int i = 0; i < training_.metric_size(); ++i) {
    ASSIGN_OR_RETURN(const double value, Accuracy(*metrics_[i]));
    metrics.push_back({training_.metric(i).name(), value});
  }
  return metrics;
}

std::vector<NamedTensor> Trainer::Weights() const {
  std::vector<NamedTensor> weights;
  for (const std::string& name : parameters_) weights.emplace_back(name, states_.Copy(name));
  return weights;
}

absl::Status Trainer::SetWeights(const TensorFile& weights) {
  TensorMap states;
  RETURN_IF_ERROR(TakeWeights(*inference_, weights, states));
  states_.Set(states);
  return absl::OkStatus();
}

absl::Status TakeWeights(const Graph& graph, const TensorFile& weights, TensorMap& states) {
  std::vector<std::string> differences;
  std::vector<std::string> names;
  for (const State& state : graph.states()) {
    names.push_back(state.name);
    const auto found = weights.tensors.find(state.name);
    const TensorType& type = graph.type(state.now);
    if (found == weights.tensors.end()) {
      differences.push_back(absl::StrCat("tensor ", Quoted(state.name), " is missing"));
    } else if (found->second.type() != type) {
      differences.push_back(absl::StrCat("tensor ", Quoted(state.name), " must be ",
                                         type.ToString(), ", but is ",
                                         found->second.type().ToString()));
    }
  }
  for (const auto& [name, tensor] : weights.tensors) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    differences.push_back(absl::StrCat("tensor ", Quoted(name), " is no variable of the model",
                                       DidYouMean(name, names)));
  }
  if (!differences.empty()) {
    const size_t total = differences.size();
    differences.resize(std::min(total, kMostDifferences));
    if (total > kMostDifferences)
      differences.push_back(absl::StrCat(total - kMostDifferences, " more differences"));
    return absl::InvalidArgumentError(absl::StrJoin(differences, "\n"));
  }
  for (const State& state : graph.states())
    states[state.name] = weights.tensors.find(state.name)->second;
  return absl::OkStatus();
}

}  // namespace flowgrad
