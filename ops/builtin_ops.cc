#include "ops/builtin_ops.h"

namespace flowgrad {

// The list of ops, in alphabetical order. A name here is a function Register<name> in the op's file.
#define FLOWGRAD_BUILTIN_OPS(OP) \
  OP(Abs)                        \
  OP(Add)                        \
  OP(And)                        \
  OP(Cast)                       \
  OP(Concat)                     \
  OP(Constant)                   \
  OP(Cos)                        \
  OP(Div)                        \
  OP(Equal)                      \
  OP(Exp)                        \
  OP(Expand)                     \
  OP(Flatten)                    \
  OP(Gather)                     \
  OP(GatherGradient)             \
  OP(Greater)                    \
  OP(GreaterOrEqual)             \
  OP(Identity)                   \
  OP(Less)                       \
  OP(LessOrEqual)                \
  OP(Log)                        \
  OP(MatMul)                     \
  OP(Max)                        \
  OP(Min)                        \
  OP(Mul)                        \
  OP(Neg)                        \
  OP(Not)                        \
  OP(Or)                         \
  OP(Pow)                        \
  OP(Reciprocal)                 \
  OP(ReduceSum)                  \
  OP(Relu)                       \
  OP(Reshape)                    \
  OP(Shape)                      \
  OP(Sigmoid)                    \
  OP(Sign)                       \
  OP(Sin)                        \
  OP(Size)                       \
  OP(Slice)                      \
  OP(SliceGradient)              \
  OP(Split)                      \
  OP(Sqrt)                       \
  OP(Squeeze)                    \
  OP(Sub)                        \
  OP(Sum)                        \
  OP(Tanh)                       \
  OP(Transpose)                  \
  OP(Unsqueeze)                  \
  OP(Where)

#define FLOWGRAD_DECLARE(name) void Register##name(OpRegistry& registry);
FLOWGRAD_BUILTIN_OPS(FLOWGRAD_DECLARE)
#undef FLOWGRAD_DECLARE

void RegisterBuiltinOps(OpRegistry& registry) {
#define FLOWGRAD_REGISTER(name) Register##name(registry);
  FLOWGRAD_BUILTIN_OPS(FLOWGRAD_REGISTER)
#undef FLOWGRAD_REGISTER
}

const OpRegistry& BuiltinOps() {
  static const OpRegistry& registry = *[] {
    auto* ops = new OpRegistry;
    RegisterBuiltinOps(*ops);
    return ops;
  }();
  return registry;
}

}  // namespace flowgrad
