#include "tests/testing/gradient_checker.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

// Element `e` of input `i`: the difference quotient of each output element is taken before they are
// added up, so that what does not depend on x leaves no rounding error.
absl::StatusOr<double> Quotient(const TensorFunction& f, std::vector<Tensor> inputs, size_t i,
                                int64_t e, const std::vector<Tensor>& upstream) {
  const double x = inputs[i].at(e), step = 1e-5 * std::max(1.0, std::fabs(x));
  const double above = x + step, below = x - step;
  Tensor moved = inputs[i].Cast(DType::kDouble);
  inputs[i] = moved;
  moved.set(e, above);
  ASSIGN_OR_RETURN(const std::vector<Tensor> high, f(inputs));
  moved = moved.Cast(DType::kDouble);
  inputs[i] = moved;
  moved.set(e, below);
  ASSIGN_OR_RETURN(const std::vector<Tensor> low, f(inputs));
  double sum = 0;
  for (size_t k = 0; k < high.size(); ++k) {
    const int64_t count = high[k].num_elements();
    for (int64_t j = 0; j < count; ++j) {
      const double difference = high[k].at(j) - low[k].at(j);
      if (difference != 0) sum += upstream[k].at(j) * (difference / (above - below));
    }
  }
  return sum;
}

}  // namespace

std::string CheckGradient(const TensorFunction& f, const std::vector<Tensor>& inputs,
                          const std::vector<Tensor>& upstream, const std::vector<Tensor>& gradients,
                          const GradientCheckOptions& options) {
  Random random(options.seed);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present() || inputs[i].dtype() != DType::kDouble) continue;
    if (gradients[i].present() && gradients[i].type() != inputs[i].type()) {
      return absl::StrCat("gradient of input ", i, " is ", gradients[i].type().ToString(),
                          " instead of ", inputs[i].type().ToString());
    }
    std::vector<int64_t> elements(inputs[i].num_elements());
    std::iota(elements.begin(), elements.end(), 0);
    if (static_cast<int>(elements.size()) > options.most_elements) {
      random.Shuffle(elements);
      const auto size = [&](int64_t e) {
        return gradients[i].present() ? std::fabs(gradients[i].at(e)) : 0;
      };
      std::iter_swap(elements.begin(),
                     std::max_element(elements.begin(), elements.end(),
                                      [&](int64_t a, int64_t b) { return size(a) < size(b); }));
      elements.resize(options.most_elements);
    }
    std::vector<double> numeric;
    double largest = 0;
    for (const int64_t e : elements) {
      const absl::StatusOr<double> n = Quotient(f, inputs, i, e, upstream);
      if (!n.ok()) return n.status().ToString();
      numeric.push_back(*n);
      largest = std::max(largest, std::fabs(*n));
    }
    for (size_t j = 0; j < elements.size(); ++j) {
      const double a = gradients[i].present() ? gradients[i].at(elements[j]) : 0, n = numeric[j];
      const double size = std::max({std::fabs(a), std::fabs(n), 0.001 * largest});
      if (std::fabs(a - n) <= options.tolerance * size + 1e-9) continue;
      return absl::StrCat("gradient of element ", elements[j], " of input ", i, " ",
                          inputs[i].type().ToString(), " is ", Number(a), ", but differences give ",
                          Number(n), "; x is ", Number(inputs[i].at(elements[j])));
    }
  }
  return "";
}

}  // namespace flowgrad
