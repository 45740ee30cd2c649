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
template <class T>
void Product(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
             MatrixRef<T> c, std::byte* scratch);

// At most about half a megabyte, for products of any size.
template <class T>
int64_t ProductScratchBytes(int64_t m, int64_t n, int64_t k);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_PRODUCT_H_
