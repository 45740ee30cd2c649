// Pow: Z = X ^ Y, element by element, broadcast, both of one dtype.
//
// Floats follow C's pow: x^0 and 1^y are 1, even beside NaN; a negative x with a fraction y gives
// NaN. Integers wrap; a negative power gives the true quotient cut towards zero, and 0 for x = 0.

#include <type_traits>

#include "ops/functions.h"
#include "ops/integer.h"
#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

template <class T>
T IntegerPow(T x, T y) {
  if (y < 0) {
    if (x == 1) return 1;
    if (x == -1) return y % 2 == 0 ? 1 : -1;
    return 0;
  }
  T power = 1;
  for (; y > 0; y /= 2) {
    if (y % 2 == 1) power = WrappingMul(power, x);
    x = WrappingMul(x, x);
  }
  return power;
}

// Whether the exponent may be 0: unknown until the run unless it is a constant.
bool MayBeZero(const Tensor* exponent) {
  if (exponent == nullptr) return true;
  for (int64_t i = 0; i < exponent->num_elements(); ++i) {
    if (exponent->at(i) == 0) return true;
  }
  return false;
}

// dX = dZ * Y * X^(Y-1). For 0^0 this would be 0 * inf: the exponent is then taken for 1, which
// leaves 0.
Value BaseGradient(const GradientContext& context) {
  const Value x = context.input(0), y = context.input(1);
  Value exponent = y;
  if (MayBeZero(context.shapes().constant(1))) {
    const Value zero = context.builder().Scalar(x.type().dtype, 0);
    const Value one = context.builder().Scalar(x.type().dtype, 1);
    const Value both = Call("And", {Call("Equal", {x, zero}), Call("Equal", {y, zero})});
    exponent = Where(both, one, y);
  }
  return context.output_gradient() * y * Call("Pow", {x, exponent - 1});
}

// dY = dZ * Z * log(X), and 0 where X = 0 and Y >= 0: there Z does not change with Y, while log(X)
// is infinite.
Value ExponentGradient(const GradientContext& context) {
  const Value x = context.input(0), y = context.input(1);
  const Value zero = context.builder().Scalar(x.type().dtype, 0);
  const Value one = context.builder().Scalar(x.type().dtype, 1);
  const Value flat = Call("And", {Call("Equal", {x, zero}), Call("GreaterOrEqual", {y, zero})});
  return context.output_gradient() * context.output(0) * Log(Where(flat, one, x));
}

// x^1 is x and x^2 is x * x, as far as the shape of Y allows.
absl::Status SimplifyPow(CompositionContext& context) {
  const ShapeContext& shapes = context.shapes();
  const Tensor* exponent = shapes.constant(1);
  if (exponent == nullptr || exponent->num_elements() != 1) return absl::OkStatus();
  if (shapes.output(0).shape != shapes.shape(0)) return absl::OkStatus();
  const Value x = context.input(0);
  if (exponent->at(0) == 1) context.set_output(0, x);
  if (exponent->at(0) == 2) context.set_output(0, x * x);
  return absl::OkStatus();
}

absl::Status PowGradient(GradientContext& context) {
  SetBroadcastGradient(context, 0, [&] { return BaseGradient(context); });
  SetBroadcastGradient(context, 1, [&] { return ExponentGradient(context); });
  return absl::OkStatus();
}

}  // namespace

void RegisterPow(OpRegistry& registry) {
  registry.Add(OpDef("Pow", {"X", "Y"}, {"Z"})
                   .Doc("Power, element by element, broadcast.", "%0 ^ %1")
                   .Elementwise(NumericTypes(),
                                []<class T>(T x, T y) {
                                  if constexpr (std::is_integral_v<T>) {
                                    return IntegerPow(x, y);
                                  } else {
                                    return math::Pow(x, y);
                                  }
                                })
                   .Simplify(SimplifyPow)
                   .Gradient(PowGradient));
}

}  // namespace flowgrad
