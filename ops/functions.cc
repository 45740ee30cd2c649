#include "ops/functions.h"

#include <string>

namespace flowgrad {

Value SumToShapeOf(Value dy, Value like) {
  if (!dy || !like) return Value{like.builder};
  const SymbolicShape& from = dy.type().shape;
  const SymbolicShape& to = like.type().shape;
  if (from == to) return dy;
  const int shift = static_cast<int>(from.size()) - static_cast<int>(to.size());
  std::vector<int64_t> leading, stretched;
  for (int d = 0; d < shift; ++d) leading.push_back(d);
  for (int d = 0; d < static_cast<int>(to.size()); ++d) {
    if (to[d] != from[d + shift]) stretched.push_back(d + shift);
  }
  // One sum with the stretched axes kept as 1, then the leading ones dropped by a view, so that the
  // order of adding is that of one reduction.
  if (stretched.empty()) return ReduceSum(dy, leading, /*keepdims=*/false);
  std::vector<int64_t> axes = leading;
  axes.insert(axes.end(), stretched.begin(), stretched.end());
  const Value sum = ReduceSum(dy, axes, /*keepdims=*/true);
  if (leading.empty()) return sum;
  return Call("Squeeze", {sum, IntsConstant(*dy.builder, leading)});
}

Value SwapLastTwo(Value x) {
  if (!x) return x;
  Ints perm;
  const int rank = x.type().rank();
  for (int d = 0; d < rank; ++d) perm.push_back(d);
  if (rank >= 2) std::swap(perm[rank - 2], perm[rank - 1]);
  return Call("Transpose", {x}, {{"perm", perm}});
}

Value ExpandAlong(Value x, const std::vector<int>& axes, Value like) {
  if (!x || !like) return Value{like.builder};
  if (!axes.empty() && x.type().rank() < like.type().rank()) {
    x = Call("Unsqueeze", {x, IntsConstant(*x.builder, {axes.begin(), axes.end()})});
  }
  if (x && x.type().shape == like.type().shape) return x;
  return Call("Expand", {x, Call("Shape", {like})});
}

Value ReshapeLike(Value x, Value like) {
  if (x && like && x.type().shape == like.type().shape) return x;
  // A dim that is 0 must stay so.
  return Call("Reshape", {x, Call("Shape", {like})}, {{"allowzero", 1}});
}

Value FilledLike(Value like, double value) {
  if (!like) return like;
  const Value number = like.builder->Scalar(like.type().dtype, value);
  return Call("Expand", {number, Call("Shape", {like})});
}

Value IntsConstant(Builder& builder, const std::vector<int64_t>& values) {
  return builder.Constant(
      Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, absl::MakeConstSpan(values)));
}

Value Relu(Value x) { return Call("Relu", {x}); }
Value Exp(Value x) { return Call("Exp", {x}); }
Value Log(Value x) { return Call("Log", {x}); }
Value Sqrt(Value x) { return Call("Sqrt", {x}); }
Value Tanh(Value x) { return Call("Tanh", {x}); }
Value Sigmoid(Value x) { return Call("Sigmoid", {x}); }
Value MatMul(Value a, Value b) { return Call("MatMul", {a, b}); }
Value Where(Value condition, Value x, Value y) { return Call("Where", {condition, x, y}); }
Value Cast(Value x, DType dtype) {
  if (x && x.type().dtype == dtype) return x;
  return Call("Cast", {x}, {{"to", std::string(DTypeName(dtype))}});
}

Value ReduceSum(Value x, const std::vector<int64_t>& axes, bool keepdims) {
  if (!x) return x;
  return Call("ReduceSum", {x, IntsConstant(*x.builder, axes)},
              {{"keepdims", keepdims}, {"noop_with_empty_axes", 1}});
}

Value ReduceCount(Value x, const std::vector<int64_t>& axes) {
  if (!x) return x;
  return Call("ReduceCount", {x, IntsConstant(*x.builder, axes)}, {{"noop_with_empty_axes", 1}});
}

}  // namespace flowgrad
