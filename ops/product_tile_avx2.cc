// Tiles of a matrix product for AVX2: 16 registers of 256 bits.

#include <immintrin.h>

#include "ops/product_tile.h"

#ifndef __FMA__
#error "flowgrad needs -march=x86-64-v3 or better: a fused multiply-add is one instruction there"
#endif

namespace flowgrad::product {
namespace {

// The sums of a tile, a row of B and one or two of A fill the registers. 4 x 3 and not 6 x 2:
// there 8 rows would be two panels of 4 x 2, and eight sums are just too few to hide the latency
// of an fma (measured: 7 % slower).
constexpr int kRows = 4, kVectors = 3, kMostRows = 12, kSliversOfOneRow = 4;

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Vector = __m256;
  static constexpr int kWidth = 8;
  static Vector Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, Vector x) { _mm256_storeu_ps(p, x); }
  static Vector Repeat(float x) { return _mm256_set1_ps(x); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
};

template <>
struct Simd<double> {
  using Vector = __m256d;
  static constexpr int kWidth = 4;
  static Vector Load(const double* p) { return _mm256_loadu_pd(p); }
  static void Store(double* p, Vector x) { _mm256_storeu_pd(p, x); }
  static Vector Repeat(double x) { return _mm256_set1_pd(x); }
  static Vector MultiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_pd(a, b, c); }
};

}  // namespace
}  // namespace flowgrad::product

#include "ops/product_tile.inc"

namespace flowgrad::product {

const Tiles<float> kFloatTilesAvx2 = kAllOf<float>;
const Tiles<double> kDoubleTilesAvx2 = kAllOf<double>;

}  // namespace flowgrad::product
