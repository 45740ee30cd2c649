// The command flowgrad as a function, for programs that add ops of their own to it.

#ifndef FLOWGRAD_TOOLS_MAIN_H_
#define FLOWGRAD_TOOLS_MAIN_H_

#include "ops/builtin_ops.h"

namespace flowgrad {

// Does what the command line says, with models of the ops in `registry`, and returns the exit code
// of the program.
int FlowgradMain(int argc, char** argv, const OpRegistry& registry = BuiltinOps());

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_MAIN_H_
