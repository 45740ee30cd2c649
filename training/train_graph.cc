#include "training/train_graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "graph/passes/passes.h"
#include "ops/functions.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

// Adds the next values of parameters, whose gradients are given, to a graph.
class Updater {
 public:
  Updater(GraphBuilder& builder, Value rate) : builder_(builder), rate_(rate) {}

  void Sgd(Value w, Value dw) {
    builder_.Update(w, Call("SgdUpdate", {w, dw, Cast(rate_, w.type().dtype)}));
  }

  void Momentum(const std::string& name, Value w, Value dw, double momentum) {
    const Value v = StateOf(name, "momentum", w);
    const std::vector<Value> next = CallMany(
        "MomentumUpdate", {w, dw, v, Cast(rate_, w.type().dtype)}, {{"momentum", momentum}}, 2);
    builder_.Update(w, next[0]);
    builder_.Update(v, next[1]);
  }

  // Kingma and Ba's corrections 1 - βᵗ go into rate and epsilon once, instead of into every
  // element.
  void StartAdam(const Optimizer& adam) {
    const Value step = builder_.Variable("optimizer/step", "int64[]", Zeros());
    const Value next = step + 1;
    builder_.Update(step, next);
    const Value t = Cast(next, DType::kDouble);
    const auto remaining = [&](double beta) {
      return 1 - Call("Pow", {builder_.Scalar(DType::kDouble, beta), t});
    };
    const Value root = Sqrt(remaining(adam.beta2));
    adam_rate_ = Cast(rate_, DType::kDouble) * root / remaining(adam.beta1);
    adam_epsilon_ = root * adam.epsilon;
  }

  void Adam(const std::string& name, Value w, Value dw, const Optimizer& adam) {
    const DType dtype = w.type().dtype;
    const Value m = StateOf(name, "mean", w), v = StateOf(name, "square", w);
    const std::vector<Value> next =
        CallMany("AdamUpdate", {w, dw, m, v, Cast(adam_rate_, dtype), Cast(adam_epsilon_, dtype)},
                 {{"beta1", adam.beta1}, {"beta2", adam.beta2}}, 3);
    builder_.Update(w, next[0]);
    builder_.Update(m, next[1]);
    builder_.Update(v, next[2]);
  }

 private:
  Value StateOf(const std::string& name, absl::string_view what, Value w) {
    return builder_.Variable(absl::StrCat("optimizer/", name, "/", what), w.type().ToString(),
                             Zeros());
  }

  GraphBuilder& builder_;
  Value rate_, adam_rate_, adam_epsilon_;
};

}  // namespace

absl::StatusOr<TrainGraph> BuildTrainGraph(const Graph& model, absl::string_view loss_name,
                                           const Optimizer& optimizer, const OpRegistry& registry,
                                           const ParameterNames* frozen) {
  RETURN_IF_ERROR(CheckLoss(loss_name, model));
  RETURN_IF_ERROR(CheckOptimizer(optimizer));
  const bool adam = optimizer.kind == Optimizer::Kind::kAdam;
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
    if (frozen == nullptr ? state.frozen : frozen->count(state.name) > 0) continue;
    if (state.next.present()) {
      builder.AddError(absl::StrCat("update of ", Quoted(state.name),
                                    ": the optimizer updates this parameter; make it a variable, "
                                    "or frozen, or leave out the update"));
      continue;
    }
    parameters.push_back(Value{&builder, state.now.node, state.now.port});
    names.push_back(state.name);
  }
  const std::vector<Value> gradients =
      Gradients(builder, {Value{&builder, loss.node, loss.port}}, parameters);
  Updater updater(builder, builder.Input(kLearningRate, "float[]"));
  if (adam) updater.StartAdam(optimizer);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients[i]) {
      result.unreachable.push_back(names[i]);
    } else if (adam) {
      updater.Adam(names[i], parameters[i], gradients[i], optimizer);
    } else if (optimizer.momentum > 0) {
      updater.Momentum(names[i], parameters[i], gradients[i], optimizer.momentum);
    } else {
      updater.Sgd(parameters[i], gradients[i]);
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

}  // namespace flowgrad
