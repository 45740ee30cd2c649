// MatMul: Y = A · B over the last two axes, broadcast over the others, as numpy.matmul does.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/merged_rows.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/product.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// A vector on the left is a row, one on the right a column; the axis added is dropped from the
// result.
absl::Status MatMulShape(ShapeContext& context) {
  SymbolicShape a = context.shape(0), b = context.shape(1);
  if (a.empty() || b.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(a.empty() ? 0 : 1), " must have rank 1 or more"));
  }
  const bool a_is_row = a.size() == 1, b_is_column = b.size() == 1;
  if (a_is_row) a.insert(a.begin(), Dim(1));
  if (b_is_column) b.push_back(Dim(1));
  if (a.back() != b[b.size() - 2]) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"B\" must have ", a.back().ToString(), " rows to match ",
                     context.InputText(0), ", but its shape is ", ShapeString(context.shape(1))));
  }
  absl::StatusOr<SymbolicShape> shape =
      Broadcast(SymbolicShape(a.begin(), a.end() - 2), SymbolicShape(b.begin(), b.end() - 2));
  if (!shape.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the leading dims of ", context.InputText(0),
                                                   " and ", context.InputText(1),
                                                   " do not broadcast"));
  }
  if (!a_is_row) shape->push_back(a[a.size() - 2]);
  if (!b_is_column) shape->push_back(b.back());
  context.SetOutput(0, *std::move(shape));
  return absl::OkStatus();
}

LoopNest MatMulLoops(const ShapeContext& context) {
  const bool a_is_row = context.shape(0).size() == 1, b_is_column = context.shape(1).size() == 1;
  return LoopsOf(
      absl::StrCat(a_is_row ? "." : "*i.", ",", b_is_column ? "." : "*.j", "->",
                   a_is_row && b_is_column ? "" : "*", a_is_row ? "" : "i", b_is_column ? "" : "j"),
      context);
}

template <class T>
absl::StatusOr<Prepared> PrepareFor(int64_t m, int64_t n, int64_t k) {
  return Prepared{nullptr, ProductScratchBytes<T>(m, n, k)};
}

absl::StatusOr<Prepared> PrepareMatMul(const ShapeContext& context) {
  const Dims a = context.dims(0), b = context.dims(1);
  const int64_t n = b.size() == 1 ? 1 : b.back();
  const int64_t m = a.size() == 1   ? 1
                    : b.size() == 2 ? NumElements(context.output_dims(0)) / std::max<int64_t>(1, n)
                                    : a[a.size() - 2];
  return context.dtype() == DType::kFloat ? PrepareFor<float>(m, n, a.back())
                                          : PrepareFor<double>(m, n, a.back());
}

double MatMulCost(const ShapeContext& context) {
  const double products = static_cast<double>(NumElements(context.output_dims(0))) *
                          static_cast<double>(context.dims(0).back());
  return context.dtype() == DType::kFloat ? ProductNs<float>(products)
                                          : ProductNs<double>(products);
}

// A [...,m,k] times one B [k,n].
template <class T>
void MultiplyRows(const KernelContext& context, FetchAhead& ahead) {
  const View& a = context.inputs[0];
  const View& b = context.inputs[1];
  const View& y = context.outputs[0];
  const int last = a.rank - 1;
  ForEachMatrix(a, y, [&](int64_t rows, int64_t a_offset, int64_t y_offset) {
    Product<T>(rows, b.dims[1], b.dims[0],
               {a.as<const T>() + a_offset, a.strides[last - 1], a.strides[last]},
               {b.as<const T>(), b.strides[0], b.strides[1]},
               {y.as<T>() + y_offset, y.strides[last - 1], y.strides[last]}, context.scratch,
               &ahead);
  });
}

template <class T>
absl::Status MatMulKernel(const KernelContext& context) {
  const View& a = context.inputs[0];
  const View& b = context.inputs[1];
  const View& y = context.outputs[0];
  FetchAhead ahead = context.Ahead();
  if (a.rank >= 2 && b.rank == 2) {
    MultiplyRows<T>(context, ahead);
    return absl::OkStatus();
  }
  const int a_matrix = a.rank == 1 ? 0 : a.rank - 2;  // first dim that is not batch
  const int b_matrix = b.rank == 1 ? 0 : b.rank - 2;
  const int64_t k = a.dims[a.rank - 1];
  const int64_t m = a.rank == 1 ? 1 : a.dims[a_matrix];
  const int64_t n = b.rank == 1 ? 1 : b.dims[b.rank - 1];
  const int64_t a_row = a.rank == 1 ? 0 : a.strides[a_matrix];
  const int64_t b_column = b.rank == 1 ? 0 : b.strides[b.rank - 1];
  const int y_batch = std::max(a_matrix, b_matrix);
  const int64_t y_row = a.rank == 1 ? 0 : y.strides[y_batch];
  const int64_t y_column = b.rank == 1 ? 0 : y.strides[y.rank - 1];
  Odometer<3> batch;
  for (int d = 0; d < y_batch; ++d) {
    const auto stride = [&](const View& view, int matrix) -> int64_t {
      const int place = d - (y_batch - matrix);
      return place < 0 || view.dims[place] == 1 ? 0 : view.strides[place];
    };
    batch.AddDim(y.dims[d], {stride(a, a_matrix), stride(b, b_matrix), y.strides[d]});
  }
  if (batch.empty()) return absl::OkStatus();
  do {
    Product<T>(m, n, k, {a.as<const T>() + batch.offset(0), a_row, a.strides[a.rank - 1]},
               {b.as<const T>() + batch.offset(1), b.strides[b_matrix], b_column},
               {y.as<T>() + batch.offset(2), y_row, y_column}, context.scratch, &ahead);
  } while (batch.Next());
  return absl::OkStatus();
}

// dA = dY · Bᵀ, dB = Aᵀ · dY. The transposes are views. A vector is first made the matrix it stands
// for. Where all batches share one B, dB is one product over all their rows, rather than a sum of
// products.
absl::Status MatMulGradient(GradientContext& context) {
  const Value a = context.input(0), b = context.input(1);
  const bool a_is_row = a.type().rank() == 1, b_is_column = b.type().rank() == 1;
  const auto add_axis = [&](Value x, int64_t axis) {
    return Call("Unsqueeze", {x, IntsConstant(context.builder(), {axis})});
  };
  const Value rows = a_is_row ? add_axis(a, 0) : a;
  const Value columns = b_is_column ? add_axis(b, -1) : b;
  Value dy = context.output_gradient();
  if (b_is_column) dy = add_axis(dy, -1);
  if (a_is_row) dy = add_axis(dy, -2);
  const auto set = [&](int i, Value dx, Value like) {
    context.set_input_gradient(i, ReshapeLike(SumToShapeOf(dx, like), context.input(i)));
  };
  if (context.wanted(0)) set(0, MatMul(dy, SwapLastTwo(columns)), rows);
  if (context.wanted(1)) {
    const bool shared = columns && columns.type().rank() == 2 && rows && rows.type().rank() > 2;
    const auto all_rows = [&](Value x) {
      return shared ? Call("Flatten", {x}, {{"axis", -1}}) : x;
    };
    set(1, MatMul(SwapLastTwo(all_rows(rows)), all_rows(dy)), columns);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterMatMul(OpRegistry& registry) {
  registry.Add(
      OpDef("MatMul", {"A", "B"}, {"Y"})
          .Doc("Matrix product over the last two axes, broadcast over the others.", "%0 · %1")
          .Shape(MatMulShape)
          .Loops(MatMulLoops)
          .Prepare(PrepareMatMul)
          .Cost(MatMulCost)
          .FetchesAhead()
          .Kernels(FloatTypes(), []<class T>(const KernelContext& c) { return MatMulKernel<T>(c); })
          .Gradient(MatMulGradient));
}

}  // namespace flowgrad
