#include "ops/builtin_ops.h"

namespace flowgrad {

// The list of ops, in alphabetical order. A name here is a function Register<name> in the op's
// file.
#define FLOWGRAD_BUILTIN_OPS(OP)  \
  OP(Abs)                         \
  OP(Adagrad)                     \
  OP(AdagradUpdate)               \
  OP(Adam)                        \
  OP(AdamUpdate)                  \
  OP(Add)                         \
  OP(And)                         \
  OP(ArgMax)                      \
  OP(Cast)                        \
  OP(CheckFinite)                 \
  OP(Concat)                      \
  OP(Constant)                    \
  OP(Cos)                         \
  OP(Div)                         \
  OP(Dropout)                     \
  OP(Equal)                       \
  OP(Exp)                         \
  OP(Expand)                      \
  OP(Flatten)                     \
  OP(Gather)                      \
  OP(GatherElements)              \
  OP(GatherGradient)              \
  OP(Gemm)                        \
  OP(Greater)                     \
  OP(GreaterOrEqual)              \
  OP(HingeLoss)                   \
  OP(Identity)                    \
  OP(LayerNormalization)          \
  OP(LayerNormalizationGradient)  \
  OP(Less)                        \
  OP(LessOrEqual)                 \
  OP(Log)                         \
  OP(LogSoftmax)                  \
  OP(LogSoftmaxGradient)          \
  OP(MatMul)                      \
  OP(Max)                         \
  OP(MeanSquaredError)            \
  OP(Min)                         \
  OP(Momentum)                    \
  OP(MomentumUpdate)              \
  OP(Mul)                         \
  OP(Neg)                         \
  OP(NegativeLogLikelihoodLoss)   \
  OP(Not)                         \
  OP(Or)                          \
  OP(PickLabel)                   \
  OP(PlaceLabel)                  \
  OP(Pow)                         \
  OP(Reciprocal)                  \
  OP(ReduceCount)                 \
  OP(ReduceMax)                   \
  OP(ReduceMean)                  \
  OP(ReduceMin)                   \
  OP(ReduceSum)                   \
  OP(Relu)                        \
  OP(Reshape)                     \
  OP(RmsPropUpdate)               \
  OP(ScatterElements)             \
  OP(SgdUpdate)                   \
  OP(Shape)                       \
  OP(Sigmoid)                     \
  OP(SigmoidCrossEntropy)         \
  OP(SigmoidCrossEntropyLoss)     \
  OP(SigmoidGradient)             \
  OP(Sign)                        \
  OP(Sin)                         \
  OP(Size)                        \
  OP(Slice)                       \
  OP(SliceGradient)               \
  OP(Softmax)                     \
  OP(SoftmaxCrossEntropy)         \
  OP(SoftmaxCrossEntropyGradient) \
  OP(SoftmaxCrossEntropyLoss)     \
  OP(SoftmaxGradient)             \
  OP(Softplus)                    \
  OP(Split)                       \
  OP(Sqrt)                        \
  OP(Squeeze)                     \
  OP(Sub)                         \
  OP(Sum)                         \
  OP(Tanh)                        \
  OP(TanhGradient)                \
  OP(TopK)                        \
  OP(Transpose)                   \
  OP(Unsqueeze)                   \
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
