#include "scheduler/planner_ops.h"

#include <algorithm>

#include "ops/block_space.h"
#include "ops/integer.h"
#include "ops/merged_rows.h"
#include "ops/product.h"
#include "ops/stream.h"
#include "ops/sum.h"

namespace flowgrad {
namespace {

constexpr const char* kOnlyPlanned = "made by the planner, after differentiation";

absl::Status JoinPartsShape(ShapeContext& context) {
  const SymbolicShape& parts = context.shape(0);
  context.SetOutput(0, SymbolicShape(parts.begin() + 1, parts.end()));
  return absl::OkStatus();
}

// Parts and results are row-major, and few.
template <class T>
absl::Status JoinPartsKernel(const KernelContext& context) {
  const View& parts = context.inputs[0];
  const View& y = context.outputs[0];
  const int64_t n = y.num_elements();
  for (int64_t i = 0; i < n; ++i) {
    TreeJoin<T> join;
    for (int64_t p = 0; p < parts.dims[0]; ++p) join.Add(parts.as<const T>()[p * n + i]);
    y.as<T>()[i] = join.Result();
  }
  return absl::OkStatus();
}

int64_t SliverWidth(DType dtype) {
  return dtype == DType::kFloat ? PackedColumns<float>() : PackedColumns<double>();
}

int64_t SliversOf(DType dtype, int64_t columns) {
  return dtype == DType::kFloat ? NumSlivers<float>(columns) : NumSlivers<double>(columns);
}

// Each column of B, up to whole slivers, owns as many elements as B has rows: a range of slivers is
// a range of rows of the result.
absl::Status PackShape(ShapeContext& context) {
  const Dims b = context.dims(0);
  const int64_t columns = SliversOf(context.dtype(), b[1]) * SliverWidth(context.dtype());
  context.SetOutput(0, {Dim(columns), Dim(b[0])});
  return absl::OkStatus();
}

LoopNest PackLoops(const ShapeContext& context) {
  const Axis columns = {.size = context.dims(0)[1], .grain = SliverWidth(context.dtype())};
  return {{columns}, {{-1, 0}, {0, -1}}};
}

// About 8 GB/s, as measured from the L3 cache.
double PackCost(const ShapeContext& context) {
  return 50 + 0.12 * static_cast<double>(NumElements(context.dims(0)));
}

// One sliver. Where it is shared, a few rows at a time by way of a buffer.
template <class T>
void PackOneSliver(const KernelContext& context, int64_t columns, int64_t rows,
                   MatrixRef<const T> b, T* packed) {
  if (!context.shared) return PackColumns<T>(columns, rows, b, packed);
  constexpr int64_t kBufferElements = 2048;
  alignas(64) T buffer[kBufferElements];
  const int64_t width = PackedColumns<T>();
  for (int64_t row = 0, n; row < rows; row += n) {
    n = std::min(kBufferElements / width, rows - row);
    PackColumns<T>(columns, n, {b.data + row * b.row_stride, b.row_stride, b.column_stride},
                   buffer);
    StreamCopy(buffer, n * width * static_cast<int64_t>(sizeof(T)), packed + row * width);
  }
}

// Slivers `stride` elements apart.
template <class T>
void PackSlivers(const KernelContext& context, int64_t stride) {
  const int64_t width = PackedColumns<T>();
  const View& b = context.inputs[0];
  T* packed = context.outputs[0].as<T>();
  const int64_t rows = b.dims[0], columns = b.dims[1];
  for (int64_t first = 0; first < columns; first += width, packed += stride) {
    PackOneSliver<T>(context, std::min(width, columns - first), rows,
                     {b.as<const T>() + first * b.strides[1], b.strides[0], b.strides[1]}, packed);
  }
  if (context.shared) EndStream();
}

template <class T>
absl::Status PackKernel(const KernelContext& context) {
  const View& b = context.inputs[0];
  if (context.shared) {
    PackSlivers<T>(context, b.dims[0] * PackedColumns<T>());
  } else {
    PackColumns<T>(b.dims[1], b.dims[0], {b.as<const T>(), b.strides[0], b.strides[1]},
                   context.outputs[0].as<T>());
  }
  return absl::OkStatus();
}

// The same bytes seen as slivers of rows, so that a range of B's rows can be packed alone.
absl::Status PackRowsShape(ShapeContext& context) {
  const Dims b = context.dims(0);
  context.SetOutput(
      0, {Dim(SliversOf(context.dtype(), b[1])), Dim(b[0]), Dim(SliverWidth(context.dtype()))});
  return absl::OkStatus();
}

LoopNest PackRowsLoops(const ShapeContext& context) { return LoopsOf("k.->.k.", context); }

template <class T>
absl::Status PackRowsKernel(const KernelContext& context) {
  PackSlivers<T>(context, context.outputs[0].strides[0]);
  return absl::OkStatus();
}

absl::Status PackedMatMulShape(ShapeContext& context) {
  SymbolicShape shape = context.shape(0);
  shape.back() = context.shape(2).back();
  context.SetOutput(0, shape);
  return absl::OkStatus();
}

// Columns are cut at slivers.
LoopNest PackedMatMulLoops(const ShapeContext& context) {
  LoopNest nest = LoopsOf("*i.,..,..->*ij", context);
  const int8_t columns = nest.operands[3].back();
  nest.axes[columns].grain = SliverWidth(context.dtype());
  return nest;
}

absl::StatusOr<Prepared> PreparePackedMatMul(const ShapeContext& context) {
  const Dims y = context.output_dims(0);
  const int64_t n = y.back(), k = context.dims(0).back();
  const int64_t m = NumElements(y) / std::max<int64_t>(1, n);
  return Prepared{nullptr, context.dtype() == DType::kFloat
                               ? PackedProductScratchBytes<float>(m, n, k)
                               : PackedProductScratchBytes<double>(m, n, k)};
}

double PackedMatMulCost(const ShapeContext& context) {
  const double products = static_cast<double>(NumElements(context.output_dims(0))) *
                          static_cast<double>(context.dims(0).back());
  return context.dtype() == DType::kFloat ? ProductNs<float>(products)
                                          : ProductNs<double>(products);
}

template <class T>
absl::Status PackedMatMulKernel(const KernelContext& context) {
  const View& a = context.inputs[0];
  const View& packed = context.inputs[1];
  const View& y = context.outputs[0];
  const int rank = a.rank;
  const int64_t k = a.dims[rank - 1], n = y.dims[rank - 1];
  const int64_t first_sliver = context.origin[rank - 1] / PackedColumns<T>();
  const T* const b = packed.as<const T>() + first_sliver * k * PackedColumns<T>();
  FetchAhead ahead = context.Ahead();
  ForEachMatrix(a, y, [&](int64_t rows, int64_t a_offset, int64_t y_offset) {
    PackedProduct<T>(rows, n, k,
                     {a.as<const T>() + a_offset, a.strides[rank - 2], a.strides[rank - 1]}, b,
                     {y.as<T>() + y_offset, y.strides[rank - 2], y.strides[rank - 1]},
                     context.scratch, &ahead, context.entry);
  });
  return absl::OkStatus();
}

}  // namespace

const OpDef& CopyOp() {
  static const auto* const op =
      new OpDef(OpDef("Copy", {"x"}, {"y"})
                    .Doc("The same elements, row by row.", "%0")
                    .Elementwise(AllTypes(), []<class T>(T x) { return x; })
                    .NoGradient(kOnlyPlanned));
  return *op;
}

const OpDef& AddOp() {
  static const auto* const op = new OpDef(
      OpDef("Add", {"A", "B"}, {"C"})
          .Doc("Sum, element by element.", "%0 + %1")
          .Elementwise(NumericTypes(), []<class T>(T a, T b) { return WrappingAdd(a, b); })
          .NoGradient(kOnlyPlanned));
  return *op;
}

const OpDef& JoinPartsOp() {
  static const auto* const op = new OpDef(
      OpDef("JoinParts", {"parts"}, {"sum"})
          .Doc("The sum of the parts of a cut sum.", "sum(%0)")
          .Shape(JoinPartsShape)
          .Kernels(NumericTypes(),
                   []<class T>(const KernelContext& c) { return JoinPartsKernel<Wrapping<T>>(c); })
          .NoGradient(kOnlyPlanned));
  return *op;
}

const OpDef& PackOp() {
  static const auto* const op = new OpDef(
      OpDef("Pack", {"B"}, {"packed"})
          .Doc("A matrix in slivers of columns.", "pack(%0)")
          .Shape(PackShape)
          .Loops(PackLoops)
          .Cost(PackCost)
          .Kernels(FloatTypes(), []<class T>(const KernelContext& c) { return PackKernel<T>(c); })
          .NoGradient(kOnlyPlanned));
  return *op;
}

const OpDef& PackRowsOp() {
  static const auto* const op =
      new OpDef(OpDef("PackRows", {"B"}, {"packed"})
                    .Doc("A matrix in slivers of columns, row by row.", "pack(%0)")
                    .Shape(PackRowsShape)
                    .Loops(PackRowsLoops)
                    .Cost(PackCost)
                    .Kernels(FloatTypes(),
                             []<class T>(const KernelContext& c) { return PackRowsKernel<T>(c); })
                    .NoGradient(kOnlyPlanned));
  return *op;
}

const OpDef& PackedMatMulOp() {
  static const auto* const op = new OpDef(
      OpDef("PackedMatMul", {"A", "packed", "B"}, {"Y"})
          .Doc("Matrix product with a packed matrix.", "%0 · %1")
          .Shape(PackedMatMulShape)
          .Loops(PackedMatMulLoops)
          .Prepare(PreparePackedMatMul)
          .Cost(PackedMatMulCost)
          .FetchesAhead()
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return PackedMatMulKernel<T>(c); })
          .ReadsShapeOnly(2)
          .NoGradient(kOnlyPlanned));
  return *op;
}

const Attributes& NoAttributes() {
  static const auto* const none = new Attributes();
  return *none;
}

}  // namespace flowgrad
