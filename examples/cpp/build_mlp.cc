#include "examples/cpp/build_mlp.h"

using namespace flowgrad;

absl::StatusOr<Graph> BuildMlp() {
  GraphBuilder g;
  g.SetName("mlp");
  const Value images = g.Input("images", "float[N,784]");
  const Value labels = g.Input("labels", "int64[N]");
  const Value w1 = g.Parameter("w1", "float[784,512]", HeNormal());
  const Value b1 = g.Parameter("b1", "float[512]", Zeros());
  const Value w2 = g.Parameter("w2", "float[512,512]", HeNormal());
  const Value b2 = g.Parameter("b2", "float[512]", Zeros());
  const Value w3 = g.Parameter("w3", "float[512,10]", GlorotUniform());
  const Value b3 = g.Parameter("b3", "float[10]", Zeros());

  const Value h1 = Relu((MatMul(images, w1) + b1).As("z1")).As("h1");
  const Value h2 = Relu((MatMul(h1, w2) + b2).As("z2")).As("h2");
  const Value logits = (MatMul(h2, w3) + b3).As("logits");
  Call("SoftmaxCrossEntropyLoss", {logits, labels}).As("loss");
  g.Output(logits);
  return std::move(g).Build();
}
