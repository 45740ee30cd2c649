// The parts of a matrix product that work in registers: tiles of C, and the packing for them.
//
// Only for product.cc, which cuts a product into blocks of k and of rows, and those into slivers
// of columns.

#ifndef FLOWGRAD_OPS_PRODUCT_TILE_H_
#define FLOWGRAD_OPS_PRODUCT_TILE_H_

#include <cstdint>

#include "Eigen/Core"
#include "ops/product.h"

namespace flowgrad::product {

template <class T>
constexpr int kWidth = Eigen::internal::packet_traits<T>::size;

// A tile is up to kRows rows by kVectors vectors. Its sums, a row of B and one or two of A fill the
// 16 (AVX2) or 32 registers. For 16, 4 x 3 and not 6 x 2: there 8 rows would be two panels of 4 x
// 2, and eight sums are just too few to hide the latency of an fma (measured: 7 % slower).
constexpr bool kManyRegisters = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
constexpr int kRows = kManyRegisters ? 14 : 4;
constexpr int kVectors = kManyRegisters ? 2 : 3;
template <class T>
constexpr int kSliver = kVectors* kWidth<T>;
// One or two rows have far too few: they take several slivers at a time.
constexpr int MostVectors(int64_t rows) {
  return (rows == 1 ? kManyRegisters ? 4 : 3 : rows == 2 ? 2 : 1) * kVectors;
}

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Part i of [0, size) cut into `parts` parts that differ by at most one: where it starts.
inline int64_t PartStart(int64_t size, int64_t parts, int64_t i) { return size * i / parts; }

// The part of x from (row, column) on.
template <class T>
MatrixRef<T> From(MatrixRef<T> x, int64_t row, int64_t column) {
  return {x.data + row * x.row_stride + column * x.column_stride, x.row_stride, x.column_stride};
}

// Columns of B as a tile reads them: one sliver, or several side by side. A row of a sliver is
// kSliver<T> elements next to each other; the last sliver may have fewer.
template <class T>
struct Slivers {
  const T* data;
  int64_t row_stride;
  int64_t stride;  // from one sliver to the next
};

// Packs a block of A, panel by panel. Writes up to a vector past the rows * k elements.
template <class T>
void PackBlock(int64_t rows, int64_t k, MatrixRef<const T> a, T* packed);

// packed[p * width + j] = B[p,j], and zero for columns <= j < width. width is whole vectors.
template <class T>
void PackSliver(int64_t k, int64_t columns, int64_t width, MatrixRef<const T> b, T* packed);

// C[rows, columns] = (resume ? C : 0) + A B. `packed_a` is null where A is read in place. B has
// `vectors` vectors of columns: up to kVectors, or MostVectors(rows).
template <class T>
void SliverProduct(int64_t rows, int64_t columns, int64_t vectors, int64_t k, MatrixRef<const T> a,
                   const T* packed_a, Slivers<T> b, MatrixRef<T> c, bool resume);

}  // namespace flowgrad::product

#endif  // FLOWGRAD_OPS_PRODUCT_TILE_H_
