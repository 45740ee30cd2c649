// Trains a net on exclusive or with the C++ API, saves its weights, and answers with them.
//
//   bazel run //examples/cpp:train_mlp -- /tmp/xor.safetensors

#include <cstdio>

#include "flowgrad.h"

namespace flowgrad {

absl::StatusOr<Graph> BuildNet() {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,2]"), labels = g.Input("labels", "int64[N]");
  const Value w1 = g.Parameter("w1", "float[2,8]", GlorotUniform());
  const Value b1 = g.Parameter("b1", "float[8]", Zeros());
  const Value w2 = g.Parameter("w2", "float[8,2]", GlorotUniform());
  const Value b2 = g.Parameter("b2", "float[2]", Zeros());
  const Value logits = (MatMul(Tanh(MatMul(x, w1) + b1), w2) + b2).As("logits");
  g.Output(Call("Softmax", {logits}).As("answer"));
  g.Output(Call("SoftmaxCrossEntropyLoss", {logits, labels}).As("loss"));
  return std::move(g).Build();
}

absl::Status TrainAndAnswer(const std::string& path) {
  ASSIGN_OR_RETURN(const Graph net, BuildNet());
  OptimizerDef adam;
  adam.mutable_adam()->set_learning_rate(0.05);
  ASSIGN_OR_RETURN(const TrainGraph train, BuildTrainGraph(net, "loss", adam));
  ASSIGN_OR_RETURN(TensorMap states, InitializeStates(train.graph, /*seed=*/1));
  const Tensor x = Tensor::Of<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1});
  const Tensor labels = Tensor::Of<int64_t>({4}, {0, 1, 1, 0});
  const TensorMap feeds = {
      {"x", x}, {"labels", labels}, {std::string(kLearningRate), Tensor::Scalar(0.05f)}};
  for (int step = 0; step <= 200; ++step) {
    ASSIGN_OR_RETURN(const auto loss, ReferenceRun(train.graph, feeds, states, {train.loss},
                                                   {.step = step}, /*update_states=*/true));
    if (step % 50 == 0) std::printf("loss %.4f\n", loss[0].at(0));
  }
  std::vector<NamedTensor> weights;
  for (const State& state : net.states()) weights.emplace_back(state.name, states[state.name]);
  RETURN_IF_ERROR(SaveTensors(path, weights, /*metadata=*/{}));

  // Another program would begin here.
  ASSIGN_OR_RETURN(const TensorFile file, LoadTensors(path));
  TensorMap loaded;
  RETURN_IF_ERROR(TakeWeights(net, file, loaded));
  ASSIGN_OR_RETURN(const auto answer, ReferenceRun(net, {{"x", x}}, loaded, {"answer"}, {}));
  for (int i = 0; i < 4; ++i) {
    std::printf("%g xor %g: %.2f\n", x.at(2 * i), x.at(2 * i + 1), answer[0].at(2 * i + 1));
  }
  return absl::OkStatus();
}

}  // namespace flowgrad

int main(int argc, char** argv) {
  const absl::Status status = flowgrad::TrainAndAnswer(argc > 1 ? argv[1] : "xor.safetensors");
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
