// The matrix product: packed panels and a register tile, as in Goto's and BLIS's products.
//
// A tile of C, kRows rows by kVectors vectors, stays in registers while one loop over k adds
// a[i,p] * b[p,j] to all of it; every lane is one element's chain, in order, as product.h
// promises. A k block reloads the partial C, which changes nothing: the chain just goes on.
//
//   for each k block, for each row block:       A block is packed, and stays in the L2 cache
//     for each sliver of columns:               B sliver is packed, and stays in the L1 cache
//       for each panel of up to kRows rows:     one tile
//
// Slivers are packed just before use, so packing B costs one pass per row block, not a buffer of
// B's size. Products with few rows read B in place instead, those with few columns A. Rows are
// shared out evenly between panels (16 rows are 8 + 8, not 14 + 2), and a tile exists for every
// number of rows. Columns at the right border are padded with zeros in the packed sliver, and
// the tile goes to C through a buffer.
//
// Against larger buffers for B: the next caller of the same weights wants them packed once and
// kept, which PackSliver() and Tile() allow; nothing here needs all of B at a time.

#include "ops/product.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include "Eigen/Core"

#ifndef __FMA__
#error "flowgrad needs -march=x86-64-v3 or better: a fused multiply-add is one instruction there"
#endif

namespace flowgrad {
namespace {

namespace simd = Eigen::internal;

template <class T>
using Vector = typename simd::packet_traits<T>::type;
template <class T>
constexpr int kWidth = simd::packet_traits<T>::size;

// Square blocks for transposing, of 256-bit vectors on every machine: with 512 bits the 16 source
// rows, often a power of two apart, want the same few places in the L1 cache (measured: half the
// speed). gcc warns that a vector type loses its alignment as a template argument; the members
// of PacketBlock have it again.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
template <class T>
using HalfVector = std::conditional_t<std::is_same_v<T, float>, simd::Packet8f, simd::Packet4d>;
template <class T>
constexpr int kBlock = sizeof(HalfVector<T>) / sizeof(T);
template <class T>
using Block = simd::PacketBlock<HalfVector<T>, kBlock<T>>;
#pragma GCC diagnostic pop

// kRows * kVectors sums, kVectors of B and one or two of A fill the 16 (AVX2) or 32 registers.
constexpr int kRows = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 14 : 6;
constexpr int kVectors = 2;
template <class T>
constexpr int Lanes(int vectors) {
  return vectors * simd::packet_traits<T>::size;
}
template <class T>
constexpr int kSliver = Lanes<T>(kVectors);
// One or two rows have too few sums to hide the latency of an fma: their slivers are wider.
constexpr int WideVectors(int64_t rows) { return rows == 1 ? 8 : rows == 2 ? 4 : kVectors; }
template <class T>
constexpr int64_t WideWidth(int64_t rows) {
  return Lanes<T>(WideVectors(rows));
}

// A block of A stays in the L2 cache, a sliver of B in the L1 cache.
constexpr int64_t kBytesOfABlock = 384 * 1024;
constexpr int64_t kBytesOfBSliver = 24 * 1024;
// Where packing and setting out start to pay, as measured on Zen 4 (AVX2 and AVX-512).
constexpr int64_t kMinColumnsToPackA = 96;
constexpr int64_t kMinRowsToPackB = 72;
constexpr int64_t kMaxSmallProduct = 64;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Part i of [0, size) cut into `parts` parts that differ by at most one: where it starts.
int64_t PartStart(int64_t size, int64_t parts, int64_t i) { return size * i / parts; }

// The part of x from (row, column) on.
template <class T>
MatrixRef<T> From(MatrixRef<T> x, int64_t row, int64_t column) {
  return {x.data + row * x.row_stride + column * x.column_stride, x.row_stride, x.column_stride};
}

template <class T>
MatrixRef<T> Transposed(MatrixRef<T> x) {
  return {x.data, x.column_stride, x.row_stride};
}

// packed[p * rows + i] = A[i,p]. May write up to a vector past the end, which the next panel or
// the slack at the end of the scratch takes.
template <class T, int rows>
void PackPanel(int64_t k, MatrixRef<const T> a, T* packed) {
  constexpr int w = kBlock<T>;
  int64_t p = 0;
  if (a.column_stride == 1 && rows > 1) {
    // Blocks of w columns are transposed in registers. Each column is stored as whole vectors,
    // whose excess the next column overwrites.
    constexpr int blocks = (rows + w - 1) / w;
    for (; p + w <= k; p += w) {
      Block<T> block[blocks];
      for (int i = 0; i < blocks * w; ++i) {
        block[i / w].packet[i % w] =
            i < rows ? simd::ploadu<HalfVector<T>>(a.data + i * a.row_stride + p)
                     : simd::pset1<HalfVector<T>>(0);
      }
      for (int i = 0; i < blocks; ++i) simd::ptranspose(block[i]);
      for (int q = 0; q < w; ++q) {
        for (int i = 0; i < blocks; ++i) {
          simd::pstoreu(packed + (p + q) * rows + i * w, block[i].packet[q]);
        }
      }
    }
  }
  if (a.row_stride == 1) {
    for (; p < k; ++p) {
      for (int i = 0; i < rows; ++i) packed[p * rows + i] = a.data[i + p * a.column_stride];
    }
  }
  for (; p < k; ++p) {
    for (int i = 0; i < rows; ++i) {
      packed[p * rows + i] = a.data[i * a.row_stride + p * a.column_stride];
    }
  }
}

// packed[p * width + j] = B[p,j], and zero for columns <= j < width. width is one or more vectors.
template <class T>
void PackSliver(int64_t k, int64_t columns, int64_t width, MatrixRef<const T> b, T* packed) {
  constexpr int w = kBlock<T>;
  int64_t p = 0;
  if (b.column_stride == 1 && columns == width) {
    for (; p < k; ++p) {
      for (int64_t j = 0; j < width; j += w) {
        simd::pstore(packed + p * width + j,
                     simd::ploadu<HalfVector<T>>(b.data + p * b.row_stride + j));
      }
    }
  } else if (b.row_stride == 1 && columns == width) {
    p = k / w * w;
    for (int64_t j = 0; j < width; j += w) {
      const T* const first = b.data + j * b.column_stride;
      for (int64_t q = 0; q < p; q += w) {
        Block<T> block;
        for (int i = 0; i < w; ++i) {
          block.packet[i] = simd::ploadu<HalfVector<T>>(first + i * b.column_stride + q);
        }
        simd::ptranspose(block);
        for (int i = 0; i < w; ++i) {
          simd::pstore(packed + (q + i) * width + j, block.packet[i]);
        }
      }
    }
  }
  for (; p < k; ++p) {
    for (int64_t j = 0; j < columns; ++j) {
      packed[p * width + j] = b.data[p * b.row_stride + j * b.column_stride];
    }
    for (int64_t j = columns; j < width; ++j) packed[p * width + j] = 0;
  }
}

// c[rows, vectors] = (resume ? c : 0) + a b, where b and c have unit column stride.
template <class T, int rows, int vectors>
void Tile(int64_t k, const T* a, int64_t a_row_stride, int64_t a_column_stride, const T* b,
          int64_t b_row_stride, T* c, int64_t c_row_stride, bool resume) {
  constexpr int w = kWidth<T>;
  Vector<T> sum[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) {
      sum[i][v] = resume ? simd::ploadu<Vector<T>>(c + i * c_row_stride + v * w)
                         : simd::pset1<Vector<T>>(0);
    }
  }
  const auto loop = [&](auto row_stride, auto column_stride) __attribute__((always_inline)) {
    for (int64_t p = 0; p < k; ++p) {
      Vector<T> b_row[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) b_row[v] = simd::ploadu<Vector<T>>(b + v * w);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector<T> factor = simd::pset1<Vector<T>>(a[i * row_stride]);
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sum[i][v] = simd::pmadd(factor, b_row[v], sum[i][v]);
      }
      a += column_stride;
      b += b_row_stride;
    }
  };
  // The same loop twice: a packed panel's strides are known to the compiler.
  if (a_row_stride == 1 && a_column_stride == rows) {
    loop(std::integral_constant<int64_t, 1>(), std::integral_constant<int64_t, rows>());
  } else {
    loop(a_row_stride, a_column_stride);
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) simd::pstoreu(c + i * c_row_stride + v * w, sum[i][v]);
  }
}

// What depends on the number of rows of a panel, by that number minus one.
template <class T>
struct PanelFunctions {
  decltype(&PackPanel<T, 1>) pack;
  decltype(&Tile<T, 1, 1>) narrow_tile;  // one vector
  decltype(&Tile<T, 1, 1>) tile;         // kVectors
  decltype(&Tile<T, 1, 1>) wide_tile;    // WideVectors(rows)
};
template <class T, int... i>
constexpr std::array<PanelFunctions<T>, kRows> AllPanelFunctions(std::integer_sequence<int, i...>) {
  return {PanelFunctions<T>{PackPanel<T, i + 1>, Tile<T, i + 1, 1>, Tile<T, i + 1, kVectors>,
                            Tile<T, i + 1, WideVectors(i + 1)>}...};
}
template <class T>
constexpr auto kPanelFunctions = AllPanelFunctions<T>(std::make_integer_sequence<int, kRows>());

// How k and the rows are cut: into parts of about the same size, so that a sliver of B and a
// block of A stay below the constants above. k blocks are whole vectors, for the transposition.
template <class T>
struct Blocking {
  Blocking(int64_t m, int64_t k) {
    const int64_t most = kBytesOfBSliver / (sizeof(T) * WideWidth<T>(m));
    const int64_t vectors = CeilDiv(std::max<int64_t>(k, 1), kWidth<T>);
    k_size = CeilDiv(vectors, CeilDiv(k, most) + (k == 0)) * kWidth<T>;
    k_blocks = std::max<int64_t>(1, CeilDiv(k, k_size));
    row_blocks = CeilDiv(m * k_size * sizeof(T), kBytesOfABlock);
    row_size = CeilDiv(m, row_blocks);
  }
  // In elements. A block of A is followed by a vector of slack, for PackPanel().
  int64_t SliverSize() const { return k_size * WideWidth<T>(row_size); }
  int64_t ScratchSize() const { return SliverSize() + row_size * k_size + kWidth<T>; }

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

// Calls visit(first row, number of rows) for each panel of a block of A.
template <class Visit>
void ForEachPanel(int64_t rows, Visit visit) {
  const int64_t panels = CeilDiv(rows, kRows);
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t i = PartStart(rows, panels, panel);
    visit(i, PartStart(rows, panels, panel + 1) - i);
  }
}

template <class T>
void PackBlock(int64_t rows, int64_t k, MatrixRef<const T> a, T* packed) {
  ForEachPanel(rows, [&](int64_t i, int64_t panel_rows) {
    kPanelFunctions<T>[panel_rows - 1].pack(k, From(a, i, 0), packed + i * k);
  });
}

// A tile at the right border, or of a C whose columns are strided: `columns` of the `width`
// columns that `tile` computes.
template <class T>
void TileThroughBuffer(decltype(&Tile<T, 1, 1>) tile, int64_t rows, int64_t columns, int64_t width,
                       int64_t k, MatrixRef<const T> a, MatrixRef<const T> b, MatrixRef<T> c,
                       bool resume) {
  alignas(64) T buffer[kRows * kSliver<T>];
  if (resume) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) buffer[i * width + j] = *From(c, i, j).data;
    }
  }
  tile(k, a.data, a.row_stride, a.column_stride, b.data, b.row_stride, buffer, width, resume);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) *From(c, i, j).data = buffer[i * width + j];
  }
}

// All tiles of one sliver: C[rows, columns] = A B. `packed_a` is null where A is read in place;
// b is `width` columns wide, with unit column stride.
template <class T>
void SliverProduct(int64_t rows, int64_t columns, int64_t width, int64_t k, MatrixRef<const T> a,
                   const T* packed_a, MatrixRef<const T> b, MatrixRef<T> c, bool resume) {
  ForEachPanel(rows, [&](int64_t i, int64_t panel_rows) {
    const PanelFunctions<T>& functions = kPanelFunctions<T>[panel_rows - 1];
    const auto tile = width == WideWidth<T>(rows) ? functions.wide_tile
                      : width == kSliver<T>       ? functions.tile
                                                  : functions.narrow_tile;
    const MatrixRef<const T> panel =
        packed_a != nullptr ? MatrixRef<const T>{packed_a + i * k, 1, panel_rows} : From(a, i, 0);
    const MatrixRef<T> c_tile = From(c, i, 0);
    if (columns == width && c.column_stride == 1) {
      tile(k, panel.data, panel.row_stride, panel.column_stride, b.data, b.row_stride, c_tile.data,
           c.row_stride, resume);
    } else {
      TileThroughBuffer(tile, panel_rows, columns, width, k, panel, b, c_tile, resume);
    }
  });
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
  for (int64_t k_block = 0; k_block < blocking.k_blocks; ++k_block) {
    const int64_t p = k_block * blocking.k_size;
    const int64_t k_size = std::min(blocking.k_size, k - p);
    for (int64_t row_block = 0; row_block < blocking.row_blocks; ++row_block) {
      const int64_t i = PartStart(m, blocking.row_blocks, row_block);
      const int64_t rows = PartStart(m, blocking.row_blocks, row_block + 1) - i;
      if (packed_a != nullptr) PackBlock(rows, k_size, From(a, i, p), packed_a);
      for (int64_t j = 0, columns; j < n; j += columns) {
        const int64_t left = n - j;
        const int64_t width = left >= WideWidth<T>(rows) ? WideWidth<T>(rows)
                              : left > kWidth<T>         ? kSliver<T>
                                                         : kWidth<T>;
        columns = std::min(width, left);
        MatrixRef<const T> sliver = From(b, p, j);
        if (columns < width || b.column_stride != 1 || rows >= kMinRowsToPackB) {
          PackSliver(k_size, columns, width, sliver, packed_b);
          sliver = {packed_b, width, 1};
        }
        SliverProduct(rows, columns, width, k_size, From(a, i, p), packed_a, sliver, From(c, i, j),
                      /*resume=*/k_block > 0);
      }
    }
  }
}

template int64_t ProductScratchBytes<float>(int64_t, int64_t, int64_t);
template int64_t ProductScratchBytes<double>(int64_t, int64_t, int64_t);
template void Product(int64_t, int64_t, int64_t, MatrixRef<const float>, MatrixRef<const float>,
                      MatrixRef<float>, std::byte*);
template void Product(int64_t, int64_t, int64_t, MatrixRef<const double>, MatrixRef<const double>,
                      MatrixRef<double>, std::byte*);

}  // namespace flowgrad
