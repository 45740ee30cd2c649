// Differentiation: graph in, graph out.
//
// Gradients() walks the nodes backwards once and asks each op's rule for the ops that turn the
// gradient of its outputs into the gradients of its inputs. It is a vector–Jacobian product: for
// values ys with upstream gradients u, the gradient of a value x is Σ uᵀ·∂y/∂x. What it adds are
// ordinary nodes, so gradients have gradients.
//
//   before   z = Mul(x, w)            after   gradients/z = Constant()
//            output z                         gradients/w = Mul(gradients/z, x)
//
// - Only what is needed is built: nodes between ys and xs, through values of float or double.
// - The gradient of value v is named gradients/v. A value read n times gets one Sum of n terms, in
//   order of (name of the reading node, place among its inputs), not of nodes.
// - Each new node names the forward node and the rule it came from.

#ifndef FLOWGRAD_GRAPH_AUTODIFF_H_
#define FLOWGRAD_GRAPH_AUTODIFF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/graph_builder.h"

namespace flowgrad {

// A mistake made on purpose in the gradient rule of one op, to see that gradient checks notice it.
struct GradientMutation {
  enum class Kind {
    kSign,            // -dx
    kFactor,          // 2·dx
    kSmallFactor,     // 1.00001·dx
    kNoTranspose,     // the elements of a transposed matrix in their old order
    kNoBroadcastSum,  // one of the terms of a sum over broadcast axes in place of the sum
    kLostTerm,  // the last contribution to a value read more than once; `op` is that of the value's
                // node
    kStaleValue,  // other numbers in place of a forward value that the rule reads
  };
  static constexpr int kNumKinds = 7;
  static absl::string_view KindName(Kind kind);

  Kind kind;
  std::string op;
  int applied = 0;  // how often it changed something; set by Gradients()
};

struct GradientOptions {
  // Gradient that flows into each y: of y's type, or absent for ones. Empty: ones for all.
  std::vector<Value> upstream;
  GradientMutation* mutation = nullptr;
};

// Adds the backward graph of `ys` by `xs` to the builder and returns the gradients, in the order of
// `xs`; absent where x does not reach any y. Mistakes (a y that is not float or double, an op
// without a gradient on the way) are errors of the builder, and the result is absent values.
std::vector<Value> Gradients(GraphBuilder& builder, const std::vector<Value>& ys,
                             const std::vector<Value>& xs, const GradientOptions& options = {});

// What a model's gradients are taken by.
enum class GradientTargets {
  kParameters,
  kInputs,
  kAll
};  // kAll: every value of float or double on the way

// `graph` with the backward graph of value `y` appended, the gradients recorded in gradients() and
// added to the outputs under their names. `upstream`: absent for ones; a name makes a new input of
// y's type, to be fed. NotFound if there is no value `y`.
absl::StatusOr<Graph> Differentiate(const Graph& graph, absl::string_view y,
                                    GradientTargets targets, absl::string_view upstream_input = "",
                                    GradientMutation* mutation = nullptr,
                                    const OpRegistry& registry = BuiltinOps());

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_AUTODIFF_H_
