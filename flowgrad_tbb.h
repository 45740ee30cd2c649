// For programs that use oneTBB themselves: Flowgrad on their threads.
//
//   tbb::task_arena arena(2);
//   SessionOptions options;
//   options.workers = WorkersOf(arena);

#ifndef FLOWGRAD_FLOWGRAD_TBB_H_
#define FLOWGRAD_FLOWGRAD_TBB_H_

#include "oneapi/tbb/task_arena.h"
#include "scheduler/workers.h"

namespace flowgrad {

// The threads of `arena`, which must outlive everything that uses them. No others are started, and
// work begun from inside the arena stays on the thread that began it until others are free.
inline Workers WorkersOf(tbb::task_arena& arena) { return Workers::Of(arena); }

}  // namespace flowgrad

#endif  // FLOWGRAD_FLOWGRAD_TBB_H_
