// Every matrix product goes through here, and has one definition.
//
//   C[m,n] = A[m,k] B[k,n]
//
// Each element of C is one chain of fused multiply-adds over ascending k, started from +0:
//
//   acc = 0;  for (p = 0; p < k; ++p) acc = fma(A[i,p], B[p,j], acc);  C[i,j] = acc;
//
// whatever the size of the call, its place in a larger product, the strides or the instruction
// set. So cutting a product into rows or columns anywhere never changes a bit of it. (Only which
// NaN comes out, of several that went in, is not defined.) C is written, never added into.

#ifndef FLOWGRAD_OPS_PRODUCT_H_
#define FLOWGRAD_OPS_PRODUCT_H_

#include <cstddef>
#include <cstdint>

#include "ops/fetch_ahead.h"

namespace flowgrad {

// A matrix in memory owned elsewhere. Strides are in elements and may have any value: a
// transposed matrix has them swapped, a repeated row has row_stride 0, a reversed one is negative.
template <class T>
struct MatrixRef {
  T* data;
  int64_t row_stride;
  int64_t column_stride;
};

// C = A B, for T float or double. C overlaps neither A nor B. k = 0 gives zeros.
// Allocates nothing: `scratch` is 64-byte aligned and has ProductScratchBytes<T>(m, n, k) bytes.
// Fastest where A and B have a stride of 1 in either direction, and C along its rows or columns.
// `ahead`, if any, is fetched beside the arithmetic, evenly over all of it; a product too small for
// all leaves the rest there.
template <class T>
void Product(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
             MatrixRef<T> c, std::byte* scratch, FetchAhead* ahead = nullptr);

// At most about half a megabyte, for products of any size; no less than for any part of the
// product.
template <class T>
int64_t ProductScratchBytes(int64_t m, int64_t n, int64_t k);

// Weights are packed once and multiplied many times: the same bits as Product(), at full speed
// from 8 rows of A on.
//
// A packed B is a row of slivers of PackedColumns<T>() columns each, which one tile reads from
// front to back. Column j lies in sliver j / PackedColumns<T>(); one sliver has
// k * PackedColumns<T>() elements, and sliver s starts at s times that. Whole slivers of a packed B
// are a packed B too: a caller may pack or multiply any range of columns that starts at a sliver.
template <class T>
int64_t PackedColumns();

// How many slivers n columns take.
template <class T>
int64_t NumSlivers(int64_t n);

// Elements of a packed B[k,n].
template <class T>
int64_t PackedSize(int64_t n, int64_t k);

// Packs B[k,n] into PackedSize<T>(n, k) elements, 32-byte aligned (64 is best). Columns past n
// are zeros. Fast where B has a stride of 1 in either direction.
template <class T>
void PackColumns(int64_t n, int64_t k, MatrixRef<const T> b, T* packed);

// C = A B, like Product(), with B packed and PackedProductScratchBytes<T>(m, n, k) of scratch.
// Fastest where C has a stride of 1 along its rows. B is read from about `entry` of it on, which is
// in [0, 1), and then from its start.
template <class T>
void PackedProduct(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, const T* packed_b,
                   MatrixRef<T> c, std::byte* scratch, FetchAhead* ahead = nullptr,
                   double entry = 0);
template <class T>
int64_t PackedProductScratchBytes(int64_t m, int64_t n, int64_t k);

// What a product of so many multiply-adds takes on a core of today, about, at 100 GFLOP/s in float.
// For the planner; it never reaches a result.
template <class T>
double ProductNs(double multiply_adds) {
  constexpr double kNsPerCall = 50, kNsPerFloat = 0.02;
  return kNsPerCall + multiply_adds * kNsPerFloat * (sizeof(T) / sizeof(float));
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_PRODUCT_H_
