#include "tests/testing/evaluate.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

Value ConstantOf(GraphBuilder& builder, DType dtype, const Dims& dims,
                 const std::vector<double>& numbers) {
  Tensor tensor(dtype, dims);
  for (size_t i = 0; i < numbers.size(); ++i) tensor.set(static_cast<int64_t>(i), numbers[i]);
  return builder.Constant(std::move(tensor));
}

absl::StatusOr<std::vector<Tensor>> Evaluate(GraphBuilder& builder,
                                             const std::vector<Value>& values,
                                             const StepValues& step) {
  std::vector<std::string> names;
  for (const Value& value : values) {
    names.push_back(absl::StrCat("output", names.size()));
    if (value) builder.Output(value, names.back());
  }
  ASSIGN_OR_RETURN(const Graph graph, std::move(builder).Build());
  TensorMap states;
  return ReferenceRun(graph, {}, states, names, step);
}

std::vector<double> Numbers(const Tensor& tensor) {
  std::vector<double> numbers;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) numbers.push_back(tensor.at(i));
  return numbers;
}

std::vector<double> NumbersOf(GraphBuilder& builder, Value value, const StepValues& step) {
  const absl::StatusOr<std::vector<Tensor>> tensors = Evaluate(builder, {value}, step);
  if (!tensors.ok()) {
    ADD_FAILURE() << tensors.status().message();
    return {};
  }
  return Numbers((*tensors)[0]);
}

}  // namespace flowgrad
