// Shape rules and axis arithmetic shared by many ops.

#ifndef FLOWGRAD_OPS_SHAPE_FUNCTIONS_H_
#define FLOWGRAD_OPS_SHAPE_FUNCTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/op.h"

namespace flowgrad {

// Shapes broadcast as ONNX (and NumPy) do: aligned at the end, 1 stretches. Two different symbols
// do not broadcast.
absl::StatusOr<SymbolicShape> Broadcast(const SymbolicShape& a, const SymbolicShape& b);

// All inputs of an op broadcast together; the error names the two ports.
absl::StatusOr<SymbolicShape> BroadcastInputs(const ShapeContext& context);

// Shape rule: every output has the shape of input 0 and dtype T.
absl::Status SameShape(ShapeContext& context);

// -rank <= axis < rank, turned into 0 <= axis < rank. `what` names it in the message: `attribute
// "axis"`.
absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank,
                                  absl::string_view what = "attribute \"axis\"");

// The same for a list without repetition, sorted.
absl::StatusOr<std::vector<int>> NormalizeAxes(absl::Span<const int64_t> axes, int rank,
                                               absl::string_view what = "attribute \"axes\"");

// The axes that a reduction over `axes` of ONNX runs along: from input 1 (int64, known when the
// graph is built); where that is absent or empty all axes, or none if attribute
// "noop_with_empty_axes" is set. Serves ReduceSum and its like.
absl::StatusOr<std::vector<int>> ReductionAxes(const ShapeContext& context);

// Shape without `axes`, or with 1 in their place.
SymbolicShape ReducedShape(const SymbolicShape& shape, const std::vector<int>& axes, bool keepdims);

// The values of int64 input `i` (rank 0 or 1); an error if they are not known when the graph is
// built.
absl::StatusOr<Ints> ConstantInts(const ShapeContext& context, int i);

// At most kMaxRank dims, none negative. `what` names them in the message.
absl::Status CheckDims(const SymbolicShape& shape, absl::string_view what);

// Letters for LoopsOf(), one per dim, with "." for the dim `axis`, which every cut needs whole:
// "a.c"; and without it: "ac".
std::string LettersAround(int rank, int axis);
std::string LettersWithout(int rank, int axis);

// Bytes of scratch for a line along dims [begin, end) of input `x`. None if the input is empty: its
// other dims may be as large as numbers can be.
int64_t LineScratchBytes(const ShapeContext& context, int x, int begin, int end,
                         int64_t element_bytes);

// Product of dims [begin, end).
Dim ProductOf(const SymbolicShape& shape, int begin, int end);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_SHAPE_FUNCTIONS_H_
