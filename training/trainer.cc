#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "training/shuffle.h"

namespace flowgrad {
namespace {

constexpr int64_t kEvaluationBatch = 1000;
constexpr size_t kMostDifferences = 10;

absl::Status Positive(absl::string_view field, int64_t value) {
  if (value >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("training.", field, " must be 1 or more, but is ", value));
}

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

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const ModelDef& model,
                                                       const TrainerOptions& options,
                                                       const OpRegistry& registry) {
  if (!model.has_training()) {
    return absl::InvalidArgumentError(
        "model has no training section: it can be run and checked, but not trained");
  }
  std::unique_ptr<Trainer> trainer(new Trainer);
  trainer->training_ = model.training();
  ASSIGN_OR_RETURN(const Graph graph, BuildGraph(model.graph(), registry));
  ASSIGN_OR_RETURN(trainer->train_, BuildTrainGraph(graph, model.training().loss(),
                                                    model.training().optimizer(), registry));
  ASSIGN_OR_RETURN(trainer->inference_, FoldTrainingMode(graph, /*training=*/false, registry));
  RETURN_IF_ERROR(trainer->ReadFeeds(model.training().data(), graph));
  for (const MetricDef& metric : model.training().metric()) {
    if (metric.name() == "accuracy") continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "training.metric: metric must be \"accuracy\", but is ", Quoted(metric.name())));
  }
  const std::string& set = model.training().data().set();
  ASSIGN_OR_RETURN(trainer->train_data_,
                   DataSet::Load(set, options.data_folder, DataSet::Part::kTrain));
  ASSIGN_OR_RETURN(trainer->test_data_,
                   DataSet::Load(set, options.data_folder, DataSet::Part::kTest));
  RETURN_IF_ERROR(trainer->ReadSettings(model.training(), options));
  ASSIGN_OR_RETURN(trainer->states_, InitializeStates(trainer->train_.graph, trainer->seed_));
  return trainer;
}

absl::Status Trainer::ReadSettings(const TrainingDef& training, const TrainerOptions& options) {
  seed_ = options.seed.value_or(training.has_seed() ? training.seed() : 1);
  batch_size_ = options.batch_size.value_or(training.batch_size());
  RETURN_IF_ERROR(Positive("batch_size", batch_size_));
  const int64_t samples = train_data_->num_samples();
  batch_size_ = std::min(batch_size_, samples);
  steps_per_epoch_ =
      training.drop_last() ? samples / batch_size_ : (samples + batch_size_ - 1) / batch_size_;
  const bool by_steps = options.steps.has_value() || training.steps() != 0;
  if (!options.steps && training.steps() != 0 && training.epochs() != 0) {
    return absl::InvalidArgumentError("training must give epochs or steps, but gives both");
  }
  const int64_t length = by_steps ? options.steps.value_or(training.steps()) : training.epochs();
  RETURN_IF_ERROR(Positive(by_steps ? "steps" : "epochs", length));
  if (length > (int64_t{1} << 40)) {
    return absl::InvalidArgumentError(absl::StrCat("training.", by_steps ? "steps" : "epochs",
                                                   " must be at most 2^40, but is ", length));
  }
  num_steps_ = by_steps ? length : length * steps_per_epoch_;
  return absl::OkStatus();
}

absl::Status Trainer::ReadFeeds(const DataDef& data, const Graph& model) {
  for (const FeedDef& feed : data.feed()) {
    const auto input = std::find_if(model.inputs().begin(), model.inputs().end(),
                                    [&](const GraphInput& i) { return i.name == feed.input(); });
    if (input == model.inputs().end()) {
      std::vector<std::string> names;
      for (const GraphInput& known : model.inputs()) names.push_back(known.name);
      return absl::InvalidArgumentError(absl::StrCat("training.data.feed: no input is named ",
                                                     Quoted(feed.input()),
                                                     DidYouMean(feed.input(), names)));
    }
    feeds_.push_back({feed.input(), feed.field().empty() ? feed.input() : feed.field(),
                      model.type(input->value).dtype});
  }
  for (const GraphInput& input : model.inputs()) {
    const bool fed = std::any_of(feeds_.begin(), feeds_.end(),
                                 [&](const Feed& f) { return f.input == input.name; });
    if (!fed && !input.default_value.present()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "training.data.feed: input ", Quoted(input.name), " is fed by no field of the data"));
    }
  }
  return absl::OkStatus();
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
  TensorMap states = states_;
  ASSIGN_OR_RETURN(const std::vector<Tensor> fetched,
                   ReferenceRun(train_.graph, feeds, states, {train_.loss}, values,
                                /*update_states=*/true));
  const double loss = fetched[0].at(0);
  if (!std::isfinite(loss)) {
    return absl::AbortedError(
        absl::StrCat("loss is ", Number(loss), " at step ", step_ + 1,
                     ": the weights are those before it; a smaller learning rate may help"));
  }
  states_ = std::move(states);
  ++step_;
  return loss;
}

absl::StatusOr<double> Trainer::Accuracy(const MetricDef& metric) const {
  int64_t right = 0;
  TensorMap states;
  for (const State& state : inference_.states())
    states[state.name] = states_.find(state.name)->second;
  const int64_t samples = test_data_->num_samples();
  for (int64_t begin = 0; begin < samples; begin += kEvaluationBatch) {
    const int64_t end = std::min(begin + kEvaluationBatch, samples);
    ASSIGN_OR_RETURN(const TensorMap feeds, BatchOf(*test_data_, Range(begin, end)));
    absl::StatusOr<std::vector<Tensor>> fetched = ReferenceRun(
        inference_, feeds, states, {metric.prediction(), metric.label()}, StepValues());
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
  for (const MetricDef& metric : training_.metric()) {
    ASSIGN_OR_RETURN(const double value, Accuracy(metric));
    metrics.push_back({metric.name(), value});
  }
  return metrics;
}

std::vector<NamedTensor> Trainer::Weights() const {
  std::vector<NamedTensor> weights;
  for (const State& state : inference_.states()) {
    weights.emplace_back(state.name, states_.find(state.name)->second);
  }
  return weights;
}

absl::Status Trainer::SetWeights(const TensorFile& weights) {
  return TakeWeights(inference_, weights, states_);
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
