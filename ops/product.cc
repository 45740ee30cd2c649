// The matrix product: packed panels and a register tile, as in Goto's and BLIS's products.
//
//   for each k block:
//     for each block of columns:                    B block is packed, or read where it lies
//       for each block of rows:                     A block is packed, and stays in the L2 cache
//         for each sliver of columns:
//           for each panel of up to `rows` rows:    one tile, see product_tile.inc
//
// Products with few rows read B in place, those with few columns A. A caller that keeps its weights
// packed saves that, and a sliver is then read as it comes.

#include "ops/product.h"

#include <algorithm>
#include <cmath>

#include "ops/isa.h"
#include "ops/product_tile.h"

namespace flowgrad {
namespace {

using product::Fetches;
using product::Slivers;
using product::Tiles;

// A block of A, small, is read once for each sliver; few rows of it also keep the rows of C that
// are being written, each of which is in a page of its own, within what the processor remembers of
// page addresses. A sliver of B is read front to back, which the processor foresees, and fewer
// blocks of k, each of which reloads C, are worth more than the L1 cache. All as measured on Zen 4
// (AVX2 and AVX-512), like what follows.
constexpr int64_t kBytesOfABlock = 128 * 1024;
constexpr int64_t kMostRowsOfABlock = 64;
constexpr int64_t kBytesOfBSliver = 128 * 1024;
constexpr int64_t kBytesOfBBlock = 384 * 1024;
// Where packing and setting out start to pay.
constexpr int64_t kMinColumnsToPackA = 256;
constexpr int64_t kMinColumnsToPackLongA = 96, kLongColumns = 256;
constexpr int64_t kMinRowsToPackB = 240;
constexpr int64_t kMinRowsToPackConflictingB = 96;
// More lines in less time are in flight than the processor keeps track of.
constexpr int64_t kMinInterval = 8;
constexpr int64_t kMaxScalarProduct = 64;
constexpr int64_t kMaxSmallProduct = 1024;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Part i of [0, size) cut into `parts` parts that differ by at most one: where it starts.
int64_t PartStart(int64_t size, int64_t parts, int64_t i) { return size * i / parts; }

template <class T>
const Tiles<T>& TilesOfProcessor();
template <>
const Tiles<float>& TilesOfProcessor() {
  static const Tiles<float>& tiles =
      UsesAvx512() ? product::kFloatTilesAvx512 : product::kFloatTilesAvx2;
  return tiles;
}
template <>
const Tiles<double>& TilesOfProcessor() {
  static const Tiles<double>& tiles =
      UsesAvx512() ? product::kDoubleTilesAvx512 : product::kDoubleTilesAvx2;
  return tiles;
}

template <class T>
MatrixRef<T> Transposed(MatrixRef<T> x) {
  return {x.data, x.column_stride, x.row_stride};
}

// The part of x from (row, column) on.
template <class T>
MatrixRef<T> From(MatrixRef<T> x, int64_t row, int64_t column) {
  return {x.data + row * x.row_stride + column * x.column_stride, x.row_stride, x.column_stride};
}

// Whether a B with unit column stride is packed. Rows that are a multiple of 4096 bytes apart want
// the same few places in the L1 cache.
template <class T>
bool WorthPackingB(int64_t rows, int64_t row_stride) {
  const bool conflicting = row_stride * sizeof(T) % 4096 == 0;
  return rows >= (conflicting ? kMinRowsToPackConflictingB : kMinRowsToPackB);
}

// A with contiguous rows is read in place for longer than one with contiguous columns, whose
// elements are far apart along k.
bool MayPackA(int64_t n, int64_t k) {
  return n >= (k < kLongColumns ? kMinColumnsToPackA : kMinColumnsToPackLongA);
}
template <class T>
bool WorthPackingA(int64_t n, int64_t k, MatrixRef<const T> a) {
  return n >= kMinColumnsToPackA || (a.column_stride != 1 && MayPackA(n, k));
}

// How a product is cut: k and the rows into parts of about the same size, the columns of a B that
// is packed on the way into whole slivers.
template <class T>
struct Blocking {
  Blocking(const Tiles<T>& tiles, int64_t m, int64_t k) {
    width = tiles.width;
    sliver_size = width * tiles.vectors;
    slivers_per_tile = m == 1 ? tiles.slivers_of_one_row : m == 2 ? 2 : 1;
    const int64_t most = kBytesOfBSliver / (sizeof(T) * sliver_size * slivers_per_tile);
    // Whole cache lines.
    const int64_t line = 64 / sizeof(T);
    k_size = CeilDiv(CeilDiv(std::max<int64_t>(k, 1), line), CeilDiv(k, most) + (k == 0)) * line;
    k_blocks = std::max<int64_t>(1, CeilDiv(k, k_size));
    most_rows =
        std::clamp<int64_t>(kBytesOfABlock / (k_size * sizeof(T)), tiles.rows, kMostRowsOfABlock);
    row_blocks = CeilDiv(m, most_rows);
  }
  // In elements. A block of A has up to most_rows of m rows, followed by 32 bytes of slack for
  // PackBlock().
  int64_t MostABlockSize(int64_t m) const {
    return std::min(m, most_rows) * k_size + 32 / sizeof(T);
  }
  int64_t BBlockSize(int64_t n) const { return k_size * BBlockColumns(n); }
  // Whole slivers, in number a multiple of slivers_per_tile.
  int64_t BBlockColumns(int64_t n) const {
    const int64_t tile = sliver_size * slivers_per_tile;
    const int64_t most = kBytesOfBBlock / (sizeof(T) * k_size * tile);
    return std::min(CeilDiv(n, tile), most) * tile;
  }

  // How many of the columns that are left the next tile takes.
  int64_t ColumnsOfTile(int64_t left, bool in_place) const {
    if (left >= sliver_size * slivers_per_tile) return sliver_size * slivers_per_tile;
    // Rather two and two vectors than three and one, which alone has too few sums.
    if (in_place && left == sliver_size + width) return sliver_size - width;
    return std::min(sliver_size, left);
  }

  int64_t width, sliver_size, slivers_per_tile, k_blocks, k_size, most_rows, row_blocks;
};

// For products so small that setting out would take longer than the work. A few columns at a time,
// whose sums do not wait for each other.
template <class T, int columns>
void ScalarColumns(int64_t m, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
                   MatrixRef<T> c) {
  for (int64_t i = 0; i < m; ++i) {
    T sum[columns] = {};
    const T* factor = a.data;
    const T* row = b.data;
    for (int64_t p = 0; p < k; ++p) {
#pragma GCC unroll 4
      for (int j = 0; j < columns; ++j) {
        sum[j] = std::fma(*factor, row[j * b.column_stride], sum[j]);
      }
      factor += a.column_stride;
      row += b.row_stride;
    }
#pragma GCC unroll 4
    for (int j = 0; j < columns; ++j) c.data[j * c.column_stride] = sum[j];
    a.data += a.row_stride;
    c.data += c.row_stride;
  }
}

template <class T>
void ScalarProduct(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
                   MatrixRef<T> c) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) ScalarColumns<T, 4>(m, k, a, From(b, 0, j), From(c, 0, j));
  for (; j + 2 <= n; j += 2) ScalarColumns<T, 2>(m, k, a, From(b, 0, j), From(c, 0, j));
  if (j < n) ScalarColumns<T, 1>(m, k, a, From(b, 0, j), From(c, 0, j));
}

// Spreads what is to be fetched over three quarters of the product: each run ends with a helping
// that is not whole, and the last lines have to arrive.
template <class T>
Fetches FetchesOf(const Tiles<T>& tiles, int64_t m, int64_t n, int64_t k, const FetchAhead* ahead) {
  if (ahead == nullptr) return {FetchAhead(), kMinInterval};
  int64_t lines = ahead->begun.count;
  for (const CacheLines* run = ahead->run; run != ahead->end; ++run) lines += run->count;
  const int64_t steps = CeilDiv(m, tiles.rows) * CeilDiv(n, tiles.width * tiles.vectors) * k;
  const int64_t interval = steps * 3 / 4 * product::kLinesAtOnce / std::max<int64_t>(lines, 1);
  return {*ahead, std::max(interval, kMinInterval)};
}

// The product of one block of k and of columns, which are taken from `first` on, a multiple of what
// a tile has. B's slivers are packed or in place.
template <class T>
void BlockProduct(const Tiles<T>& tiles, const Blocking<T>& blocking, int64_t m, int64_t n,
                  int64_t k, MatrixRef<const T> a, Slivers<T> b, bool in_place, MatrixRef<T> c,
                  T* scratch, bool resume, Fetches& fetches, int64_t first = 0) {
  T* const packed_a = WorthPackingA(n, k, a) ? scratch : nullptr;
  for (int64_t row_block = 0; row_block < blocking.row_blocks; ++row_block) {
    const int64_t i = PartStart(m, blocking.row_blocks, row_block);
    const int64_t rows = PartStart(m, blocking.row_blocks, row_block + 1) - i;
    if (packed_a != nullptr) product::PackBlock(tiles.rows, rows, k, From(a, i, 0), packed_a);
    int64_t j = first;
    for (int64_t left = n, columns; left > 0; left -= columns, j += columns) {
      if (j == n) j = 0;
      columns = blocking.ColumnsOfTile(n - j, in_place);
      const int64_t place =
          j / blocking.sliver_size * b.stride + (in_place ? j % blocking.sliver_size : 0);
      tiles.sliver_product(rows, columns, k, From(a, i, 0), packed_a,
                           {b.data + place, b.row_stride, b.stride}, From(c, i, j), resume,
                           fetches);
    }
  }
}

}  // namespace

// The most that size(blocking, rows) is for any number of rows up to m: one and two rows are cut in
// ways of their own.
template <class T, class Size>
int64_t MostScratch(int64_t m, int64_t k, Size size) {
  int64_t most = 0;
  for (const int64_t rows : {int64_t{1}, int64_t{2}, m}) {
    if (rows <= m) most = std::max(most, size(Blocking<T>(TilesOfProcessor<T>(), rows, k), rows));
  }
  return most;
}

template <class T>
int64_t ProductScratchBytes(int64_t m, int64_t n, int64_t k) {
  if (m <= 0 || n <= 0) return 0;
  const auto most = [&](int64_t rows, int64_t columns) {
    return MostScratch<T>(rows, k, [&](const Blocking<T>& blocking, int64_t r) {
      return blocking.MostABlockSize(r) + blocking.BBlockSize(columns);
    });
  };
  // Product() may turn the product around.
  return sizeof(T) * std::max(most(m, n), most(n, m));
}

template <class T>
void Product(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
             MatrixRef<T> c, std::byte* scratch, FetchAhead* ahead) {
  if (m <= 0 || n <= 0) return;
  const Tiles<T>& tiles = TilesOfProcessor<T>();
  if (m * n * k <= kMaxSmallProduct) {
    if (n >= tiles.width && b.column_stride == 1 && c.column_stride == 1) {
      return tiles.small_product(m, n, k, a, b, c);
    }
    if (m * n * k <= kMaxScalarProduct) return ScalarProduct(m, n, k, a, b, c);
  }
  // A tile is vectors along rows of C. So a single column, or a C whose columns are contiguous, is
  // turned around; a b and b a are the same bits.
  const bool turn = n == 1 ? m > 1 : m > 1 && c.row_stride == 1 && c.column_stride != 1;
  if (turn) return Product(n, m, k, Transposed(b), Transposed(a), Transposed(c), scratch, ahead);

  const Blocking<T> blocking(tiles, m, k);
  Fetches fetches = FetchesOf(tiles, m, n, k, ahead);
  T* const packed_b = reinterpret_cast<T*>(scratch);
  T* const a_scratch = packed_b + blocking.BBlockSize(n);
  const bool in_place = b.column_stride == 1 && !WorthPackingB<T>(m, b.row_stride);
  for (int64_t k_block = 0; k_block < blocking.k_blocks; ++k_block) {
    const int64_t p = k_block * blocking.k_size;
    const int64_t k_size = std::min(blocking.k_size, k - p);
    for (int64_t j = 0, columns; j < n; j += columns) {
      Slivers<T> slivers = {b.data + p * b.row_stride + j, b.row_stride, blocking.sliver_size};
      columns = (n - j) / blocking.width * blocking.width;
      const bool packs = !in_place || columns == 0;
      if (packs) {
        columns = std::min(n - j, blocking.BBlockColumns(n));
        product::PackSlivers(columns, k_size, blocking.sliver_size, From(b, p, j), packed_b);
        slivers = {packed_b, blocking.sliver_size, blocking.sliver_size * k_size};
      }
      BlockProduct(tiles, blocking, m, columns, k_size, From(a, 0, p), slivers, !packs,
                   From(c, 0, j), a_scratch, /*resume=*/k_block > 0, fetches);
    }
  }
  if (ahead != nullptr) *ahead = fetches.ahead;
}

template <class T>
int64_t PackedColumns() {
  return TilesOfProcessor<T>().width * TilesOfProcessor<T>().vectors;
}

template <class T>
int64_t NumSlivers(int64_t n) {
  return CeilDiv(n, PackedColumns<T>());
}

template <class T>
int64_t PackedSize(int64_t n, int64_t k) {
  return NumSlivers<T>(n) * PackedColumns<T>() * k;
}

template <class T>
void PackColumns(int64_t n, int64_t k, MatrixRef<const T> b, T* packed) {
  product::PackSlivers(n, k, PackedColumns<T>(), b, packed);
}

template <class T>
int64_t PackedProductScratchBytes(int64_t m, int64_t n, int64_t k) {
  if (m <= 0 || !MayPackA(n, k)) return 0;
  return sizeof(T) * MostScratch<T>(m, k, [&](const Blocking<T>& blocking, int64_t rows) {
           return blocking.MostABlockSize(rows);
         });
}

template <class T>
void PackedProduct(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, const T* packed_b,
                   MatrixRef<T> c, std::byte* scratch, FetchAhead* ahead, double entry) {
  if (m <= 0 || n <= 0) return;
  const Tiles<T>& tiles = TilesOfProcessor<T>();
  const Blocking<T> blocking(tiles, m, k);
  Fetches fetches = FetchesOf(tiles, m, n, k, ahead);
  const int64_t tile = blocking.sliver_size * blocking.slivers_per_tile;
  const int64_t first = static_cast<int64_t>(entry * static_cast<double>(n / tile)) * tile;
  for (int64_t k_block = 0; k_block < blocking.k_blocks; ++k_block) {
    const int64_t p = k_block * blocking.k_size;
    const Slivers<T> slivers = {packed_b + p * blocking.sliver_size, blocking.sliver_size,
                                blocking.sliver_size * k};
    BlockProduct(tiles, blocking, m, n, std::min(blocking.k_size, k - p), From(a, 0, p), slivers,
                 /*in_place=*/false, c, reinterpret_cast<T*>(scratch), /*resume=*/k_block > 0,
                 fetches, first);
  }
  if (ahead != nullptr) *ahead = fetches.ahead;
}

template int64_t ProductScratchBytes<float>(int64_t, int64_t, int64_t);
template void Product(int64_t, int64_t, int64_t, MatrixRef<const float>, MatrixRef<const float>,
                      MatrixRef<float>, std::byte*, FetchAhead*);
template int64_t PackedColumns<float>();
template int64_t NumSlivers<float>(int64_t);
template int64_t PackedSize<float>(int64_t, int64_t);
template void PackColumns(int64_t, int64_t, MatrixRef<const float>, float*);
template void PackedProduct(int64_t, int64_t, int64_t, MatrixRef<const float>, const float*,
                            MatrixRef<float>, std::byte*, FetchAhead*, double);
template int64_t PackedProductScratchBytes<float>(int64_t, int64_t, int64_t);

template int64_t ProductScratchBytes<double>(int64_t, int64_t, int64_t);
template void Product(int64_t, int64_t, int64_t, MatrixRef<const double>, MatrixRef<const double>,
                      MatrixRef<double>, std::byte*, FetchAhead*);
template int64_t PackedColumns<double>();
template int64_t NumSlivers<double>(int64_t);
template int64_t PackedSize<double>(int64_t, int64_t);
template void PackColumns(int64_t, int64_t, MatrixRef<const double>, double*);
template void PackedProduct(int64_t, int64_t, int64_t, MatrixRef<const double>, const double*,
                            MatrixRef<double>, std::byte*, FetchAhead*, double);
template int64_t PackedProductScratchBytes<double>(int64_t, int64_t, int64_t);

}  // namespace flowgrad
