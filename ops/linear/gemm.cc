// Gemm: Y = alpha A' B' + beta C, where A' is A or its transpose.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status GemmShape(ShapeContext& context) {
  for (const int i : {0, 1}) {
    if (context.input(i).rank() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(context.InputText(i), " must have rank 2"));
    }
  }
  const bool trans_a = context.attributes().Int("transA");
  const bool trans_b = context.attributes().Int("transB");
  const SymbolicShape &a = context.shape(0), &b = context.shape(1);
  const Dim& depth = a[trans_a ? 0 : 1];
  if (b[trans_b ? 1 : 0] != depth) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input \"B\" must have ", depth.ToString(), trans_b ? " columns" : " rows", " to match ",
        context.InputText(0), trans_a ? " transposed" : "", ", but its shape is ", ShapeString(b)));
  }
  const SymbolicShape product = {a[trans_a ? 1 : 0], b[trans_b ? 0 : 1]};
  if (context.has_input(2)) {
    const absl::StatusOr<SymbolicShape> sum = Broadcast(product, context.shape(2));
    if (!sum.ok() || *sum != product) {
      return absl::InvalidArgumentError(absl::StrCat(
          context.InputText(2), " must broadcast to the product's shape ", ShapeString(product)));
    }
  }
  context.SetOutput(0, product);
  return absl::OkStatus();
}

absl::Status GemmBody(CompositionContext& context) {
  const Attributes& attributes = context.attributes();
  const auto scaled = [&](Value x, const char* factor) {
    return attributes.Float(factor) == 1 ? x : x * attributes.Float(factor);
  };
  const auto transposed = [&](int i, const char* attribute) {
    return attributes.Int(attribute) ? SwapLastTwo(context.input(i)) : context.input(i);
  };
  Value y = scaled(MatMul(transposed(0, "transA"), transposed(1, "transB")), "alpha");
  if (context.input(2)) y = y + scaled(context.input(2), "beta");
  context.set_output(0, y);
  return absl::OkStatus();
}

}  // namespace

void RegisterGemm(OpRegistry& registry) {
  registry.Add(OpDef("Gemm", {"A", "B", "C?"}, {"Y"})
                   .Doc("Product of two matrices, each transposed or not, plus a third.",
                        "%alpha · %0 · %1 + %beta · %2")
                   .Attribute("alpha", 1.0, "Factor of the product.")
                   .Attribute("beta", 1.0, "Factor of C.")
                   .Attribute("transA", 0, "1: A is transposed.")
                   .Attribute("transB", 0, "1: B is transposed.")
                   .Shape(GemmShape)
                   .Composed(FloatTypes(), GemmBody));
}

}  // namespace flowgrad
