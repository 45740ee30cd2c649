#include "training/train_graph.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "graph/passes/passes.h"
#include "ops/functions.h"
#include "proto/training.pb.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

// A double scalar in the dtypes of parameters, each cast once.
class Scalar {
 public:
  Scalar() = default;
  explicit Scalar(Value value) : value_(value) {}
  Value value() const { return value_; }
  Value In(DType dtype) {
    Value& cast = casts_[dtype];
    if (!cast) cast = Cast(value_, dtype);
    return cast;
  }

 private:
  Value value_;
  std::map<DType, Value> casts_;
};

// Adds the next values of parameters, whose gradients are given, to a graph.
class Updater {
 public:
  Updater(GraphBuilder& builder, const Optimizer& optimizer)
      : builder_(builder),
        optimizer_(optimizer),
        rate_(builder.Input(kLearningRate, "double[]")),
        decays_gradient_(optimizer.weight_decay > 0 && optimizer.kind != Optimizer::Kind::kAdamW) {
    switch (optimizer.kind) {
      case Optimizer::Kind::kSgd:
      case Optimizer::Kind::kRmsProp:
        break;
      case Optimizer::Kind::kAdamW:
      case Optimizer::Kind::kAdam:
        StartAdam();
        break;
      case Optimizer::Kind::kAdagrad:
        StartAdagrad();
        break;
    }
  }

  void Update(absl::string_view name, Value w, Value dw) {
    const auto scope = builder_.Scope(absl::StrCat(kOptimizerPrefix, name));
    if (decays_gradient_) dw = dw + w * optimizer_.weight_decay;
    switch (optimizer_.kind) {
      case Optimizer::Kind::kSgd:
        return Descend(w, dw);
      case Optimizer::Kind::kAdamW:
      case Optimizer::Kind::kAdam:
        return Adam(w, dw);
      case Optimizer::Kind::kRmsProp:
        return RmsProp(w, dw);
      case Optimizer::Kind::kAdagrad:
        return Adagrad(w, dw);
    }
  }

 private:
  // Against the gradient, or a direction that stands for it.
  void Descend(Value w, Value direction) {
    const Value rate = rate_.In(w.type().dtype);
    if (optimizer_.momentum == 0) {
      builder_.Update(w, Call("SgdUpdate", {w, direction, rate}));
      return;
    }
    const Value v = StateOf("momentum", w);
    Become({w, v},
           CallMany("MomentumUpdate", {w, direction, v, rate},
                    {{"momentum", optimizer_.momentum}, {"nesterov", optimizer_.nesterov}}, 2));
  }

  void RmsProp(Value w, Value dw) {
    const Value v = StateOf("square", w);
    const std::vector<Value> next =
        CallMany("RmsPropUpdate", {dw, v},
                 {{"alpha", optimizer_.alpha}, {"epsilon", optimizer_.epsilon}}, 2);
    builder_.Update(v, next[1]);
    Descend(w, next[0]);
  }

  // Kingma and Ba's corrections 1 - βᵗ go into rate and epsilon once, instead of into every
  // element.
  void StartAdam() {
    const Value t = Cast(CountStep() + 1, DType::kDouble);
    const auto remaining = [&](double beta) {
      return 1 - Call("Pow", {builder_.Scalar(DType::kDouble, beta), t});
    };
    const Value root = Sqrt(remaining(optimizer_.beta2));
    if (optimizer_.kind == Optimizer::Kind::kAdamW && optimizer_.weight_decay > 0) {
      kept_ = Scalar(1 - rate_.value() * optimizer_.weight_decay);
    }
    rate_ = Scalar(rate_.value() * root / remaining(optimizer_.beta1));
    epsilon_ = Scalar(root * optimizer_.epsilon);
  }

  void Adam(Value w, Value dw) {
    const DType dtype = w.type().dtype;
    const Value m = StateOf("mean", w), v = StateOf("square", w);
    const Value decayed = kept_.value() ? w * kept_.In(dtype) : w;
    Become({w, m, v},
           CallMany("AdamUpdate", {decayed, dw, m, v, rate_.In(dtype), epsilon_.In(dtype)},
                    {{"beta1", optimizer_.beta1}, {"beta2", optimizer_.beta2}}, 3));
  }

  void StartAdagrad() {
    if (optimizer_.decay == 0) return;
    const Value done = Cast(CountStep(), DType::kDouble);
    rate_ = Scalar(rate_.value() / (1 + done * optimizer_.decay));
  }

  void Adagrad(Value w, Value dw) {
    const Value s = StateOf("sum", w);
    Become({w, s}, CallMany("AdagradUpdate", {w, dw, s, rate_.In(w.type().dtype)},
                            {{"epsilon", optimizer_.epsilon}}, 2));
  }

  // Steps done before this one.
  Value CountStep() {
    const Value step = builder_.Variable("optimizer/step", "int64[]", Zeros());
    builder_.Update(step, step + 1);
    return step;
  }

  // Of the parameter that is updated.
  Value StateOf(absl::string_view what, Value w) {
    return builder_.Variable(what, w.type().ToString(), Zeros());
  }

  void Become(const std::vector<Value>& now, const std::vector<Value>& next) {
    for (size_t i = 0; i < now.size(); ++i) builder_.Update(now[i], next[i]);
  }

  GraphBuilder& builder_;
  const Optimizer& optimizer_;
  Scalar rate_;            // as the update ops take it
  Scalar kept_, epsilon_;  // of Adam: what weight decay leaves of a parameter; corrected for bias
  const bool decays_gradient_;
};

// Scales gradients, of which some may be absent, down to a norm.
void ClipToNorm(double clip_norm, GraphBuilder& builder, std::vector<Value>& gradients) {
  const auto scope = builder.Scope(absl::StrCat(kOptimizerPrefix, "clip_norm"));
  std::vector<Value> squares;
  for (const Value g : gradients) {
    if (g) squares.push_back(Cast(Call("ReduceSum", {g * g}, {{"keepdims", 0}}), DType::kDouble));
  }
  if (squares.empty()) return;
  const Value norm = Sqrt(Call("Sum", squares));
  Scalar kept(Call("Min", {clip_norm / (norm + 1e-6), builder.Scalar(DType::kDouble, 1)}));
  for (Value& g : gradients) {
    if (g) g = g * kept.In(g.type().dtype);
  }
}

}  // namespace

absl::StatusOr<TrainGraph> BuildTrainGraph(const Graph& model, absl::string_view loss_name,
                                           const Optimizer& optimizer, const OpRegistry& registry,
                                           const TrainGraphOptions& options) {
  RETURN_IF_ERROR(CheckLoss(loss_name, model));
  RETURN_IF_ERROR(CheckOptimizer(optimizer));
  RETURN_IF_ERROR(CheckClipNorm(options.clip_norm));
  const ValueId known_loss = model.Find(loss_name);
  // The loss must be an output, or folding would drop it.
  GraphBuilder with_loss(model, registry);
  const bool is_output =
      std::any_of(model.outputs().begin(), model.outputs().end(),
                  [&](const GraphOutput& output) { return output.value == known_loss; });
  if (!is_output) with_loss.Output(with_loss.Find(loss_name));
  ASSIGN_OR_RETURN(const Graph outputs, std::move(with_loss).Build());
  ASSIGN_OR_RETURN(const Graph forward, FoldTrainingMode(outputs, /*training=*/true, registry));

  TrainGraph result;
  GraphBuilder builder(forward, registry);
  const auto output = std::find_if(forward.outputs().begin(), forward.outputs().end(),
                                   [&](const GraphOutput& o) { return o.name == loss_name; });
  const ValueId loss = output != forward.outputs().end() ? output->value : forward.Find(loss_name);
  std::vector<Value> parameters;
  std::vector<std::string> names;
  for (const State& state : forward.states()) {
    if (!state.trained) continue;
    const bool frozen =
        options.frozen == nullptr ? state.frozen : options.frozen->count(state.name) > 0;
    if (frozen) continue;
    if (state.next.present()) {
      builder.AddError(absl::StrCat("update of ", Quoted(state.name),
                                    ": the optimizer updates this parameter; make it a variable, "
                                    "or frozen, or leave out the update"));
      continue;
    }
    parameters.push_back(Value{&builder, state.now.node, state.now.port});
    names.push_back(state.name);
  }
  std::vector<Value> gradients =
      Gradients(builder, {Value{&builder, loss.node, loss.port}}, parameters);
  if (options.clip_norm > 0) ClipToNorm(options.clip_norm, builder, gradients);
  Updater updater(builder, optimizer);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i]) {
      updater.Update(names[i], parameters[i], gradients[i]);
    } else {
      result.unreachable.push_back(names[i]);
    }
  }
  const Value finite =
      Call("CheckFinite", {Value{&builder, loss.node, loss.port}}).As(kCheckedLoss);
  builder.Output(finite);
  ASSIGN_OR_RETURN(const Graph whole, std::move(builder).Build());
  ASSIGN_OR_RETURN(result.graph, RemoveDeadNodes(whole, registry));
  result.loss = std::string(kCheckedLoss);
  result.learning_rate = optimizer.learning_rate;
  return result;
}

absl::StatusOr<TrainGraph> BuildTrainGraph(const Graph& model, const TrainingDef& training,
                                           const OpRegistry& registry) {
  const std::vector<std::string> freeze(training.freeze().begin(), training.freeze().end());
  ASSIGN_OR_RETURN(const ParameterNames frozen, FrozenParameters(freeze, model));
  return BuildTrainGraph(model, training.loss(), ToOptimizer(training.optimizer()), registry,
                         {.frozen = &frozen, .clip_norm = training.clip_norm()});
}

}  // namespace flowgrad
