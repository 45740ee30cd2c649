// Fusion of elementwise ops: which of them become one FusedProgram.
//
// Ops of one shape are joined where one reads the other, gradients and updates included, as long as
// no other op stands on a path between them: joining can then make no cycle. What only they read
// has no place in memory any more.

#ifndef FLOWGRAD_SCHEDULER_FUSE_H_
#define FLOWGRAD_SCHEDULER_FUSE_H_

#include "scheduler/bound_graph.h"

namespace flowgrad {

void FuseElementwise(BoundGraph& bound);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_FUSE_H_
