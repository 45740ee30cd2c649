// Tiles of a matrix product for AVX-512: 32 registers of 512 bits.
//
// In a program for x86-64-v3, all below the pragma is compiled for AVX-512, and chosen where the
// processor has it. tests/ops/product_symbols_test.sh sees to it that no function leaves this file
// by name.

#include <immintrin.h>

#include "ops/product_tile.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl"))), apply_to = function)
#else
// To the end of the file, where gcc instantiates templates.
#pragma GCC target("avx512f,avx512vl")
#endif

namespace flowgrad::product {
namespace {

// The sums of a tile, a row of B and one or two of A fill the registers.
constexpr int kRows = 14, kVectors = 2, kMostRows = 14, kSliversOfOneRow = 4;

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = __m512;
  static constexpr int kWidth = 16;
  static Vector Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, Vector x) { _mm512_storeu_ps(p, x); }
  static Vector Repeat(float x) { return _mm512_set1_ps(x); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
};

template <>
struct Simd<double> {
  using Vector = __m512d;
  static constexpr int kWidth = 8;
  static Vector Load(const double* p) { return _mm512_loadu_pd(p); }
  static void Store(double* p, Vector x) { _mm512_storeu_pd(p, x); }
  static Vector Repeat(double x) { return _mm512_set1_pd(x); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_pd(a, b, c); }
};

}  // namespace
}  // namespace flowgrad::product

#include "ops/product_tile.inc"

namespace flowgrad::product {

const Tiles<float> kFloatTilesAvx512 = kAllOf<float>;
const Tiles<double> kDoubleTilesAvx512 = kAllOf<double>;

}  // namespace flowgrad::product

#if defined(__clang__)
#pragma clang attribute pop
#endif
