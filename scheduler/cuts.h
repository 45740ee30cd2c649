// Where each op is cut.
//
// Parallelism comes from the batch: ops that treat its rows independently are all cut at the same
// rows, so that a panel of rows flows through many of them without waiting for its neighbours. Ops
// without the batch axis (gradients of weights, updates) are cut along their outputs. Sums of which
// only the summed axis is long are cut along it, and their parts joined.

#ifndef FLOWGRAD_SCHEDULER_CUTS_H_
#define FLOWGRAD_SCHEDULER_CUTS_H_

#include <cstdint>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/bound_graph.h"
#include "scheduler/plan_options.h"

namespace flowgrad {

// Products of fewer rows are cut along their columns: panels would each read the whole right
// factor, for little work.
inline constexpr int64_t kFewRows = 64;

// Pieces [bounds[i], bounds[i+1]) of one axis of an op's loop nest.
struct Cut {
  int axis = -1;  // -1: one piece, the whole
  std::vector<int64_t> bounds;
  bool parts = false;  // along a summed axis: piece i writes row i of the output
  bool batch = false;  // along the batch

  int pieces() const { return axis < 0 ? 1 : static_cast<int>(bounds.size()) - 1; }
};

// A cut for each op. Ops cut along a summed axis get a larger output and an op behind them that
// joins the parts. With `random`, any legal cut.
absl::Status ChooseCuts(BoundGraph& bound, const PlanOptions& options, std::mt19937_64* random,
                        std::vector<Cut>& cuts);

// The part of operand `number` (inputs, then outputs) of an op that a piece of a cut touches.
Layout CutOperand(const BoundOp& op, const Cut& cut, int number, int piece);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_CUTS_H_
