#include "tests/scheduler/planned_graphs.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/autodiff.h"
#include "graph/passes/passes.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/planner.h"
#include "tests/testing/canaries.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

constexpr StepValues kFirstStep = {.seed = 7, .step = 3, .first_sample = 0};

// Adds the gradients of `loss` and updates of all `parameters` by SGD with momentum.
void AddTraining(GraphBuilder& g, Value loss, const std::vector<Value>& parameters) {
  const std::vector<Value> gradients = Gradients(g, {loss}, parameters);
  const Value rate = g.Input("rate", "float[]");
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Value momentum =
        g.Variable(absl::StrCat("momentum", i), parameters[i].type().ToString(), Zeros());
    const std::vector<Value> next = CallMany(
        "MomentumUpdate", {parameters[i], gradients[i], momentum, rate}, {{"momentum", 0.9}}, 2);
    g.Update(parameters[i], next[0]);
    g.Update(momentum, next[1]);
  }
}

Value Layer(GraphBuilder& g, const std::string& name, Value x, int64_t inputs, int64_t outputs,
            std::vector<Value>& parameters) {
  const GraphBuilder::ScopeGuard scope = g.Scope(name);
  const Value w = g.Parameter("w", absl::StrCat("float[", inputs, ",", outputs, "]"), HeNormal());
  const Value b = g.Parameter("b", absl::StrCat("float[", outputs, "]"), Zeros());
  parameters.push_back(w);
  parameters.push_back(b);
  return MatMul(x, w) + b;
}

}  // namespace

PlannedGraph MakePlanned(const std::string& name, int64_t batch,
                         const std::function<void(GraphBuilder&)>& make) {
  GraphBuilder builder;
  make(builder);
  absl::StatusOr<Graph> built = std::move(builder).Build();
  EXPECT_TRUE(built.ok()) << name << ": " << built.status();
  if (!built.ok()) return {};
  absl::StatusOr<Graph> folded = FoldTrainingMode(*built, /*training=*/true);
  EXPECT_TRUE(folded.ok()) << name << ": " << folded.status();
  PlannedGraph planned;
  planned.name = name;
  planned.graph = std::make_shared<const Graph>(*std::move(folded));
  Random random(11);
  for (const GraphInput& input : planned.graph->inputs()) {
    const TensorType& type = planned.graph->type(input.value);
    Dims dims;
    for (const Dim& dim : type.shape) dims.push_back(dim.known() ? dim.value() : batch);
    planned.feeds[input.name] =
        IsFloating(type.dtype) ? RandomTensor(type.dtype, dims, input.name == "rate" ? 0.01 : -1,
                                              input.name == "rate" ? 0.1 : 1, random)
                               : RandomTensor(type.dtype, dims, 0, 2, random);
  }
  planned.states = *InitializeStates(*planned.graph, 1);
  for (const GraphOutput& output : planned.graph->outputs()) planned.fetches.push_back(output.name);
  return planned;
}

PlannedGraph TrainStepOfMlp(int64_t batch, int64_t inputs, int64_t hidden, int64_t classes) {
  return MakePlanned(absl::StrCat("mlp", batch), batch, [&](GraphBuilder& g) {
    const Value x = g.Input("x", absl::StrCat("float[N,", inputs, "]"));
    const Value labels = g.Input("labels", "int64[N]");
    std::vector<Value> parameters;
    const Value h1 = Relu(Layer(g, "layer1", x, inputs, hidden, parameters));
    const Value h2 = Relu(Layer(g, "layer2", h1, hidden, hidden, parameters));
    const Value logits = Layer(g, "layer3", h2, hidden, classes, parameters);
    const Value loss = Call("SoftmaxCrossEntropyLoss", {logits, labels});
    g.Output(loss, "loss");
    g.Output(logits, "logits");
    AddTraining(g, loss, parameters);
  });
}

PlannedGraph TrainStepOfChains(int64_t batch, int64_t width, int chains, int layers) {
  return MakePlanned("chains", batch, [&](GraphBuilder& g) {
    const Value x = g.Input("x", absl::StrCat("float[N,", width, "]"));
    std::vector<Value> parameters, ends;
    for (int c = 0; c < chains; ++c) {
      Value h = x;
      for (int l = 0; l < layers; ++l) {
        h = Tanh(Layer(g, absl::StrCat("chain", c, "/layer", l), h, width, width, parameters));
      }
      ends.push_back(h);
    }
    const Value sum = Call("Sum", ends);
    const Value loss = Call("CheckFinite", {ReduceSum(sum * sum, {0, 1}, /*keepdims=*/false)});
    g.Output(loss, "loss");
    AddTraining(g, loss, parameters);
  });
}

std::vector<PlannedGraph> SmallGraphs() {
  std::vector<PlannedGraph> graphs;
  const auto add = [&](const std::string& name, int64_t batch,
                       const std::function<void(GraphBuilder&)>& make) {
    graphs.push_back(MakePlanned(name, batch, make));
  };
  graphs.push_back(TrainStepOfMlp(/*batch=*/37, /*inputs=*/23, /*hidden=*/19, /*classes=*/3));
  graphs.push_back(TrainStepOfMlp(/*batch=*/1, /*inputs=*/9, /*hidden=*/30, /*classes=*/2));
  graphs.push_back(TrainStepOfMlp(/*batch=*/0, /*inputs=*/9, /*hidden=*/30, /*classes=*/2));

  add("long_sum", 1, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[70001]");
    const Value z = Tanh(x * 1.1 + 0.1) * Sigmoid(x);
    const Value sum = ReduceSum(z, {0}, /*keepdims=*/false);
    g.Output(sum, "sum");
    g.Output(Gradients(g, {sum}, {x})[0], "dx");
  });
  // 0 + x, which is not x where that is -0.
  add("sums_of_one", 1, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,1,4,1]");
    const Value zeros = Call("Abs", {x}) * -0.0;
    g.Output(zeros, "zeros");
    g.Output(ReduceSum(zeros, {0}, /*keepdims=*/false), "of_batch");
    g.Output(ReduceSum(zeros, {1, 3}, /*keepdims=*/true), "kept");
    g.Output(Exp(ReduceSum(Call("Transpose", {x}), {0, 3}, /*keepdims=*/false)), "turned");
  });
  add("sum_of_rows", 300, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,3]");
    g.Output(ReduceSum(Exp(x), {0}, /*keepdims=*/true), "sum");
    g.Output(ReduceSum(x * x, {0, 1}, /*keepdims=*/false), "all");
  });
  add("views", 6, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,4,5]");
    const Value turned = Call("Transpose", {x}, {{"perm", std::vector<int64_t>{2, 0, 1}}});
    const Value flat = Call("Reshape", {turned, IntsConstant(g, {-1, 4})});
    const std::vector<Value> halves =
        CallMany("Split", {flat}, {{"axis", 1}, {"num_outputs", 2}}, 2);
    const Value joined = Call("Concat", {halves[1], Tanh(halves[0])}, {{"axis", 1}});
    const Value part = Call("Slice", {joined, IntsConstant(g, {28}), IntsConstant(g, {2}),
                                      IntsConstant(g, {0}), IntsConstant(g, {-3})});
    g.Output(part * 2.0, "part");
    g.Output(turned, "turned");
    g.Output(MatMul(joined, SwapLastTwo(joined)), "product");
    g.Output(x, "x again");
    g.Output(turned, "turned again");
  });
  add("batched_products", 5, [](GraphBuilder& g) {
    const Value q = g.Input("q", "float[N,7,8]"), k = g.Input("k", "float[N,7,8]");
    const Value w = g.Parameter("w", "float[8,33]", GlorotUniform());
    const Value scores = Call("Softmax", {MatMul(q, SwapLastTwo(k))}, {{"axis", -1}});
    const Value y = MatMul(MatMul(scores, k), w);
    const Value loss = ReduceSum(y * y, {0, 1, 2}, /*keepdims=*/false);
    g.Output(loss, "loss");
    AddTraining(g, loss, {w});
  });
  // Two heads of width 3 on sequences of 5, post-norm, and a class for each position.
  add("attention", 6, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,5,6]"), labels = g.Input("labels", "int64[N,5]");
    std::vector<Value> parameters;
    const auto heads = [&](const std::string& name, std::vector<int64_t> perm) {
      const Value y = Layer(g, name, x, 6, 6, parameters);
      const Value split = Call("Reshape", {y, IntsConstant(g, {0, 0, 2, 3})});
      return Call("Transpose", {split}, {{"perm", std::move(perm)}});
    };
    const Value query = heads("query", {0, 2, 1, 3}), key = heads("key", {0, 2, 3, 1}),
                value = heads("value", {0, 2, 1, 3});
    const Value mixed = MatMul(Call("Softmax", {MatMul(query, key)}), value);
    const Value turned = Call("Transpose", {mixed}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
    const Value joined = Call("Reshape", {turned, IntsConstant(g, {0, 0, 6})});
    const Value scale = g.Parameter("scale", "float[6]", Uniform(0.5, 1.5));
    const Value shift = g.Parameter("shift", "float[6]", Uniform(-1, 1));
    parameters.insert(parameters.end(), {scale, shift});
    const Value h = Call("LayerNormalization", {x + joined, scale, shift});
    const Value scores = Layer(g, "scores", h, 6, 4, parameters);
    const Value loss =
        Call("SoftmaxCrossEntropyLoss", {Call("Reshape", {scores, IntsConstant(g, {-1, 4})}),
                                         Call("Reshape", {labels, IntsConstant(g, {-1})})});
    g.Output(loss, "loss");
    AddTraining(g, loss, parameters);
  });
  add("swapped_states", 1, [](GraphBuilder& g) {
    const Value a = g.Variable("a", "float[4]", Uniform(0, 1));
    const Value b = g.Variable("b", "float[4]", Uniform(0, 1));
    g.Update(a, b);
    g.Update(b, a * 1.5);
    g.Output(a + b, "sum");
    g.Output(a, "old a");
  });
  add("crossed_states", 1, [](GraphBuilder& g) {
    const Value a = g.Variable("a", "float[3,3]", Uniform(0, 1));
    const Value b = g.Variable("b", "float[3,3]", Uniform(0, 1));
    const Value next_a = Tanh(b) + a, next_b = Tanh(a) + b;
    g.Update(a, next_a);
    g.Update(b, next_b);
    g.Output(next_a * next_b, "product");
    g.Output(next_a, "next a");
  });
  add("state_read_after_it_is_written", 1, [](GraphBuilder& g) {
    const Value a = g.Variable("a", "float[3,3]", Uniform(0, 1));
    const Value next = a * 0.5 + 1.0;
    g.Update(a, next);
    g.Output(MatMul(next, a), "both");
  });
  add("state_of_its_own_product", 1, [](GraphBuilder& g) {
    const Value a = g.Variable("a", "float[5,5]", Uniform(0, 0.2));
    g.Update(a, MatMul(a, SwapLastTwo(a)));
    const Value count = g.Variable("count", "int64[]", Zeros());
    g.Update(count, count + 1.0);
    const Value constant = g.Variable("constant", "float[2]", Zeros());
    g.Update(constant, g.Builder::Constant(Tensor::Of<float>({2}, {1, 2})));
    g.Output(count, "count");
  });
  add("one_value_in_two_states", 4, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,2]");
    const Value a = g.Variable("a", "float[1,2]", Zeros()),
                b = g.Variable("b", "float[1,2]", Zeros());
    const Value next = ReduceSum(x, {0}, /*keepdims=*/true) + a;
    g.Update(a, next);
    g.Update(b, next);
    g.Output(next, "next");
  });
  add("dropout", 40, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,30]");
    const Value w = g.Parameter("w", "float[30,20]", GlorotUniform());
    const Value dropped =
        Call("Dropout", {MatMul(x, w), g.Scalar(DType::kFloat, 0.3), g.TrainingMode()});
    const Value loss = ReduceSum(dropped * dropped, {0, 1}, /*keepdims=*/false);
    g.Output(loss, "loss");
    AddTraining(g, loss, {w});
  });
  add("rows_by_index", 50, [](GraphBuilder& g) {
    const Value rows = g.Input("rows", "int64[N]");
    const Value table = g.Parameter("table", "float[3,17]", Uniform(-1, 1));
    const Value loss = ReduceSum(Tanh(Call("Gather", {table, rows})), {0, 1}, /*keepdims=*/false);
    g.Output(loss, "loss");
    AddTraining(g, loss, {table});
  });
  return graphs;
}

PlanOptions SmallestTasks() {
  PlanOptions options;
  options.task_ns = options.piece_ns = 1;
  options.serial_ns = 0;
  return options;
}

std::shared_ptr<const Plan> PlanOf(const PlannedGraph& planned) { return PlanOf(planned, {}); }

std::shared_ptr<const Plan> PlanOf(const PlannedGraph& planned, const PlanOptions& options) {
  FedTypes types;
  for (const auto& [name, tensor] : planned.feeds) types[name] = tensor.type();
  const auto plan =
      MakePlan(planned.graph, types, planned.fetches, /*update_states=*/true, options);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return *plan;
}

std::string StateDifference(const StateStore& store, const TensorMap& expected) {
  for (const auto& [name, tensor] : expected) {
    const std::string difference = BitDifference(*store.Find(name), tensor);
    if (!difference.empty()) return absl::StrCat(name, ": ", difference);
  }
  return "";
}

std::string DifferenceFromReference(const PlannedGraph& planned, int steps,
                                    const PlanOptions& options, int threads,
                                    StepObserver* observer) {
  const auto run = PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                                    /*update_states=*/true, options, Workers(threads));
  if (!run.ok()) return run.status().ToString();
  (*run)->run_state().set_observer(observer);
  std::optional<Canaries> canaries;
  if (options.canaries) canaries.emplace(&(*run)->run_state());
  TensorMap states = planned.states;
  StepValues values = kFirstStep;
  for (int i = 0; i < steps; ++i, ++values.step) {
    const auto expected = ReferenceRun(*planned.graph, planned.feeds, states, planned.fetches,
                                       values, /*update_states=*/true);
    const auto actual = (*run)->Run(planned.feeds, values);
    if (canaries && !canaries->status().ok()) return canaries->status().ToString();
    if (expected.ok() != actual.ok()) {
      return absl::StrCat(expected.status().ToString(), " but ", actual.status().ToString());
    }
    if (!actual.ok()) {
      return expected.status() == actual.status()
                 ? ""
                 : absl::StrCat(expected.status().ToString(), " but ", actual.status().ToString());
    }
    for (size_t f = 0; f < planned.fetches.size(); ++f) {
      const std::string difference = BitDifference((*actual)[f], (*expected)[f]);
      if (!difference.empty()) {
        return absl::StrCat("step ", i, ", ", planned.fetches[f], ": ", difference);
      }
    }
    const std::string difference = StateDifference((*run)->states(), states);
    if (!difference.empty()) return absl::StrCat("step ", i, ", state ", difference);
  }
  return "";
}

}  // namespace flowgrad
