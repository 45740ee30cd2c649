// Values of a graph under construction, as numbers: for tests of ops and their gradients.

#ifndef FLOWGRAD_TESTS_TESTING_EVALUATE_H_
#define FLOWGRAD_TESTS_TESTING_EVALUATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph_builder.h"
#include "ops/kernel.h"
#include "ops/tensor.h"

namespace flowgrad {

// A constant of these numbers.
Value ConstantOf(GraphBuilder& builder, DType dtype, const Dims& dims,
                 const std::vector<double>& numbers);
inline Value Doubles(GraphBuilder& builder, const Dims& dims, const std::vector<double>& numbers) {
  return ConstantOf(builder, DType::kDouble, dims, numbers);
}
inline Value Int64s(GraphBuilder& builder, const Dims& dims, const std::vector<double>& numbers) {
  return ConstantOf(builder, DType::kInt64, dims, numbers);
}

// Builds the graph and runs it without a plan.
absl::StatusOr<std::vector<Tensor>> Evaluate(GraphBuilder& builder,
                                             const std::vector<Value>& values,
                                             const StepValues& step = {});

// All elements in row-major order.
std::vector<double> Numbers(const Tensor& tensor);

// Evaluate() of one value. An error is a failure of the test, with its message.
std::vector<double> NumbersOf(GraphBuilder& builder, Value value, const StepValues& step = {});

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_EVALUATE_H_
