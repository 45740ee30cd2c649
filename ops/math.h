// Elementary functions for block functions: plain scalar code with one answer per input.
//
// The float functions use only operations that IEEE 754 rounds exactly (+ - * / sqrt fma),
// integer operations on the bits, comparisons and selects, and no branches. So the compiler may
// turn a loop over them into vectors of any width: head, tail, scalar, AVX2 and AVX-512 give the
// same bits by construction, which no vector library promises. This needs -ffp-contract=off, and
// -fno-math-errno -fno-trapping-math for the loops to become vectors. No libm: it differs from
// one machine to the next.
//
// The double functions are libm's. They serve checks, not training.
//
// Errors beside a function are the largest of all 2^32 floats against libm in double, in units
// of the last place (0.5 is perfect); those of Cos and Erf come from every 13th float, that of Pow
// from 2^28 random pairs. Polynomials are minimax fits (Remez) made for this file; "error 2^-k" is
// theirs alone, relative to the result.
// Results underflow gradually, through the denormals; NaN in, NaN out.

#ifndef FLOWGRAD_OPS_MATH_H_
#define FLOWGRAD_OPS_MATH_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#ifndef __FMA__
#error "flowgrad needs -march=x86-64-v3 or better: a fused multiply-add is one instruction there"
#endif

namespace flowgrad::math {

// Every source has functions of its own. Were they shared, the linker would take those of any one
// source, also of a user's program that is compiled with other flags, and the bits with them.
namespace {  // NOLINT: in a header, for this reason

namespace internal {

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr uint32_t kSignBit = 0x80000000u;
inline constexpr uint64_t kSignBit64 = uint64_t{1} << 63;

inline uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }
inline uint64_t Bits(double x) { return std::bit_cast<uint64_t>(x); }
inline float FromBits(uint32_t bits) { return std::bit_cast<float>(bits); }
inline double FromBits(uint64_t bits) { return std::bit_cast<double>(bits); }

inline float Fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double Fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

// Written so that a NaN in x stays: the comparison is false for it.
inline float AtLeast(float low, float x) { return x < low ? low : x; }
inline float AtMost(float high, float x) { return x > high ? high : x; }

// 2^n for -126 <= n <= 127, by writing the exponent.
inline float PowerOfTwo(int32_t n) { return FromBits(static_cast<uint32_t>(n + 127) << 23); }

// c0 + c1 x + c2 x^2 + ..., by Horner's rule.
template <class T>
inline T Polynomial(T, T c0) {
  return c0;
}
template <class T, class... More>
inline T Polynomial(T x, T c0, More... more) {
  return Fma(x, Polynomial(x, more...), c0);
}

// Adding 1.5 * 2^(mantissa bits) rounds to an integer, which is then also in the low bits of
// the sum. Unlike a conversion, this is one addition and is defined for every input.
inline constexpr float kRound = 0x1.8p23f;
inline constexpr double kRound64 = 0x1.8p52;

// e^x = 2^n (1 + q), with q = e^r - 1 and |r| <= ln(2) / 2. Keeping q instead of 1 + q keeps the
// digits that Expm1 and Tanh need near 0; when n = 0 it is e^x - 1 itself.
struct ExpParts {
  int32_t n;
  float q;
};

// |x| < 2^15. r is exact up to the rounding of ln 2 in two parts. Polynomial: error 2^-26 of q.
inline ExpParts SplitExp(float x) {
  const float shifted = Fma(x, 0x1.715476p+0f, kRound);  // x / ln 2
  const float n = shifted - kRound;
  const float r = Fma(n, 0x1.05c61p-29f, Fma(n, -0x1.62e43p-1f, x));
  const float p = Polynomial(r, 0x1.fffffep-2f, 0x1.5554aap-3f, 0x1.55579ap-5f, 0x1.122c38p-7f,
                             0x1.6ac052p-10f);
  return {static_cast<int32_t>(Bits(shifted) - Bits(kRound)), Fma(r * r, p, r)};
}

// log(2^n (1 + f)) for f in [-1/3, 1/3]. Polynomial: error 2^-26.
inline float LogOfParts(float n, float f) {
  const float p =
      Polynomial(f, -0x1p-1f, 0x1.555502p-2f, -0x1.fffe84p-3f, 0x1.99d1f2p-3f, -0x1.55a752p-3f,
                 0x1.1ebe68p-3f, -0x1.f25e12p-4f, 0x1.1ed142p-3f, -0x1.093174p-3f);
  return Fma(n, 0x1.62e43p-1f, Fma(f * f, p, f));
}

// The exponent bits to take from x > 0 so that what remains lies in [2/3, 4/3).
inline uint32_t ExponentBits(float x) { return (Bits(x) - Bits(2.0f / 3)) & 0xff800000u; }
inline float ExponentValue(uint32_t exponent_bits) {
  return static_cast<float>(static_cast<int32_t>(exponent_bits)) * 0x1p-23f;
}

// |x| = r + k pi / 2 with |r| <= pi / 4 (2 % more for huge x); the low two bits of `quarter`
// are those of k.
struct QuarterTurns {
  double r;
  uint64_t quarter;
};

// Right for every finite float. A float from 2^44 on is an integer m times a power of two, c,
// and whole turns in c are whole turns in m c: so c may be replaced by c mod 2 pi, held in two
// doubles, and m c stays below 2^46. There k is exact and |x| - k pi/2 is right to 2^-62, while
// no float comes nearer to a multiple of pi/2 than 2^-29.2.
inline QuarterTurns SplitTurns(float x) {
  const double a = __builtin_fabs(static_cast<double>(x));
  double scale = 1, high = 1, low = 0;
  const auto from = [&](double start, double new_scale, double new_high, double new_low) {
    scale = a >= start ? new_scale : scale;
    high = a >= start ? new_high : high;
    low = a >= start ? new_low : low;
  };
  from(0x1p44, 0x1p-21, 0x1.58e8ec12c0aa8p-1, 0x1.95c955afd3e7bp-55);    // 2^21 mod 2 pi
  from(0x1p65, 0x1p-42, 0x1.abc6aacca5912p+0, -0x1.1b6f34f397eb5p-55);   // 2^42
  from(0x1p86, 0x1p-63, 0x1.8f1a5c3d52d34p+0, 0x1.ade7e21ae7526p-56);    // 2^63
  from(0x1p107, 0x1p-84, 0x1.2b5532bc0fd6bp+1, -0x1.75e080e9be09ap-54);  // 2^84
  const double m = a * scale;
  const double angle = m * high;
  const double angle_low = Fma(m, low, Fma(m, high, -angle));
  const double shifted = Fma(angle, 0x1.45f306dc9c883p-1, kRound64);  // angle / (pi / 2)
  const double k = shifted - kRound64;
  const double r = Fma(-k, 0x1.921fb54442d18p+0, angle) + Fma(-k, 0x1.1a62633145c07p-54, angle_low);
  return {r, Bits(shifted)};
}

// sin(r + quarter pi / 2), its sign then flipped by the top bit of `sign`. Polynomials: errors
// 2^-37 and 2^-43.
inline float SinOfTurns(double r, uint64_t quarter, uint64_t sign) {
  const double u = r * r;
  const double sine = Fma(r * u,
                          Polynomial(u, -0x1.5555554ae8d66p-3, 0x1.11110751e990ep-7,
                                     -0x1.a00ea1088ad7ep-13, 0x1.6c9dd0dc4722ap-19),
                          r);
  const double cosine =
      Polynomial(u, 1.0, -0x1.ffffffffe47e7p-2, 0x1.555555430a3dbp-5, -0x1.6c16b177f57cbp-10,
                 0x1.a00dc83f75fb0p-16, -0x1.239e973948b2ep-22);
  const double y = (quarter & 1) != 0 ? cosine : sine;
  return static_cast<float>(FromBits(Bits(y) ^ (quarter & 2) << 62 ^ (sign & kSignBit64)));
}

}  // namespace internal

// The IEEE square root, exactly rounded: the instruction, never an estimate of it.
inline float Sqrt(float x) { return __builtin_sqrtf(x); }
inline double Sqrt(double x) { return __builtin_sqrt(x); }

// 2^n (1 + q), multiplied in two steps: so it overflows to infinity and underflows to the right
// denormal though 2^n itself may be neither. Error 1.04 ulp.
inline float Exp(float x) {
  using namespace internal;
  const ExpParts parts = SplitExp(AtLeast(-105, AtMost(89, x)));
  const int32_t half = parts.n >> 1;
  return (1 + parts.q) * PowerOfTwo(half) * PowerOfTwo(parts.n - half);
}
inline double Exp(double x) { return std::exp(x); }

// 2^n q + (2^n - 1), halved and doubled because 2^128 does not exist. Tiny x would lose its last
// bits to the halving, and is its own answer. Error 1.53 ulp.
inline float Expm1(float x) {
  using namespace internal;
  const ExpParts parts = SplitExp(AtLeast(-25, AtMost(89, x)));
  const float s = PowerOfTwo(parts.n - 1);
  const float y = 2 * Fma(s, parts.q, s - 0.5f);
  return __builtin_fabsf(x) < 0x1p-26f ? x : y;
}
inline double Expm1(double x) { return std::expm1(x); }

// |x| < 0.55: x + x^3 P(x^2), error 2^-29. Beyond: 1 - 2 / (1 + e^2|x|), where the quotient is
// small enough for its errors not to matter; 1 from |x| = 9.01 on. tanh(-x) = -tanh(x) to the
// bit. Error 1.47 ulp.
inline float Tanh(float x) {
  using namespace internal;
  const float a = __builtin_fabsf(x);
  const float u = a * a;
  const float p = Polynomial(u, -0x1.55554ap-2f, 0x1.110ceep-3f, -0x1.b91e7ep-5f, 0x1.58e518p-6f,
                             -0x1.9921a0p-8f);
  const float small = Fma(a * u, p, a);
  const ExpParts parts = SplitExp(AtMost(20, a + a));
  const float s = PowerOfTwo(parts.n);
  const float large = 1 - 2 / (Fma(s, parts.q, s) + 1);
  return FromBits(Bits(a < 0.55f ? small : large) | (Bits(x) & kSignBit));
}
inline double Tanh(double x) { return std::tanh(x); }

// 1 / (1 + E) with E = e^-x = 2^n (1 + q). Divided through by 2^(n/2), no part overflows where
// the result is a denormal, and adding 2^n last rounds less often than making E first.
// Error 2.00 ulp.
inline float Sigmoid(float x) {
  using namespace internal;
  const ExpParts parts = SplitExp(AtLeast(-105, AtMost(105, -x)));
  const int32_t half = parts.n >> 1;
  const float one = PowerOfTwo(-half);
  const float s = PowerOfTwo(parts.n - half);
  return one / (Fma(s, parts.q, one) + s);
}
inline double Sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

// x = 2^n (1 + f). Denormals are scaled up first. Error 0.95 ulp.
inline float Log(float x) {
  using namespace internal;
  const bool denormal = x < std::numeric_limits<float>::min();
  const float scaled = denormal ? x * 0x1p23f : x;
  const uint32_t exponent = ExponentBits(scaled);
  const float n = ExponentValue(exponent) - (denormal ? 23.0f : 0.0f);
  float y = LogOfParts(n, FromBits(Bits(scaled) - exponent) - 1);
  y = x < kInf ? y : x;  // infinity and NaN
  y = x == 0 ? -kInf : y;
  return x < 0 ? kNan : y;
}
inline double Log(double x) { return std::log(x); }

// The exponent n comes from 1 + x, rounded; but f = 2^-n x + (2^-n - 1) comes from x itself and
// keeps all its digits: for n = 0, f = x. 2^-n is made as 4 2^-n because n may be 128.
// Error 1.59 ulp.
inline float Log1p(float x) {
  using namespace internal;
  const uint32_t exponent = ExponentBits(1 + x);
  const float scale = FromBits(Bits(4.0f) - exponent);
  const float f = FromBits(Bits(x) - exponent) + Fma(0.25f, scale, -1);
  float y = LogOfParts(ExponentValue(exponent), f);
  y = x < kInf && x != 0 ? y : x;  // infinity, NaN, and the sign of zero
  y = x == -1 ? -kInf : y;
  return x < -1 ? kNan : y;
}
inline double Log1p(double x) { return std::log1p(x); }

// In double, rounded once: error 0.5001 ulp for every finite x; NaN for infinities.
inline float Sin(float x) {
  const internal::QuarterTurns turns = internal::SplitTurns(x);
  return internal::SinOfTurns(turns.r, turns.quarter, internal::Bits(static_cast<double>(x)));
}
inline double Sin(double x) { return std::sin(x); }

// A quarter turn ahead of Sin. Error 0.5001 ulp.
inline float Cos(float x) {
  const internal::QuarterTurns turns = internal::SplitTurns(x);
  return internal::SinOfTurns(turns.r, turns.quarter + 1, 0);
}
inline double Cos(double x) { return std::cos(x); }

// |x| < 1: x + x P(x^2), error 2^-29. Beyond: 1 - e^Q(|x|), Q being a fit of log(1 - erf), whose
// error shrinks to 2^-29 of the result; 1 from |x| = 3.92 on. Error 1.04 ulp.
inline float Erf(float x) {
  using namespace internal;
  const float small =
      Fma(x,
          Polynomial(x * x, 0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2ce6p-4f, -0x1.b7f71ap-6f,
                     0x1.53f224p-8f, -0x1.a3515ep-11f, 0x1.4771fcp-14f),
          x);
  const float a = AtMost(4, __builtin_fabsf(x));
  const ExpParts parts =
      SplitExp(Polynomial(a, -0x1.72eb82p-12f, -0x1.2085b0p+0f, -0x1.46c58ep-1f, -0x1.a60a2ep-4f,
                          0x1.65416ap-6f, -0x1.814b50p-9f, 0x1.852a98p-13f));
  const float large = 1 - (1 + parts.q) * PowerOfTwo(parts.n);
  return a < 1 ? small : FromBits(Bits(large) | (Bits(x) & kSignBit));
}
inline double Erf(double x) { return std::erf(x); }

// 2^(y log2 |x|) in double, then the special cases of C's pow. log2: x = 2^n m with m around 1,
// s = (m - 1) / (m + 1), s P(s^2), error 2^-45. Power: error 2^-40. Pow(x, 2) is x * x and
// Pow(x, 1) is x. Error 0.5001 ulp.
inline float Pow(float x, float y) {
  using namespace internal;
  const double a = __builtin_fabs(static_cast<double>(x));
  const double b = y;
  // The exponent, 12 bits in two's complement, becomes a double by being written into 2^52.
  const uint64_t exponent = (Bits(a) - Bits(0x1.6a09e667f3bcdp-1)) & 0xfff0000000000000u;
  const double n = FromBits(Bits(0x1p52) | (exponent >> 52 ^ 0x800)) - (0x1p52 + 0x800);
  const double m = FromBits(Bits(a) - exponent);
  const double s = (m - 1) / (m + 1);
  double log2 =
      Fma(s,
          Polynomial(s * s, 0x1.71547652b8251p+1, 0x1.ec709dc53c7afp-1, 0x1.2776c293265d1p-1,
                     0x1.a61a2ede26954p-2, 0x1.479552b9729d8p-2, 0x1.21b11f7eec9d1p-2),
          n);
  log2 = a == 0 ? -kInf : a == kInf ? kInf : log2;

  double t = b * log2;
  t = t > 160 ? 160 : t;
  t = t < -160 ? -160 : t;
  const double shifted = t + kRound64;
  const double r = t - (shifted - kRound64);
  const double power =
      Polynomial(r, 1.0, 0x1.62e42fef89cf7p-1, 0x1.ebfbdff8edf40p-3, 0x1.c6b08dceda940p-5,
                 0x1.3b2ab5ed7c237p-7, 0x1.5d874cfe50cb4p-10, 0x1.430aa8493cc49p-13,
                 0x1.00d858ec2afe3p-16, 0x1.61c54ab68f09cp-20);
  double z = power * FromBits((Bits(shifted) + 1023) << 52);
  z = b == 2 ? a * a : z;

  const bool integer = __builtin_floor(b) == b;
  const bool odd = integer && __builtin_floor(b * 0.5) * 2 != b;
  const uint64_t sign = Bits(static_cast<double>(x)) & kSignBit64;
  z = FromBits(Bits(z) | (odd ? sign : 0));
  z = x < 0 && a < kInf && !integer ? kNan : z;
  z = x != x || y != y ? kNan : z;
  z = x == 1 || y == 0 || (a == 1 && __builtin_fabs(b) == kInf) ? 1 : z;
  return static_cast<float>(z);
}
inline double Pow(double x, double y) { return std::pow(x, y); }

}  // namespace
}  // namespace flowgrad::math

#endif  // FLOWGRAD_OPS_MATH_H_
