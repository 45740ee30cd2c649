// The values of a graph's nodes at a point, and what becomes of some of them when a source (an
// input or a state) moves: only the nodes that depend on it run again. For finite differences.

#ifndef FLOWGRAD_SCHEDULER_MOVING_POINT_H_
#define FLOWGRAD_SCHEDULER_MOVING_POINT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/kernel.h"
#include "ops/tensor.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

using TensorList = std::vector<Tensor>;

// Keeps the value of every node. Threads: any number may ask at once.
class MovingPoint {
 public:
  // Runs the nodes that `ys` need. `sources` gives inputs and states by name. Errors: those of the
  // ops. REQUIRES: every source that ys need is given, with its type; `graph` outlives the point
  static absl::StatusOr<MovingPoint> Make(const Graph& graph, std::vector<ValueId> ys,
                                          const TensorMap& sources, const StepValues& values);

  // A value that ys need, or a source.
  const Tensor& value(ValueId id) const { return values_[id.node][id.port]; }

  // The ys with `moved` in the place of `source`.
  absl::StatusOr<TensorList> Ys(ValueId source, const Tensor& moved) const;

 private:
  MovingPoint(const Graph& graph, std::vector<ValueId> ys, const StepValues& values);

  void Need(ValueId value);
  absl::StatusOr<TensorList> RunNode(size_t n, const std::vector<TensorList>& values) const;

  const Graph* graph_;
  std::vector<ValueId> ys_;
  StepValues step_values_;
  std::vector<TensorList> values_;  // by node and port
  std::vector<bool> needed_;
  std::vector<std::vector<bool>> read_;  // by node and port
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_MOVING_POINT_H_
