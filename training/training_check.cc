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
#include "training/metrics.h"
#include "training/parameter_names.h"

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

void CheckFromZero(absl::string_view field, double value, Errors& errors) {
  CheckRange(field, value, value >= 0 && std::isfinite(value), "from 0 on and finite", errors);
}

// What is kept of the past: momentum, the betas of Adam.
void CheckKept(absl::string_view field, double value, Errors& errors) {
  CheckRange(field, value, value >= 0 && value < 1, "from 0 to less than 1", errors);
}

// By what the rate shrinks.
void CheckFactor(absl::string_view field, double value, Errors& errors) {
  CheckRange(field, value, value > 0 && value <= 1, "above 0 and at most 1", errors);
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
  const auto check_interval = [&](absl::string_view field, int64_t interval) {
    if (interval < 0) errors.Add(field, " must be 0 or more, but is ", interval);
  };
  check_interval(".evaluate_every", training.evaluate_every());
  check_interval(".log_every", training.log_every());
  if (!Sampling_IsValid(training.sampling())) {
    errors.Add(".sampling must be SHUFFLED, WITH_REPLACEMENT or IN_ORDER, but is number ",
               static_cast<int>(training.sampling()));
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

absl::string_view NameOf(Optimizer::Kind kind) {
  switch (kind) {
    case Optimizer::Kind::kSgd:
      return "sgd";
    case Optimizer::Kind::kAdam:
      return "adam";
    case Optimizer::Kind::kAdamW:
      return "adamw";
    case Optimizer::Kind::kRmsProp:
      return "rmsprop";
    case Optimizer::Kind::kAdagrad:
      return "adagrad";
  }
  return "";
}

// What an Adam or an AdamW says but for its weight decay.
template <class AdamDef>
Optimizer WithBetas(Optimizer optimizer, const AdamDef& def) {
  if (def.has_beta1()) optimizer.beta1 = def.beta1();
  if (def.has_beta2()) optimizer.beta2 = def.beta2();
  if (def.has_epsilon()) optimizer.epsilon = def.epsilon();
  return optimizer;
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
  using Kind = Optimizer::Kind;
  const Kind kind = optimizer.kind;
  const std::string prefix = absl::StrCat("optimizer.", NameOf(kind), ".");
  Errors errors;
  CheckPositive(prefix + "learning_rate", optimizer.learning_rate, errors);
  if (kind == Kind::kAdam || kind == Kind::kAdamW) {
    CheckKept(prefix + "beta1", optimizer.beta1, errors);
    CheckKept(prefix + "beta2", optimizer.beta2, errors);
  }
  if (kind == Kind::kRmsProp) CheckKept(prefix + "alpha", optimizer.alpha, errors);
  if (kind != Kind::kSgd) CheckPositive(prefix + "epsilon", optimizer.epsilon, errors);
  if (kind == Kind::kSgd || kind == Kind::kRmsProp) {
    CheckKept(prefix + "momentum", optimizer.momentum, errors);
  }
  if (kind == Kind::kSgd && optimizer.nesterov && optimizer.momentum == 0) {
    errors.Add(".", prefix, "nesterov needs a momentum above 0, but momentum is 0");
  }
  if (kind == Kind::kAdagrad) CheckFromZero(prefix + "decay", optimizer.decay, errors);
  CheckFromZero(prefix + "weight_decay", optimizer.weight_decay, errors);
  return errors.status();
}

absl::Status CheckClipNorm(double clip_norm) {
  Errors errors;
  CheckFromZero("clip_norm", clip_norm, errors);
  return errors.status();
}

absl::Status CheckSchedule(const ScheduleDef& schedule) {
  Errors errors;
  switch (schedule.kind_case()) {
    case ScheduleDef::kCosine:
      CheckFromZero("schedule.cosine.end", schedule.cosine().end(), errors);
      break;
    case ScheduleDef::kStep:
      CheckPositive("schedule.step.every", schedule.step().every(), errors);
      if (schedule.step().has_factor()) {
        CheckFactor("schedule.step.factor", schedule.step().factor(), errors);
      }
      break;
    case ScheduleDef::kExponential:
      CheckFactor("schedule.exponential.factor", schedule.exponential().factor(), errors);
      break;
    case ScheduleDef::kConstant:
    case ScheduleDef::KIND_NOT_SET:
      break;
  }
  if (schedule.warm_up() < 0 || schedule.warm_up() > kLongestRun) {
    errors.Add(".schedule.warm_up must be from 0 to 2^40, but is ", schedule.warm_up());
  }
  return errors.status();
}

Optimizer ToOptimizer(const OptimizerDef& def) {
  switch (def.kind_case()) {
    case OptimizerDef::kSgd: {
      const OptimizerDef::Sgd& sgd = def.sgd();
      return Optimizer::Sgd(sgd.learning_rate(), sgd.momentum(), sgd.nesterov(),
                            sgd.weight_decay());
    }
    case OptimizerDef::kAdam: {
      Optimizer optimizer = WithBetas(Optimizer::Adam(def.adam().learning_rate()), def.adam());
      optimizer.weight_decay = def.adam().weight_decay();
      return optimizer;
    }
    case OptimizerDef::kAdamw: {
      Optimizer optimizer = WithBetas(Optimizer::AdamW(def.adamw().learning_rate()), def.adamw());
      if (def.adamw().has_weight_decay()) optimizer.weight_decay = def.adamw().weight_decay();
      return optimizer;
    }
    case OptimizerDef::kRmsprop: {
      const OptimizerDef::RmsProp& rmsprop = def.rmsprop();
      Optimizer optimizer = Optimizer::RmsProp(rmsprop.learning_rate());
      if (rmsprop.has_alpha()) optimizer.alpha = rmsprop.alpha();
      if (rmsprop.has_epsilon()) optimizer.epsilon = rmsprop.epsilon();
      optimizer.momentum = rmsprop.momentum();
      optimizer.weight_decay = rmsprop.weight_decay();
      return optimizer;
    }
    case OptimizerDef::kAdagrad: {
      const OptimizerDef::Adagrad& adagrad = def.adagrad();
      Optimizer optimizer = Optimizer::Adagrad(adagrad.learning_rate());
      if (adagrad.has_epsilon()) optimizer.epsilon = adagrad.epsilon();
      optimizer.decay = adagrad.decay();
      optimizer.weight_decay = adagrad.weight_decay();
      return optimizer;
    }
    case OptimizerDef::KIND_NOT_SET:
      break;
  }
  return Optimizer();
}

absl::Status CheckTraining(const TrainingDef& training, const Graph& model, bool has_data) {
  Errors errors;
  const absl::Status loss = CheckLoss(training.loss(), model);
  errors.AddAll(loss);
  errors.AddAll(CheckOptimizer(ToOptimizer(training.optimizer())));
  errors.AddAll(CheckSchedule(training.schedule()));
  CheckLength(training, errors);
  const DataDef& data = training.data();
  const bool named = data.source_case() == DataDef::kSet
                         ? !data.set().empty()
                         : data.source_case() != DataDef::SOURCE_NOT_SET;
  if (!has_data && !named) {
    errors.Add(".data must say where the samples come from: set, csv, idx, npy or text");
  }
  if (training.has_data()) CheckFeeds(training.data(), model, errors);
  for (const MetricDef& metric : training.metric()) {
    if (metric.name() == "loss" && !loss.ok()) continue;  // said above
    errors.AddAll(Metric::Make(metric, training, model).status());
  }
  errors.AddAll(CheckClipNorm(training.clip_norm()));
  errors.AddAll(
      FrozenParameters({training.freeze().begin(), training.freeze().end()}, model).status());
  return errors.status();
}

}  // namespace flowgrad
