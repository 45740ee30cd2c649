#include "training/training_check.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "proto/model.pb.h"

namespace flowgrad {
namespace {

constexpr int64_t kLongestRun = int64_t{1} << 40;

// Errors, in the order of the section.
class Errors {
 public:
  template <class... Parts>
  void Add(const Parts&... parts) {
    errors_.push_back(absl::StrCat("training", parts...));
  }
  void AddAll(const absl::Status& status) {
    if (!status.ok()) errors_.emplace_back(status.message());
  }
  absl::Status status() const {
    if (errors_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
  }

 private:
  std::vector<std::string> errors_;
};

void CheckRange(absl::string_view field, double value, bool valid, absl::string_view expected,
                Errors& errors) {
  if (!valid) errors.Add(".", field, " must be ", expected, ", but is ", Number(value));
}

void CheckPositive(absl::string_view field, double value, Errors& errors) {
  CheckRange(field, value, value > 0 && std::isfinite(value), "above 0 and finite", errors);
}

// What is kept of the past: momentum, the betas of Adam.
void CheckDecay(absl::string_view field, double value, Errors& errors) {
  CheckRange(field, value, value >= 0 && value < 1, "from 0 to less than 1", errors);
}

void CheckLength(const TrainingDef& training, Errors& errors) {
  if (training.batch_size() < 1) {
    errors.Add(".batch_size must be 1 or more, but is ", training.batch_size());
  }
  const int64_t epochs = training.epochs(), steps = training.steps();
  if (epochs == 0 && steps == 0) {
    errors.Add(" must give epochs or steps, 1 or more, but gives neither");
  } else if (epochs != 0 && steps != 0) {
    errors.Add(" must give epochs or steps, but gives both");
  } else if (epochs < 0 || steps < 0 || std::max(epochs, steps) > kLongestRun) {
    errors.Add(epochs != 0 ? ".epochs" : ".steps", " must be from 1 to 2^40, but is ",
               epochs + steps);
  }
}

void CheckFeeds(const DataDef& data, const Graph& model, Errors& errors) {
  std::vector<std::string> inputs;
  for (const GraphInput& input : model.inputs()) inputs.push_back(input.name);
  std::set<std::string> fed;
  for (const FeedDef& feed : data.feed()) {
    if (!fed.insert(feed.input()).second) {
      errors.Add(".data.feed: input ", Quoted(feed.input()), " is fed twice");
    } else if (std::find(inputs.begin(), inputs.end(), feed.input()) == inputs.end()) {
      errors.Add(".data.feed: no input is named ", Quoted(feed.input()),
                 DidYouMean(feed.input(), inputs));
    }
  }
  for (const GraphInput& input : model.inputs()) {
    if (fed.count(input.name) > 0 || input.default_value.present()) continue;
    errors.Add(".data.feed: input ", Quoted(input.name), " is fed by no field of the data");
  }
}

void CheckMetric(const MetricDef& metric, const Graph& model, Errors& errors) {
  if (metric.name() != "accuracy") {
    errors.Add(".metric: metric must be \"accuracy\", but is ", Quoted(metric.name()));
    return;
  }
  const ValueId prediction = model.Find(metric.prediction()), label = model.Find(metric.label());
  const auto check = [&](absl::string_view field, const std::string& name, ValueId value) {
    if (value.present()) return;
    errors.Add(".metric.", field, ": no value is named ", Quoted(name),
               DidYouMean(name, model.ValueNames()));
  };
  check("prediction", metric.prediction(), prediction);
  check("label", metric.label(), label);
  if (!prediction.present() || !label.present()) return;
  const TensorType &rows = model.type(prediction), &labels = model.type(label);
  if (rows.rank() == 2 && labels.rank() == 1) return;
  errors.Add(".metric: accuracy needs a prediction [N,classes] and a label [N], but they are ",
             rows.ToString(), " and ", labels.ToString());
}

}  // namespace

absl::Status CheckLoss(absl::string_view loss, const Graph& model) {
  Errors errors;
  const ValueId value = model.Find(loss);
  if (loss.empty()) {
    errors.Add(".loss is missing: name the value to be made small");
  } else if (!value.present()) {
    errors.Add(".loss: no value is named ", Quoted(loss), DidYouMean(loss, model.ValueNames()));
  } else if (const TensorType& type = model.type(value);
             !IsFloating(type.dtype) || type.rank() != 0) {
    errors.Add(".loss: value ", Quoted(loss), " must be a float or double scalar, but is ",
               type.ToString());
  }
  return errors.status();
}

absl::Status CheckOptimizer(const Optimizer& optimizer) {
  Errors errors;
  if (optimizer.kind == Optimizer::Kind::kAdam) {
    CheckPositive("optimizer.adam.learning_rate", optimizer.learning_rate, errors);
    CheckDecay("optimizer.adam.beta1", optimizer.beta1, errors);
    CheckDecay("optimizer.adam.beta2", optimizer.beta2, errors);
    CheckPositive("optimizer.adam.epsilon", optimizer.epsilon, errors);
  } else {
    CheckPositive("optimizer.sgd.learning_rate", optimizer.learning_rate, errors);
    CheckDecay("optimizer.sgd.momentum", optimizer.momentum, errors);
  }
  return errors.status();
}

Optimizer ToOptimizer(const OptimizerDef& def) {
  Optimizer optimizer;
  if (def.has_sgd()) return Optimizer::Sgd(def.sgd().learning_rate(), def.sgd().momentum());
  if (!def.has_adam()) return optimizer;
  const OptimizerDef::Adam& adam = def.adam();
  optimizer.kind = Optimizer::Kind::kAdam;
  optimizer.learning_rate = adam.learning_rate();
  if (adam.has_beta1()) optimizer.beta1 = adam.beta1();
  if (adam.has_beta2()) optimizer.beta2 = adam.beta2();
  if (adam.has_epsilon()) optimizer.epsilon = adam.epsilon();
  return optimizer;
}

absl::Status CheckTraining(const TrainingDef& training, const Graph& model) {
  Errors errors;
  errors.AddAll(CheckLoss(training.loss(), model));
  errors.AddAll(CheckOptimizer(ToOptimizer(training.optimizer())));
  const double end = training.schedule().cosine().end();
  CheckRange("schedule.cosine.end", end, end >= 0 && std::isfinite(end), "from 0 on and finite",
             errors);
  CheckLength(training, errors);
  if (training.data().set().empty()) errors.Add(".data.set is missing: name a data set");
  if (training.has_data()) CheckFeeds(training.data(), model, errors);
  for (const MetricDef& metric : training.metric()) CheckMetric(metric, model, errors);
  return errors.status();
}

}  // namespace flowgrad
