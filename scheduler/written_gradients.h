// Compares the gradients that stand in a model file (GraphDef.gradient) with those that
// differentiation derives, in double.
//
// A file may carry its own backward pass: derived once by `flowgrad grad` and then edited, or
// written by hand from a page of mathematics. Each entry `gradient { value: "W" gradient: "dW" }`
// claims that "dW" is the derivative of the loss by "W", and may be wrong.

#ifndef FLOWGRAD_SCHEDULER_WRITTEN_GRADIENTS_H_
#define FLOWGRAD_SCHEDULER_WRITTEN_GRADIENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

// An entry of Graph::gradients() beside the truth.
struct WrittenGradient {
  std::string value;     // differentiated by
  std::string gradient;  // the name of what claims to be the gradient
  Dims dims;
  // Of the element where the two are farthest apart; -1 if there is none.
  int64_t worst_element = -1;
  double written = 0, derived = 0;
  bool ok = true;
};

// Looks at every entry of `graph`. What was differentiated is the sum of those of `ys` that are no
// entries themselves, or, in a graph that differentiation has made, what that was asked for. A
// written gradient w agrees with a derived one d if |w - d| <= 1e-6·max(|w|, |d|, 0.001·the
// tensor's largest |d|) + 1e-9. InvalidArgument for a gradient of another type than its value;
// otherwise the errors of differentiation and of a run.
// REQUIRES: "training_mode" is folded
absl::StatusOr<std::vector<WrittenGradient>> CompareWrittenGradients(
    const Graph& graph, const std::vector<std::string>& ys, const TensorMap& feeds,
    const TensorMap& states, const StepValues& values, const OpRegistry& registry = BuiltinOps());

// "[2,7]": the index, in row-major order, of element 47 of a tensor [5,20].
std::string IndexText(const Dims& dims, int64_t element);

// One line about a written gradient that is wrong.
std::string WrongGradientText(const WrittenGradient& gradient);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_WRITTEN_GRADIENTS_H_
