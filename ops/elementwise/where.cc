// Where: X where the condition holds, else Y, element by element, broadcast. The elements are
// passed on bit for bit.

#include <cstdint>

#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dX = dy where the condition holds, else 0; dY the other way round.
absl::Status WhereGradient(GradientContext& context) {
  const Value condition = context.input(0), dy = context.output_gradient();
  const auto zero = [&] { return context.builder().Scalar(context.shapes().dtype(), 0); };
  SetBroadcastGradient(context, 1, [&] { return Where(condition, dy, zero()); });
  SetBroadcastGradient(context, 2, [&] { return Where(condition, zero(), dy); });
  return absl::OkStatus();
}

}  // namespace

void RegisterWhere(OpRegistry& registry) {
  registry.Add(
      OpDef("Where", {"condition:bool", "X", "Y"}, {"output"})
          .Doc("One tensor where a condition holds, else another; broadcast.", "%0 ? %1 : %2")
          // The condition as a byte: gcc 12 makes no vectors of a choice by bool.
          .Elementwise(AllTypes(), []<class T>(uint8_t c, T x, T y) { return c != 0 ? x : y; })
          .Gradient(WhereGradient));
}

}  // namespace flowgrad
