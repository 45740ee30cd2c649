// Runs one op on whole tensors, without a graph or a plan: the step of the reference run, of
// constant folding and of tests.

#ifndef FLOWGRAD_OPS_RUN_OP_H_
#define FLOWGRAD_OPS_RUN_OP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/bound_shapes.h"
#include "ops/op.h"

namespace flowgrad {

// One op on known values: everything its functions need, kept alive together.
class OpCall {
 public:
  // Infers the shapes of `num_outputs` outputs. `attributes` are complete. An absent tensor stands
  // for an input left out. Errors: whatever the op's shape rule says. REQUIRES: `op` is not
  // composed and outlives the call
  static absl::StatusOr<OpCall> Make(const OpDef* op, const Attributes* attributes,
                                     std::vector<Tensor> inputs, int num_outputs);

  const ShapeContext& shapes() const { return shapes_.context(); }
  const std::vector<Tensor>& inputs() const { return inputs_; }

  // Outputs in memory of their own, or, for a view op, looking at the input's memory. An output i
  // with `needed` given and needed[i] false stays absent where the op lets it.
  absl::StatusOr<std::vector<Tensor>> Run(const StepValues& values, uint64_t stream,
                                          const std::vector<bool>* needed = nullptr) const;

 private:
  std::vector<Tensor> inputs_;
  BoundShapes shapes_;
};

// Make() and Run(), for attributes as a user writes them.
absl::StatusOr<std::vector<Tensor>> RunOp(const OpDef& op, Attributes attributes,
                                          std::vector<Tensor> inputs, int num_outputs = 1,
                                          const StepValues& values = {}, uint64_t stream = 0);

// The key of the random numbers of a node of this name.
uint64_t StreamOf(absl::string_view name);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_RUN_OP_H_
