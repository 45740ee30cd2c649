// The command flowgrad with Swish among its ops.
//
//   bazel run //examples/user_op:runner -- check examples/user_op/swish.pbtxt

#include "examples/user_op/swish.h"

int main(int argc, char** argv) {
  flowgrad::OpRegistry registry;
  flowgrad::RegisterBuiltinOps(registry);
  RegisterSwish(registry);
  return flowgrad::FlowgradMain(argc, argv, registry);
}
