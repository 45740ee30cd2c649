// Common subexpressions: ops that compute the same value become one.

#ifndef FLOWGRAD_SCHEDULER_MERGE_OPS_H_
#define FLOWGRAD_SCHEDULER_MERGE_OPS_H_

#include "scheduler/bound_graph.h"

namespace flowgrad {

// Keeps the first of the ops that do the same to the same inputs, and of small constants with the
// same bits. Random ops, and those that can fail, stay as they are.
void MergeEqualOps(BoundGraph& bound);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_MERGE_OPS_H_
