#include "ops/builtin_ops.h"

namespace flowgrad {

// The list of ops, in alphabetical order. A name here is a function Register<name> in the op's file.
#define FLOWGRAD_BUILTIN_OPS(OP) \
  OP(Add)                        \
  OP(Constant)                   \
  OP(Expand)                     \
  OP(MatMul)                     \
  OP(Mul)                        \
  OP(ReduceSum)                  \
  OP(Reshape)                    \
  OP(Shape)                      \
  OP(Tanh)                       \
  OP(Transpose)

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
