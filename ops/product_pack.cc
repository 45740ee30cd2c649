// Packing for the matrix product: panels of A and slivers of B, each in the order in which a tile
// reads it.
//
// Blocks are transposed in 256-bit registers on every machine: with 512 bits the 16 source rows,
// often a power of two apart, want the same few places in the L1 cache (measured: half the speed).

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "Eigen/Core"
#include "ops/product_tile.h"

namespace flowgrad::product {
namespace {

namespace simd = Eigen::internal;

// gcc warns that a vector type loses its alignment as a template argument; the members of
// PacketBlock have it again.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
template <class T>
using Vector = std::conditional_t<std::is_same_v<T, float>, simd::Packet8f, simd::Packet4d>;
template <class T>
constexpr int kWidth = sizeof(Vector<T>) / sizeof(T);
template <class T>
using Block = simd::PacketBlock<Vector<T>, kWidth<T>>;
#pragma GCC diagnostic pop

constexpr int kMostRows = 14;

// packed[p * rows + i] = A[i,p]. May write up to a vector past the end, which the next panel or
// the slack at the end of the scratch takes.
template <class T, int rows>
void PackPanel(int64_t k, MatrixRef<const T> a, T* packed) {
  constexpr int w = kWidth<T>;
  int64_t p = 0;
  if (a.column_stride == 1 && rows > 1) {
    // Blocks of w columns are transposed in registers. Each column is stored as whole vectors,
    // whose excess the next column overwrites.
    constexpr int blocks = (rows + w - 1) / w;
    for (; p + w <= k; p += w) {
      Block<T> block[blocks];
      for (int i = 0; i < blocks * w; ++i) {
        block[i / w].packet[i % w] = i < rows
                                         ? simd::ploadu<Vector<T>>(a.data + i * a.row_stride + p)
                                         : simd::pset1<Vector<T>>(0);
      }
      for (int i = 0; i < blocks; ++i) simd::ptranspose(block[i]);
      for (int q = 0; q < w; ++q) {
        for (int i = 0; i < blocks; ++i) {
          simd::pstoreu(packed + (p + q) * rows + i * w, block[i].packet[q]);
        }
      }
    }
  }
  for (; p < k; ++p) {
    for (int i = 0; i < rows; ++i) {
      packed[p * rows + i] = a.data[i * a.row_stride + p * a.column_stride];
    }
  }
}

// All panels of an A with contiguous columns, in one pass over the columns. `rows` is how many the
// first panels have; the others have one less. Columns are far apart, so that the processor does
// not see which come next, and may have been written long ago.
template <class T, int rows>
void PackPanels(int64_t panels, int64_t all_rows, int64_t k, MatrixRef<const T> a, T* packed) {
  constexpr int64_t kColumnsAhead = 48, line = kCacheLine / sizeof(T);
  const int64_t first_panels = all_rows - panels * (rows - 1);
  for (int64_t p = 0; p < k; ++p) {
    const T* column = a.data + p * a.column_stride;
    for (int64_t i = 0; i < all_rows && p + kColumnsAhead < k; i += line) {
      __builtin_prefetch(column + kColumnsAhead * a.column_stride + i, 0, 2);
    }
    T* panel = packed;
    for (int64_t i = 0; i < first_panels; ++i, column += rows, panel += rows * k) {
      std::memcpy(panel + p * rows, column, rows * sizeof(T));
    }
    for (int64_t i = first_panels; i < panels; ++i, column += rows - 1, panel += (rows - 1) * k) {
      std::memcpy(panel + p * (rows - 1), column, (rows - 1) * sizeof(T));
    }
  }
}

template <class T>
struct Packers {
  void (*panel)(int64_t, MatrixRef<const T>, T*);
  void (*panels)(int64_t, int64_t, int64_t, MatrixRef<const T>, T*);
};
template <class T, int... i>
constexpr std::array<Packers<T>, kMostRows> AllPackers(std::integer_sequence<int, i...>) {
  return {{{PackPanel<T, i + 1>, PackPanels<T, i + 1>}...}};
}
template <class T>
constexpr auto kPackers = AllPackers<T>(std::make_integer_sequence<int, kMostRows>());

// Rows of `width` columns that are contiguous in memory.
template <class T>
void CopyRow(const T* row, int64_t width, T* packed) {
  for (int64_t j = 0; j < width; j += kWidth<T>) {
    simd::pstore(packed + j, simd::ploadu<Vector<T>>(row + j));
  }
}

// Whole slivers of a matrix with contiguous rows. A few rows at a time: what is written then comes
// in pieces long enough, and what is read is still near the rows before.
template <class T>
void CopySlivers(int64_t slivers, int64_t k, int64_t width, MatrixRef<const T> b, T* packed) {
  constexpr int64_t kRowsAtATime = 8;
  for (int64_t first = 0; first < k; first += kRowsAtATime) {
    const int64_t end = std::min(first + kRowsAtATime, k);
    for (int64_t s = 0; s < slivers; ++s) {
      for (int64_t p = first; p < end; ++p) {
        CopyRow(b.data + p * b.row_stride + s * width, width, packed + (s * k + p) * width);
      }
    }
  }
}

// Whole blocks of a sliver of a matrix with contiguous columns, a cache line of each at a time. The
// processor does not foresee so many columns, so lines are asked for a few ahead; past the end that
// does nothing.
template <class T>
void TransposeBlocks(int64_t k, int64_t columns, int64_t width, MatrixRef<const T> b, T* packed) {
  constexpr int w = kWidth<T>;
  constexpr int64_t line = kCacheLine / sizeof(T), kLinesAhead = 4;
  for (int64_t p = 0; p < k; p += line) {
    for (int64_t j = 0; j < columns; j += w) {
      const T* const first = b.data + j * b.column_stride;
      for (int i = 0; i < w; ++i) {
        __builtin_prefetch(first + i * b.column_stride + p + kLinesAhead * line);
      }
      for (int64_t q = p; q < std::min(p + line, k); q += w) {
        Block<T> block;
        for (int i = 0; i < w; ++i) {
          block.packet[i] = simd::ploadu<Vector<T>>(first + i * b.column_stride + q);
        }
        simd::ptranspose(block);
        for (int i = 0; i < w; ++i) simd::pstore(packed + (q + i) * width + j, block.packet[i]);
      }
    }
  }
}

// Rows from `first_row` on of a sliver, from `first_column` on, with zeros past its columns.
template <class T>
void PackRest(int64_t first_row, int64_t end_row, int64_t first_column, int64_t columns,
              int64_t width, MatrixRef<const T> b, T* packed) {
  for (int64_t p = first_row; p < end_row; ++p) {
    const T* const row = b.data + p * b.row_stride;
    int64_t j = first_column;
    for (; j < columns; ++j) packed[p * width + j] = row[j * b.column_stride];
    for (; j < width; ++j) packed[p * width + j] = 0;
  }
}

// One sliver, of as many columns as there are up to `width`.
template <class T>
void PackSliver(int64_t k, int64_t columns, int64_t width, MatrixRef<const T> b, T* packed) {
  constexpr int w = kWidth<T>;
  int64_t block_rows = 0;
  const int64_t block_columns = columns / w * w;
  if (b.column_stride == 1) {
    block_rows = k;
    for (int64_t p = 0; p < k; ++p) {
      CopyRow(b.data + p * b.row_stride, block_columns, packed + p * width);
    }
  } else if (b.row_stride == 1) {
    block_rows = k / w * w;
    TransposeBlocks(block_rows, block_columns, width, b, packed);
  }
  if (block_columns < width) {
    PackRest(0, block_rows, block_columns, columns, width, b, packed);
  }
  PackRest(block_rows, k, 0, columns, width, b, packed);
}

}  // namespace

template <class T>
void PackBlock(int64_t most_rows, int64_t rows, int64_t k, MatrixRef<const T> a, T* packed) {
  int64_t panels = (rows + most_rows - 1) / most_rows;
  if (a.row_stride == 1) {
    kPackers<T>[(rows + panels - 1) / panels - 1].panels(panels, rows, k, a, packed);
    return;
  }
  for (; panels > 0; --panels) {
    const int64_t panel_rows = (rows + panels - 1) / panels;
    kPackers<T>[panel_rows - 1].panel(k, a, packed);
    a.data += panel_rows * a.row_stride;
    packed += panel_rows * k;
    rows -= panel_rows;
  }
}

template <class T>
void PackSlivers(int64_t n, int64_t k, int64_t width, MatrixRef<const T> b, T* packed) {
  int64_t s = 0;
  if (b.column_stride == 1) {
    s = n / width;
    CopySlivers(s, k, width, b, packed);
  }
  for (; s * width < n; ++s) {
    PackSliver<T>(k, std::min(width, n - s * width), width,
                  {b.data + s * width * b.column_stride, b.row_stride, b.column_stride},
                  packed + s * k * width);
  }
}

template void PackBlock(int64_t, int64_t, int64_t, MatrixRef<const float>, float*);
template void PackBlock(int64_t, int64_t, int64_t, MatrixRef<const double>, double*);
template void PackSlivers(int64_t, int64_t, int64_t, MatrixRef<const float>, float*);
template void PackSlivers(int64_t, int64_t, int64_t, MatrixRef<const double>, double*);

}  // namespace flowgrad::product
