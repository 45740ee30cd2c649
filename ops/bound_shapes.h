// One op with the types of its inputs, and values where they are known: its ShapeContext, with
// everything that points to kept alive.

#ifndef FLOWGRAD_OPS_BOUND_SHAPES_H_
#define FLOWGRAD_OPS_BOUND_SHAPES_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/op.h"

namespace flowgrad {

// Cheap to copy.
class BoundShapes {
 public:
  struct Input {
    TensorType type;
    Tensor value;  // absent if not known
  };

  // Runs the op's shape rule. Nothing stands for an input left out. REQUIRES: `op` is not composed;
  // `op` and `attributes`, which are complete, outlive the result
  static absl::StatusOr<BoundShapes> Make(const OpDef* op, const Attributes* attributes,
                                          std::vector<std::optional<Input>> inputs,
                                          int num_outputs);

  // OK if every output has known dims and its elements can be counted.
  absl::Status CheckKnown() const;

  const ShapeContext& context() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

// The value of an int64 tensor of rank 0 or 1 and at most kMaxRank elements as dims; nothing for
// others.
std::optional<SymbolicShape> DimsValueOf(const Tensor& tensor);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_BOUND_SHAPES_H_
