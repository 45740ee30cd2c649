// The ops that come with Flowgrad.

#ifndef FLOWGRAD_OPS_BUILTIN_OPS_H_
#define FLOWGRAD_OPS_BUILTIN_OPS_H_

#include "ops/op_registry.h"

namespace flowgrad {

void RegisterBuiltinOps(OpRegistry& registry);

// A registry of the built-in ops alone, made on first use and never destroyed.
const OpRegistry& BuiltinOps();

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_BUILTIN_OPS_H_
