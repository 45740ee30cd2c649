// A tile of C, kRows rows by kVectors vectors, stays in registers while one loop over k adds
// a[i,p] * b[p,j] to all of it; every lane is one element's chain, in order, as product.h
// promises. A k block reloads the partial C, which changes nothing: the chain just goes on.
//
// Rows are shared out evenly between panels (where a panel has up to 14, 16 rows are 8 + 8, not
// 14 + 2), and a tile exists for every number of rows and of vectors. Columns at the right border
// are padded with zeros in the packed sliver, and the tile goes to C through a buffer.

#include "ops/product_tile.h"

#include <array>
#include <type_traits>
#include <utility>

#ifndef __FMA__
#error "flowgrad needs -march=x86-64-v3 or better: a fused multiply-add is one instruction there"
#endif

namespace flowgrad::product {
namespace {

namespace simd = Eigen::internal;

template <class T>
using Vector = typename simd::packet_traits<T>::type;

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

// What a tile works on. The columns of c are contiguous.
template <class T>
struct Operands {
  int64_t k;
  MatrixRef<const T> a;
  Slivers<T> b;
  MatrixRef<T> c;
  bool resume;
};

// c[rows, vectors] = (resume ? c : 0) + a b.
template <class T, int rows, int vectors>
void Tile(const Operands<T>& operands) {
  const auto [k, a_panel, slivers, c, resume] = operands;
  constexpr int w = kWidth<T>;
  Vector<T> sum[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) {
      sum[i][v] = resume ? simd::ploadu<Vector<T>>(c.data + i * c.row_stride + v * w)
                         : simd::pset1<Vector<T>>(0);
    }
  }
  const T* a = a_panel.data;
  const T* b = slivers.data;
  const auto loop = [&](auto row_stride, auto column_stride) __attribute__((always_inline)) {
    for (int64_t p = 0; p < k; ++p) {
      Vector<T> b_row[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) {
        b_row[v] = simd::ploadu<Vector<T>>(b + v / kVectors * slivers.stride + v % kVectors * w);
      }
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector<T> factor = simd::pset1<Vector<T>>(a[i * row_stride]);
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sum[i][v] = simd::pmadd(factor, b_row[v], sum[i][v]);
      }
      a += column_stride;
      b += slivers.row_stride;
    }
  };
  // The same loop twice: a packed panel's strides are known to the compiler.
  if (a_panel.row_stride == 1 && a_panel.column_stride == rows) {
    loop(std::integral_constant<int64_t, 1>(), std::integral_constant<int64_t, rows>());
  } else {
    loop(a_panel.row_stride, a_panel.column_stride);
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v) simd::pstoreu(c.data + i * c.row_stride + v * w, sum[i][v]);
  }
}

// What depends on the number of rows of a panel, by that number minus one.
template <class T>
struct PanelFunctions {
  decltype(&PackPanel<T, 1>) pack;
  std::array<decltype(&Tile<T, 1, 1>), kVectors> tiles;  // by the number of vectors minus one
  decltype(&Tile<T, 1, 1>) widest_tile;                  // of MostVectors(rows)
};
template <class T, int rows, int... v>
constexpr PanelFunctions<T> FunctionsOf(std::integer_sequence<int, v...>) {
  return {PackPanel<T, rows>, {Tile<T, rows, v + 1>...}, Tile<T, rows, MostVectors(rows)>};
}
template <class T, int... i>
constexpr std::array<PanelFunctions<T>, kRows> AllPanelFunctions(std::integer_sequence<int, i...>) {
  return {FunctionsOf<T, i + 1>(std::make_integer_sequence<int, kVectors>())...};
}
template <class T>
constexpr auto kPanelFunctions = AllPanelFunctions<T>(std::make_integer_sequence<int, kRows>());

// Calls visit(first row, number of rows) for each panel of a block of A.
template <class Visit>
void ForEachPanel(int64_t rows, Visit visit) {
  const int64_t panels = CeilDiv(rows, kRows);
  const int64_t size = rows / panels, larger = rows % panels;
  for (int64_t panel = 0, i = 0, panel_rows; panel < panels; ++panel, i += panel_rows) {
    panel_rows = size + (panel < larger);
    visit(i, panel_rows);
  }
}

// A tile at the right border, or of a C whose columns are strided: `columns` of the `width`
// columns that `tile` computes.
template <class T>
void TileThroughBuffer(decltype(&Tile<T, 1, 1>) tile, int64_t rows, int64_t columns, int64_t width,
                       Operands<T> operands) {
  alignas(64) T buffer[kRows * kSliver<T>];
  const MatrixRef<T> c = operands.c;
  if (operands.resume) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) buffer[i * width + j] = *From(c, i, j).data;
    }
  }
  operands.c = {buffer, width, 1};
  tile(operands);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) *From(c, i, j).data = buffer[i * width + j];
  }
}

}  // namespace

template <class T>
void PackBlock(int64_t rows, int64_t k, MatrixRef<const T> a, T* packed) {
  ForEachPanel(rows, [&](int64_t i, int64_t panel_rows) {
    kPanelFunctions<T>[panel_rows - 1].pack(k, From(a, i, 0), packed + i * k);
  });
}

template <class T>
void PackSliver(int64_t k, int64_t columns, int64_t width, MatrixRef<const T> b, T* packed) {
  constexpr int w = kBlock<T>;
  int64_t p = 0, whole = columns / w * w;  // columns in whole blocks
  if (b.column_stride == 1) {
    for (; p < k; ++p) {
      for (int64_t j = 0; j < whole; j += w) {
        simd::pstore(packed + p * width + j,
                     simd::ploadu<HalfVector<T>>(b.data + p * b.row_stride + j));
      }
    }
  } else if (b.row_stride == 1) {
    p = k / w * w;
    for (int64_t j = 0; j < whole; j += w) {
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
  const auto pack_rest = [&](int64_t first_row, int64_t last_row, int64_t first_column) {
    for (int64_t q = first_row; q < last_row; ++q) {
      for (int64_t j = first_column; j < columns; ++j) {
        packed[q * width + j] = b.data[q * b.row_stride + j * b.column_stride];
      }
      for (int64_t j = columns; j < width; ++j) packed[q * width + j] = 0;
    }
  };
  if (whole < width) pack_rest(0, p, whole);
  pack_rest(p, k, 0);
}

template <class T>
void SliverProduct(int64_t rows, int64_t columns, int64_t vectors, int64_t k, MatrixRef<const T> a,
                   const T* packed_a, Slivers<T> b, MatrixRef<T> c, bool resume) {
  Operands<T> operands = {k, a, b, c, resume};
  ForEachPanel(rows, [&](int64_t i, int64_t panel_rows) {
    const PanelFunctions<T>& functions = kPanelFunctions<T>[panel_rows - 1];
    const auto tile = vectors <= kVectors ? functions.tiles[vectors - 1] : functions.widest_tile;
    if (packed_a != nullptr) {
      operands.a = {packed_a + i * k, 1, panel_rows};
    } else {
      operands.a.data = a.data + i * a.row_stride;
    }
    operands.c.data = c.data + i * c.row_stride;
    if (columns == vectors * kWidth<T> && c.column_stride == 1) {
      tile(operands);
    } else {
      TileThroughBuffer(tile, panel_rows, columns, vectors * kWidth<T>, operands);
    }
  });
}

template void PackBlock(int64_t, int64_t, MatrixRef<const float>, float*);
template void PackSliver(int64_t, int64_t, int64_t, MatrixRef<const float>, float*);
template void SliverProduct(int64_t, int64_t, int64_t, int64_t, MatrixRef<const float>,
                            const float*, Slivers<float>, MatrixRef<float>, bool);
template void PackBlock(int64_t, int64_t, MatrixRef<const double>, double*);
template void PackSliver(int64_t, int64_t, int64_t, MatrixRef<const double>, double*);
template void SliverProduct(int64_t, int64_t, int64_t, int64_t, MatrixRef<const double>,
                            const double*, Slivers<double>, MatrixRef<double>, bool);

}  // namespace flowgrad::product
