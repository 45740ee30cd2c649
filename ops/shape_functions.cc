#include "ops/shape_functions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {

absl::StatusOr<SymbolicShape> Broadcast(const SymbolicShape& a, const SymbolicShape& b) {
  const SymbolicShape& longer = a.size() >= b.size() ? a : b;
  const SymbolicShape& shorter = a.size() >= b.size() ? b : a;
  SymbolicShape shape = longer;
  const size_t shift = longer.size() - shorter.size();
  for (size_t d = 0; d < shorter.size(); ++d) {
    const Dim& other = shorter[d];
    Dim& dim = shape[d + shift];
    if (dim == other || other == Dim(1)) continue;
    if (dim != Dim(1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shapes ", ShapeString(a), " and ", ShapeString(b), " do not broadcast: dims ",
          dim.ToString(), " and ", other.ToString(), " differ and neither is 1"));
    }
    dim = other;
  }
  return shape;
}

absl::StatusOr<SymbolicShape> BroadcastInputs(const ShapeContext& context) {
  SymbolicShape shape;
  for (int i = 0; i < context.num_inputs(); ++i) {
    if (!context.has_input(i)) continue;
    absl::StatusOr<SymbolicShape> wider = Broadcast(shape, context.shape(i));
    if (!wider.ok()) {
      int other =
          0;  // the first input that this one does not go with, or 0 if only with several together
      while (other < i && (!context.has_input(other) ||
                           Broadcast(context.shape(other), context.shape(i)).ok())) {
        ++other;
      }
      return absl::InvalidArgumentError(
          absl::StrCat(context.InputText(i), " does not broadcast with ",
                       context.InputText(other == i ? 0 : other),
                       ": dims must be equal or 1, aligned at the end"));
    }
    shape = *std::move(wider);
  }
  return shape;
}

absl::Status SameShape(ShapeContext& context) {
  for (int i = 0; i < context.num_outputs(); ++i) context.SetOutput(i, context.shape(0));
  return absl::OkStatus();
}

absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank, absl::string_view what) {
  if (rank == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " needs a tensor of rank 1 or more, but is ", axis, " for a scalar"));
  }
  if (axis < -rank || axis >= rank) {
    return absl::InvalidArgumentError(absl::StrCat(what, " must be from ", -rank, " to ", rank - 1,
                                                   " for a tensor of rank ", rank, ", but is ",
                                                   axis));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

absl::StatusOr<std::vector<int>> NormalizeAxes(absl::Span<const int64_t> axes, int rank,
                                               absl::string_view what) {
  std::vector<int> normalized;
  for (const int64_t axis : axes) {
    ASSIGN_OR_RETURN(const int n, NormalizeAxis(axis, rank, what));
    if (std::find(normalized.begin(), normalized.end(), n) != normalized.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " must name each axis once, but is [", absl::StrJoin(axes, ","), "]"));
    }
    normalized.push_back(n);
  }
  std::sort(normalized.begin(), normalized.end());
  return normalized;
}

absl::StatusOr<Ints> ConstantInts(const ShapeContext& context, int i) {
  const std::string port = absl::StrCat("input ", Quoted(context.op().input_port(i).name));
  if (context.input(i).rank() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        port, " must have rank 0 or 1, but its shape is ", ShapeString(context.shape(i))));
  }
  const Tensor* tensor = context.constant(i);
  if (tensor == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(port, " must be known when the graph is built: make it a Constant"));
  }
  Ints values;
  const Tensor packed = tensor->Contiguous();
  for (int64_t k = 0; k < packed.num_elements(); ++k) values.push_back(packed.data<int64_t>()[k]);
  return values;
}

absl::StatusOr<std::vector<int>> ReductionAxes(const ShapeContext& context) {
  const int rank = context.input(0).rank();
  Ints axes;
  if (context.has_input(1)) {
    ASSIGN_OR_RETURN(axes, ConstantInts(context, 1));
  }
  if (axes.empty() && !context.attributes().Int("noop_with_empty_axes")) {
    for (int d = 0; d < rank; ++d) axes.push_back(d);
  }
  return NormalizeAxes(axes, rank, "input \"axes\"");
}

SymbolicShape ReducedShape(const SymbolicShape& shape, const std::vector<int>& axes,
                           bool keepdims) {
  SymbolicShape reduced;
  for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
    if (std::find(axes.begin(), axes.end(), d) == axes.end()) {
      reduced.push_back(shape[d]);
    } else if (keepdims) {
      reduced.push_back(Dim(1));
    }
  }
  return reduced;
}

absl::Status CheckDims(const SymbolicShape& shape, absl::string_view what) {
  const bool negative = std::any_of(
      shape.begin(), shape.end(), [](const Dim& dim) { return !dim.known() && !dim.is_symbol(); });
  if (!negative && shape.size() <= kMaxRank) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      what, " must be at most ", kMaxRank, " numbers from 0 on, but is ", ShapeString(shape)));
}

std::string LettersAround(int rank, int axis) {
  std::string letters;
  for (int d = 0; d < rank; ++d) letters += d == axis ? '.' : static_cast<char>('a' + d);
  return letters;
}

std::string LettersWithout(int rank, int axis) { return LettersAround(rank, axis).erase(axis, 1); }

int64_t LineScratchBytes(const ShapeContext& context, int x, int begin, int end,
                         int64_t element_bytes) {
  const Dims dims = context.dims(x);
  if (NumElements(dims) == 0) return 0;
  return NumElements(absl::MakeConstSpan(dims).subspan(begin, end - begin)) * element_bytes;
}

Dim ProductOf(const SymbolicShape& shape, int begin, int end) {
  Dim product(1);
  for (int d = begin; d < end; ++d) product = product * shape[d];
  return product;
}

}  // namespace flowgrad
