// The matrix product: packed panels and a register tile, as in Goto's and BLIS's products.
//
//   for each k block, for each row block:       A block is packed, and stays in the L2 cache
//     for each sliver of columns:               B sliver is packed
//       for each panel of up to kRows rows:     one tile, see product_tile.cc
//
// Slivers are packed just before use, so packing B costs one pass per row block, not a buffer of
// B's size. Products with few rows read B in place instead, those with few columns A. A caller
// that keeps its weights packed saves all that, and a sliver is then read as it comes.

#include "ops/product.h"

#include <algorithm>
#include <cmath>

#include "ops/product_tile.h"

namespace flowgrad {
namespace {

using product::CeilDiv;
using product::From;
using product::kRows;
using product::kSliver;
using product::kVectors;
using product::kWidth;
using product::MostVectors;
using product::PartStart;
using product::Slivers;

// A block of A stays in the L2 cache. So does a sliver of B: it is read front to back, which the
// processor foresees, and fewer blocks of k, each of which reloads C, are worth more than the L1
// cache. Both as measured on Zen 4 (AVX2 and AVX-512), like what follows.
constexpr int64_t kBytesOfABlock = 384 * 1024;
constexpr int64_t kBytesOfBSliver = 128 * 1024;
// Where packing and setting out start to pay.
constexpr int64_t kMinColumnsToPackA = 96;
constexpr int64_t kMinPanelsToPackB = 18;
constexpr int64_t kMinPanelsToPackConflictingB = 7;
constexpr int64_t kMaxSmallProduct = 64;

// Whether a B with unit column stride is packed. Rows that are a multiple of 4096 bytes apart want
// the same few places in the L1 cache.
template <class T>
bool WorthPackingB(int64_t rows, int64_t row_stride) {
  const bool conflicting = row_stride * sizeof(T) % 4096 == 0;
  const int64_t min_panels = conflicting ? kMinPanelsToPackConflictingB : kMinPanelsToPackB;
  return CeilDiv(rows, kRows) >= min_panels;
}

template <class T>
MatrixRef<T> Transposed(MatrixRef<T> x) {
  return {x.data, x.column_stride, x.row_stride};
}

// How k and the rows are cut: into parts of about the same size, so that a sliver of B and a
// block of A stay below the constants above. k blocks are whole vectors, for the transposition.
template <class T>
struct Blocking {
  Blocking(int64_t m, int64_t k) {
    const int64_t most = kBytesOfBSliver / (sizeof(T) * kWidth<T> * MostVectors(m));
    const int64_t vectors = CeilDiv(std::max<int64_t>(k, 1), kWidth<T>);
    k_size = CeilDiv(vectors, CeilDiv(k, most) + (k == 0)) * kWidth<T>;
    k_blocks = std::max<int64_t>(1, CeilDiv(k, k_size));
    row_blocks = CeilDiv(m * k_size * sizeof(T), kBytesOfABlock);
    row_size = CeilDiv(m, row_blocks);
  }
  // In elements. A block of A is followed by a vector of slack, for PackPanel().
  int64_t SliverSize() const { return k_size * kWidth<T> * MostVectors(row_size); }
  int64_t BlockSize() const { return row_size * k_size + kWidth<T>; }
  int64_t ScratchSize() const { return SliverSize() + BlockSize(); }

  int64_t k_blocks, k_size, row_blocks, row_size;
};

// For products so small that setting out would take longer than the work.
template <class T>
void SmallProduct(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
                  MatrixRef<T> c) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const T* row = a.data + i * a.row_stride;
      const T* column = b.data + j * b.column_stride;
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        sum = std::fma(row[p * a.column_stride], column[p * b.row_stride], sum);
      }
      c.data[i * c.row_stride + j * c.column_stride] = sum;
    }
  }
}

// The loops over blocks and slivers. slivers(p, k_size, j, columns, width, rows) gives the `width`
// columns of B from (p, j) on, packed or in place.
template <class T, class GetSlivers>
void BlockedProduct(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<T> c,
                    T* packed_a, const Blocking<T>& blocking, GetSlivers slivers) {
  for (int64_t k_block = 0; k_block < blocking.k_blocks; ++k_block) {
    const int64_t p = k_block * blocking.k_size;
    const int64_t k_size = std::min(blocking.k_size, k - p);
    for (int64_t row_block = 0; row_block < blocking.row_blocks; ++row_block) {
      const int64_t i = PartStart(m, blocking.row_blocks, row_block);
      const int64_t rows = PartStart(m, blocking.row_blocks, row_block + 1) - i;
      if (packed_a != nullptr) product::PackBlock(rows, k_size, From(a, i, p), packed_a);
      for (int64_t j = 0, columns; j < n; j += columns) {
        const int64_t left = n - j;
        const int64_t most = MostVectors(rows);
        const int64_t vectors =
            left >= most * kWidth<T> ? most : std::min<int64_t>(kVectors, CeilDiv(left, kWidth<T>));
        columns = std::min(vectors * kWidth<T>, left);
        product::SliverProduct(rows, columns, vectors, k_size, From(a, i, p), packed_a,
                               slivers(p, k_size, j, columns, vectors * kWidth<T>, rows),
                               From(c, i, j),
                               /*resume=*/k_block > 0);
      }
    }
  }
}

}  // namespace

template <class T>
int64_t ProductScratchBytes(int64_t m, int64_t n, int64_t k) {
  if (m <= 0 || n <= 0) return 0;
  // Product() may turn the product around.
  return sizeof(T) * std::max(Blocking<T>(m, k).ScratchSize(), Blocking<T>(n, k).ScratchSize());
}

template <class T>
void Product(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
             MatrixRef<T> c, std::byte* scratch) {
  if (m <= 0 || n <= 0) return;
  if (m * n * k <= kMaxSmallProduct) return SmallProduct(m, n, k, a, b, c);
  // A tile is vectors along rows of C. So a single column, or a C whose columns are contiguous, is
  // turned around; a b and b a are the same bits.
  const bool turn = n == 1 ? m > 1 : m > 1 && c.row_stride == 1 && c.column_stride != 1;
  if (turn) return Product(n, m, k, Transposed(b), Transposed(a), Transposed(c), scratch);

  const Blocking<T> blocking(m, k);
  T* const packed_b = reinterpret_cast<T*>(scratch);
  T* const packed_a = n >= kMinColumnsToPackA ? packed_b + blocking.SliverSize() : nullptr;
  BlockedProduct(
      m, n, k, a, c, packed_a, blocking,
      [&](int64_t p, int64_t k_size, int64_t j, int64_t columns, int64_t width,
          int64_t rows) -> Slivers<T> {
        const MatrixRef<const T> part = From(b, p, j);
        if (columns == width && b.column_stride == 1 && !WorthPackingB<T>(rows, b.row_stride)) {
          return {part.data, b.row_stride, kSliver<T>};
        }
        product::PackSliver(k_size, columns, width, part, packed_b);
        return {packed_b, width, kSliver<T>};
      });
}

template <class T>
int64_t PackedColumns() {
  return kSliver<T>;
}

template <class T>
int64_t NumSlivers(int64_t n) {
  return CeilDiv(n, kSliver<T>);
}

template <class T>
int64_t PackedSize(int64_t n, int64_t k) {
  return NumSlivers<T>(n) * kSliver<T> * k;
}

template <class T>
void PackColumns(int64_t n, int64_t k, MatrixRef<const T> b, T* packed) {
  for (int64_t j = 0; j < n; j += kSliver<T>) {
    product::PackSliver<T>(k, std::min<int64_t>(kSliver<T>, n - j), kSliver<T>, From(b, 0, j),
                           packed + j * k);
  }
}

template <class T>
int64_t PackedProductScratchBytes(int64_t m, int64_t n, int64_t k) {
  if (m <= 0 || n < kMinColumnsToPackA) return 0;
  return sizeof(T) * Blocking<T>(m, k).BlockSize();
}

template <class T>
void PackedProduct(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, const T* packed_b,
                   MatrixRef<T> c, std::byte* scratch) {
  if (m <= 0 || n <= 0) return;
  T* const packed_a = n >= kMinColumnsToPackA ? reinterpret_cast<T*>(scratch) : nullptr;
  BlockedProduct(m, n, k, a, c, packed_a, Blocking<T>(m, k),
                 [&](int64_t p, int64_t, int64_t j, int64_t, int64_t, int64_t) {
                   return Slivers<T>{packed_b + j * k + p * kSliver<T>, kSliver<T>, kSliver<T> * k};
                 });
}

template int64_t ProductScratchBytes<float>(int64_t, int64_t, int64_t);
template void Product(int64_t, int64_t, int64_t, MatrixRef<const float>, MatrixRef<const float>,
                      MatrixRef<float>, std::byte*);
template int64_t PackedColumns<float>();
template int64_t NumSlivers<float>(int64_t);
template int64_t PackedSize<float>(int64_t, int64_t);
template void PackColumns(int64_t, int64_t, MatrixRef<const float>, float*);
template void PackedProduct(int64_t, int64_t, int64_t, MatrixRef<const float>, const float*,
                            MatrixRef<float>, std::byte*);
template int64_t PackedProductScratchBytes<float>(int64_t, int64_t, int64_t);

template int64_t ProductScratchBytes<double>(int64_t, int64_t, int64_t);
template void Product(int64_t, int64_t, int64_t, MatrixRef<const double>, MatrixRef<const double>,
                      MatrixRef<double>, std::byte*);
template int64_t PackedColumns<double>();
template int64_t NumSlivers<double>(int64_t);
template int64_t PackedSize<double>(int64_t, int64_t);
template void PackColumns(int64_t, int64_t, MatrixRef<const double>, double*);
template void PackedProduct(int64_t, int64_t, int64_t, MatrixRef<const double>, const double*,
                            MatrixRef<double>, std::byte*);
template int64_t PackedProductScratchBytes<double>(int64_t, int64_t, int64_t);

}  // namespace flowgrad
