// The parts of a matrix product that work in registers: tiles of C, and the packing for them.
//
// Only for product.cc, which cuts a product into blocks of k, of columns and of rows, and those
// into slivers of columns.

#ifndef FLOWGRAD_OPS_PRODUCT_TILE_H_
#define FLOWGRAD_OPS_PRODUCT_TILE_H_

#include <cstdint>

#include "ops/product.h"

namespace flowgrad::product {

// Columns of B as a tile reads them: one sliver, or several side by side. A row of a sliver is
// its elements next to each other; the last sliver may have fewer.
template <class T>
struct Slivers {
  const T* data;
  int64_t row_stride;
  int64_t stride;  // from one sliver to the next
};

// What a tile does between its multiply-adds: so many lines, every so many steps of k.
inline constexpr int64_t kLinesAtOnce = 8;
struct Fetches {
  FetchAhead ahead;
  int64_t interval;
};

// What one instruction set makes of a tile, `rows` rows by `vectors` vectors of `width` elements,
// which is how wide a sliver is.
template <class T>
struct Tiles {
  int64_t width, vectors, rows;
  // One or two rows of a tile have too few sums to keep the multipliers busy. They take several
  // slivers at a time: so many for one row, and two for two rows.
  int64_t slivers_of_one_row;

  // C[rows, columns] = (resume ? C : 0) + A B. `packed_a` is null where A is read in place. All
  // vectors of B are read whole; their number is up to `vectors`, or of as many slivers as go with
  // so few rows. `fetches` goes on.
  void (*sliver_product)(int64_t rows, int64_t columns, int64_t k, MatrixRef<const T> a,
                         const T* packed_a, Slivers<T> b, MatrixRef<T> c, bool resume,
                         Fetches& fetches);
  // C = A B where B and C have a column stride of 1 and n is at least `width`, with nothing packed
  // and nothing set out.
  void (*small_product)(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
                        MatrixRef<T> c);
};

extern const Tiles<float> kFloatTilesAvx2, kFloatTilesAvx512;
extern const Tiles<double> kDoubleTilesAvx2, kDoubleTilesAvx512;

// Packs a block of A, panel by panel, each of up to `most_rows`. Writes up to 32 bytes past the
// rows * k elements.
template <class T>
void PackBlock(int64_t most_rows, int64_t rows, int64_t k, MatrixRef<const T> a, T* packed);

// Packs whole slivers of `width` columns, one after the other: element (p, j) of B goes to
// packed[(j / width * k + p) * width + j % width]. Columns past n are zeros.
template <class T>
void PackSlivers(int64_t n, int64_t k, int64_t width, MatrixRef<const T> b, T* packed);

}  // namespace flowgrad::product

#endif  // FLOWGRAD_OPS_PRODUCT_TILE_H_
