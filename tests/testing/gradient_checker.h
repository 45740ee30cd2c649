// Gradients against central differences, in double.
//
// The step is 1e-5 * max(1, |x|), where differences of double functions are good to about 1e-7; an
// error of a factor of 1.00001 is noticed. Inputs must stay away from kinks.

#ifndef FLOWGRAD_TESTS_TESTING_GRADIENT_CHECKER_H_
#define FLOWGRAD_TESTS_TESTING_GRADIENT_CHECKER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/tensor.h"
#include "tests/testing/tensors.h"

namespace flowgrad {

using TensorFunction =
    std::function<absl::StatusOr<std::vector<Tensor>>(const std::vector<Tensor>&)>;

struct GradientCheckOptions {
  double tolerance = 1e-6;  // of |a - n| by max(|a|, |n|, 0.001 * the largest |n|), beside 1e-9
  int most_elements = 100;  // per input; of more, the one of the largest gradient and others drawn
  uint64_t seed = 1;
};

// Checks that gradients[i] is the derivative of Σ upstream[k]·f(inputs)[k] by inputs[i], for all
// inputs of dtype double. An absent gradient is zero. Returns what is wrong, or "".
std::string CheckGradient(const TensorFunction& f, const std::vector<Tensor>& inputs,
                          const std::vector<Tensor>& upstream, const std::vector<Tensor>& gradients,
                          const GradientCheckOptions& options = {});

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_GRADIENT_CHECKER_H_
