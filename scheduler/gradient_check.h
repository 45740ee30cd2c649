// Compares the gradients that differentiation derives for a graph with central differences, in
// double.
//
//   GradientCheck::Options options;
//   ASSIGN_OR_RETURN(GradientCheck check, GradientCheck::Make(graph, {"loss"}, feeds, states,
//   options)); if (!check.result().ok()) ...
//
// The function is f = Σ u·y over the values ys: u is 1 for a scalar and fixed random numbers for
// others. It is differentiated by every parameter (frozen ones too) and every float input. Of a
// tensor with at most Options::most_elements elements each is looked at, of a larger one as many,
// drawn from a fixed seed, and the one with the largest gradient. Random ops draw the same numbers
// in every run, so that they are functions like any other.
//
// Note [How differences are taken]
// The step is h = 1e-5·max(1,|x|), in the numbers that x + h and x - h really are. a (analytic)
// agrees with n (numeric) if |a - n| <= 1e-6·max(|a|, |n|, 0.001·the tensor's largest |n|) + 1e-9.
// Quotients are taken output by output and added up then, so that what does not depend on x leaves
// no rounding error.
//
// Note [What a kink is]
// If x + h and x - h lie on two sides of a kink (relu at 0), a right gradient fails. Such an
// element is recognised by differences alone, so that no wrong gradient is excused: D(h) = f(x+h) -
// 2f(x) + f(x-h) shrinks by 4 when h is halved and by 16 when it is quartered where f is smooth,
// but not at a kink, whose part in D(h)/2h is just its part in the error of n. An element that
// disagrees is a kink if D(h) - 4D(h/2) or D(h) - 16D(h/4) is too large by that measure for
// rounding. Another element is drawn in its place, if there is one; more than 5 % of such elements
// is a failure.

#ifndef FLOWGRAD_SCHEDULER_GRADIENT_CHECK_H_
#define FLOWGRAD_SCHEDULER_GRADIENT_CHECK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/autodiff.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "ops/kernel.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

// What the elements of one tensor say.
struct TensorGradients {
  std::string name;
  Dims dims;
  int64_t num_checked = 0;
  int64_t num_kinks = 0;
  // Of the element that is farthest from agreeing; -1 if there is none.
  int64_t worst_element = -1;
  double analytic = 0, numeric = 0;
  // |a - n| as a multiple of what is allowed: more than 1, or NaN, is wrong.
  double worst_error = 0;

  bool ok() const { return worst_error <= 1; }
};

struct GradientResult {
  std::vector<TensorGradients> tensors;
  int64_t num_checked = 0, num_kinks = 0;

  bool too_many_kinks() const { return num_kinks * 20 > num_checked + num_kinks; }
  bool ok() const;
};

// What became of gradients with a mistake in them (see GradientMutation).
enum class MutationOutcome { kNoEffect, kNoticed, kNotNoticed };

class GradientCheck {
 public:
  struct Options {
    int64_t most_elements = 200;
    uint64_t seed = 1;       // of the elements and the upstream gradient
    StepValues step_values;  // of random ops
  };

  // Computes all differences. `graph` may be in float: everything is widened to double first.
  // Errors: a y that is not differentiable, and whatever a run of the graph says.
  // REQUIRES: "training_mode" is folded; the registry outlives the check
  static absl::StatusOr<GradientCheck> Make(const Graph& graph, const std::vector<std::string>& ys,
                                            const TensorMap& feeds, const TensorMap& states,
                                            const Options& options,
                                            const OpRegistry& registry = BuiltinOps());

  GradientCheck(GradientCheck&&);
  ~GradientCheck();

  const GradientResult& result() const;

  // The ops whose gradient rules, or whose values' sums of contributions, the graph uses, sorted;
  // "" stands for inputs and parameters.
  std::vector<std::string> MutableOps() const;

  // Differentiates with this mistake. A mistake that changes no bit of any gradient has no effect;
  // one with which the graph cannot be built or run is noticed.
  MutationOutcome TryMutation(GradientMutation mutation) const;

 private:
  struct State;
  explicit GradientCheck(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_GRADIENT_CHECK_H_
