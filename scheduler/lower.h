// Ops that a run needs beside those of the graph: packed weights, copies of what cannot be written
// where it has to go. And where every storage lives.

#ifndef FLOWGRAD_SCHEDULER_LOWER_H_
#define FLOWGRAD_SCHEDULER_LOWER_H_

#include <vector>

#include "absl/status/status.h"
#include "scheduler/bound_graph.h"
#include "scheduler/plan.h"
#include "scheduler/plan_options.h"

namespace flowgrad {

// Where a storage lives. One with `in_place_of` shares the bytes of that other storage, whose last
// reader writes it.
struct Home {
  Space space = Space::kArena;
  int32_t slot = 0;
  int32_t in_place_of = -1;
};

// Has the right factors of products packed once where that pays.
absl::Status PackMatrices(BoundGraph& bound, const PlanOptions& options);

// Makes sums of a few tensors, and those along dims of size 1, sums of two, which can be fused with
// what stands beside them.
absl::Status SimplifySums(BoundGraph& bound);

// Stretches small constants to the shape of what they are combined with, so that the op runs over
// plain arrays.
absl::Status SpreadConstants(BoundGraph& bound);

// Lets ops whose results are copied into another order of their dims write them in that order.
void DropCopies(BoundGraph& bound);

// Gives each storage a home: fetched values in the caller's memory, next values of states in the
// place of the states, where that is legal, and copies them there where it is not.
absl::Status FindHomes(BoundGraph& bound, const PlanOptions& options, std::vector<Home>& homes);

// The storage whose bytes are used.
int32_t RootOf(const std::vector<Home>& homes, int32_t storage);

// Whether `output` of an op may take the place of `input`.
bool MayShare(const BoundOp& op, int input, int output);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_LOWER_H_
