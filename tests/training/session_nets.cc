#include "tests/training/session_nets.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

Graph Net(int inputs, int hidden, int classes) {
  GraphBuilder g;
  const auto type = [](int rows, int columns) {
    return absl::StrCat("float[", rows, ",", columns, "]");
  };
  const Value x = g.Input("x", absl::StrCat("float[N,", inputs, "]"));
  const Value labels = g.Input("labels", "int64[N]");
  const Value w1 = g.Parameter("encoder/w", type(inputs, hidden), GlorotUniform());
  const Value b1 = g.Parameter("encoder/b", absl::StrCat("float[", hidden, "]"), Zeros());
  const Value w2 = g.Parameter("head/w", type(hidden, classes), GlorotUniform());
  const Value b2 = g.Parameter("head/b", absl::StrCat("float[", classes, "]"), Zeros());
  const Value hidden_layer = Tanh(MatMul(x, w1) + b1).As("h");
  const Value logits = (MatMul(hidden_layer, w2) + b2).As("logits");
  Call("SoftmaxCrossEntropyLoss", {logits, labels}).As("loss");
  g.Output(logits);
  absl::StatusOr<Graph> graph = std::move(g).Build();
  EXPECT_THAT(graph, IsOk());
  return *std::move(graph);
}

}  // namespace

Graph SmallNet() { return Net(4, 8, 3); }
Graph WideNet() { return Net(64, 96, 10); }

TensorMap BatchFor(const Graph& net, int64_t size, uint64_t seed) {
  Random random(seed);
  TensorMap batch;
  const int64_t inputs = net.type(net.Find("x")).shape[1].value();
  batch["x"] = RandomTensor(DType::kFloat, {size, inputs}, -1, 1, random);
  Tensor labels(DType::kInt64, {size});
  for (int64_t i = 0; i < size; ++i) labels.set(i, static_cast<double>(random.Int(0, 2)));
  batch["labels"] = labels;
  return batch;
}

SessionOptions Training(int threads) {
  SessionOptions options;
  options.workers = Workers(threads);
  options.loss = "loss";
  options.optimizer = Optimizer::Sgd(0.125, /*momentum=*/0.5);
  options.plan.serial_ns = 0;
  options.plan.task_ns = 1'000;
  options.plan.piece_ns = 5'000;
  return options;
}

std::unique_ptr<Session> MakeSession(const Graph& net, SessionOptions options) {
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Make(net, std::move(options));
  EXPECT_THAT(session, IsOk());
  if (!session.ok()) std::abort();
  return *std::move(session);
}

std::string HashOf(const Session& session) {
  const absl::StatusOr<std::string> hash = session.WeightsHash();
  EXPECT_THAT(hash, IsOk());
  return hash.value_or("");
}

}  // namespace flowgrad
