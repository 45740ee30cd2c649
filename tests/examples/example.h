// A model of examples/, built, differentiated by every value and run.

#ifndef FLOWGRAD_TESTS_EXAMPLES_EXAMPLE_H_
#define FLOWGRAD_TESTS_EXAMPLES_EXAMPLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "ops/tensor.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

class Example {
 public:
  // `path` is relative to examples/; what is differentiated is named "loss". A failure ends the
  // program, with the error.
  explicit Example(absl::string_view path);

  const Graph& graph() const { return graph_; }  // forward only
  const TensorMap& states() const { return states_; }
  const Tensor& value(absl::string_view name) const;
  // The derivative of the loss by the value called `name`.
  const Tensor& gradient(absl::string_view name) const;

  // A value once the graph's states are `states`.
  Tensor ValueWith(TensorMap states, const std::string& name) const;

 private:
  Graph graph_;
  TensorMap states_, values_, gradients_;
};

// A tensor of rank 2, or a vector as one row.
using Matrix = std::vector<std::vector<double>>;
Matrix ToMatrix(const Tensor& tensor);
Matrix Transposed(const Matrix& a);
Matrix operator*(const Matrix& a, const Matrix& b);  // the matrix product
template <class F>
Matrix Each(const Matrix& a, const Matrix& b, F f) {
  Matrix result = a;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[i].size(); ++j) result[i][j] = f(a[i][j], b[i][j]);
  }
  return result;
}

// Every element of `actual` is `expected` to within half a unit of the last of `decimals`, except
// for what rounding the expected number may add.
void ExpectRounded(const Tensor& actual, const std::vector<double>& expected, int decimals,
                   absl::string_view what);

// The same to within 1e-12.
void ExpectSame(const Tensor& actual, const Matrix& expected, absl::string_view what);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_EXAMPLES_EXAMPLE_H_
