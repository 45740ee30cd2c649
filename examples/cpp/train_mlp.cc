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
  SessionOptions options;
  options.loss = "loss";
  options.optimizer = Optimizer::Adam(0.05);
  ASSIGN_OR_RETURN(const auto training, Session::Make(net, options));
  float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  int64_t labels[4] = {0, 1, 1, 0};
  const TensorMap batch = {{"x", Tensor::Borrow(DType::kFloat, {4, 2}, x)},
                           {"labels", Tensor::Borrow(DType::kInt64, {4}, labels)}};
  for (int step = 0; step <= 200; ++step) {
    ASSIGN_OR_RETURN(const double loss, training->Step(batch));
    if (step % 50 == 0) std::printf("loss %.4f\n", loss);
  }
  RETURN_IF_ERROR(training->Save(path));

  // Another program would begin here: without a loss, a session only answers.
  ASSIGN_OR_RETURN(const auto session, Session::Make(net));
  RETURN_IF_ERROR(session->Load(path));
  ASSIGN_OR_RETURN(const auto answer, session->Run({{"x", batch.at("x")}}, {"answer"}));
  for (int i = 0; i < 4; ++i) {
    std::printf("%g xor %g: %.2f\n", x[i][0], x[i][1], answer[0].at(2 * i + 1));
  }
  return absl::OkStatus();
}

}  // namespace flowgrad

int main(int argc, char** argv) {
  const absl::Status status = flowgrad::TrainAndAnswer(argc > 1 ? argv[1] : "xor.safetensors");
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
