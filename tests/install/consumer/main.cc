// A program of somebody else: it trains a net to add two numbers, and sees that it learns.

#include <cstdio>

#include "flowgrad.h"

using namespace flowgrad;  // NOLINT: an example

static absl::Status Train() {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,2]"), sum = g.Input("sum", "float[N,1]");
  const Value w1 = g.Parameter("w1", "float[2,16]", GlorotUniform());
  const Value w2 = g.Parameter("w2", "float[16,1]", GlorotUniform());
  const Value error = MatMul(Tanh(MatMul(x, w1)), w2).As("answer") - sum;
  g.Output(Call("ReduceMean", {error * error}, {{"keepdims", 0}}).As("loss"));
  ASSIGN_OR_RETURN(const Graph net, std::move(g).Build());

  SessionOptions options;
  options.loss = "loss";
  options.optimizer = Optimizer::Adam(0.01);
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Make(net, options));
  const TensorMap batch = {
      {"x", Tensor::Of<float>({4, 2}, {0.1f, 0.2f, 0.5f, -0.3f, -0.6f, 0.1f, 0.4f, 0.4f})},
      {"sum", Tensor::Of<float>({4, 1}, {0.3f, 0.2f, -0.5f, 0.8f})}};
  ASSIGN_OR_RETURN(const double first, session->Step(batch));
  double loss = first;
  for (int i = 0; i < 500; ++i) {
    ASSIGN_OR_RETURN(loss, session->Step(batch));
  }
  std::printf("loss from %.9g to %.9g\n", first, loss);
  return loss < first / 100 ? absl::OkStatus() : absl::InternalError("it did not learn");
}

int main() {
  const absl::Status status = Train();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
