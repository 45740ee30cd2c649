// Elementary functions: accurate on all floats, right at the borders, the same bits in every loop.

#include "ops/math.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kMinNormal = std::numeric_limits<float>::min();
constexpr float kMinDenormal = std::numeric_limits<float>::denorm_min();

// The distance of y from the true value in units of the last place of a float near it; huge when
// one is NaN and the other is not, or when signs differ, those of zeros included.
double UlpError(float y, double truth) {
  constexpr double kWrong = 1e9;
  if (std::isnan(y) || std::isnan(truth)) return std::isnan(y) && std::isnan(truth) ? 0 : kWrong;
  if (std::signbit(y) != std::signbit(truth)) return kWrong;
  const float rounded = static_cast<float>(truth);
  if (y == rounded) return truth == 0 || std::isinf(rounded) ? 0 : 0.5;
  if (std::isinf(y)) return (0x1p128 - std::fabs(truth)) / 0x1p104;
  if (std::isinf(rounded)) return std::isinf(truth) ? kWrong : (std::fabs(truth) - kMax) / 0x1p104;
  int exponent;
  std::frexp(truth, &exponent);
  return std::fabs(y - truth) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

// A function, the same function over an array, the truth in double, and the promised bound.
struct Function {
  std::string name;
  float (*one)(float);
  void (*loop)(const float*, float*, int64_t);
  double (*truth)(double);
  double max_ulp;

  friend void PrintTo(const Function& f, std::ostream* out) { *out << f.name; }
};

// noinline: the loop becomes vectors, the single call stays scalar.
template <float (*f)(float)>
[[gnu::noinline]] float One(float x) {
  return f(x);
}
template <float (*f)(float)>
[[gnu::noinline]] void Loop(const float* __restrict x, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}
[[gnu::noinline]] float OnePow(float x, float y) { return math::Pow(x, y); }
[[gnu::noinline]] void LoopPow(const float* __restrict x, const float* __restrict y,
                               float* __restrict z, int64_t n) {
  for (int64_t i = 0; i < n; ++i) z[i] = math::Pow(x[i], y[i]);
}

template <float (*f)(float)>
Function Make(std::string name, double (*truth)(double), double max_ulp) {
  return {std::move(name), One<f>, Loop<f>, truth, max_ulp};
}

std::vector<Function> Functions() {
  return {
      Make<math::Cos>("Cos", std::cos, 0.51),
      Make<math::Erf>("Erf", std::erf, 1.1),
      Make<math::Exp>("Exp", std::exp, 1.05),
      Make<math::Expm1>("Expm1", std::expm1, 1.6),
      Make<math::Log>("Log", std::log, 1),
      Make<math::Log1p>("Log1p", std::log1p, 1.6),
      Make<math::Sigmoid>(
          "Sigmoid",
          [](double x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); },
          2),
      Make<math::Sin>("Sin", std::sin, 0.51),
      Make<math::Sqrt>("Sqrt", std::sqrt, 0.5),
      Make<math::Tanh>("Tanh", std::tanh, 1.5),
  };
}

class MathTest : public testing::TestWithParam<Function> {};

INSTANTIATE_TEST_SUITE_P(AllFunctions, MathTest, testing::ValuesIn(Functions()),
                         [](const auto& info) { return info.param.name; });

TEST_P(MathTest, IsAccurateOnFloatsOfEveryMagnitude) {
  const Function& f = GetParam();
  constexpr uint64_t kStep = 1021;  // a prime: all low bits occur, with every exponent
  std::vector<float> x, y;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += kStep) {
    x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  y.resize(x.size());
  f.loop(x.data(), y.data(), x.size());
  double worst = 0;
  float where = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = UlpError(y[i], f.truth(x[i]));
    if (error > worst) {
      worst = error;
      where = x[i];
    }
  }
  EXPECT_LE(worst, f.max_ulp) << "at " << where;
}

// Zeros, denormals, infinities, and each border at which some function starts to overflow,
// underflow, saturate or change its formula: with the 2,000 floats on either side.
TEST_P(MathTest, IsAccurateAroundEveryBorder) {
  const Function& f = GetParam();
  for (float border : {0.0f,       kMinDenormal,
                       kMinNormal, 0x1p-26f,
                       1.0f / 3,   0.5f,
                       2.0f / 3,   1.0f,
                       4.0f / 3,   2.0f,
                       3.9192059f, 4.0f,
                       9.01f,      10.0f,
                       17.33f,     25.0f,
                       88.0f,      88.72284f,
                       89.0f,      87.33655f,
                       103.27893f, 103.97208f,
                       105.0f,     0.34657359f,
                       1.5707963f, 3.1415927f,
                       0x1p23f,    0x1p24f,
                       0x1p44f,    0x1p65f,
                       0x1p86f,    0x1p107f,
                       1e38f,      16367173.0f * 0x1p72f,
                       kMax,       kInf}) {
    for (int32_t step = -2000; step <= 2000; ++step) {
      const float x = std::bit_cast<float>(std::bit_cast<int32_t>(border) + step);
      for (float signed_x : {x, -x}) {
        ASSERT_LE(UlpError(f.one(signed_x), f.truth(signed_x)), f.max_ulp)
            << "at " << signed_x << ": " << f.one(signed_x);
      }
    }
  }
}

TEST_P(MathTest, KeepsNan) {
  EXPECT_TRUE(std::isnan(GetParam().one(kNan)));
  EXPECT_TRUE(std::isnan(GetParam().one(-kNan)));
}

// The values every loop test draws from: ordinary ones, and one in eight from all bit patterns.
std::vector<float> LoopInputs(int64_t n) {
  std::mt19937 random(7);
  std::vector<float> x(n);
  for (float& value : x) {
    value = random() % 8 == 0 ? std::bit_cast<float>(static_cast<uint32_t>(random()))
                              : std::uniform_real_distribution<float>(-6, 6)(random);
  }
  return x;
}

TEST_P(MathTest, GivesTheSameBitsInLoopsOfEveryLengthAndOffset) {
  const Function& f = GetParam();
  const std::vector<float> x = LoopInputs(256);
  for (int64_t offset = 0; offset < 67; ++offset) {
    for (int64_t n = 1; n <= 67; ++n) {
      std::vector<float> y(n);
      f.loop(x.data() + offset, y.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        const float one = f.one(x[offset + i]);
        ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(one))
            << "at " << x[offset + i] << ", offset " << offset << ", element " << i << " of " << n;
      }
    }
  }
}

TEST(PowTest, GivesTheSameBitsInLoopsOfEveryLengthAndOffset) {
  const std::vector<float> x = LoopInputs(512);
  for (int64_t offset = 0; offset < 67; ++offset) {
    for (int64_t n = 1; n <= 67; ++n) {
      std::vector<float> z(n);
      const float* y = x.data() + 200;
      LoopPow(x.data() + offset, y + offset, z.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        const float one = OnePow(x[offset + i], y[offset + i]);
        ASSERT_EQ(std::bit_cast<uint32_t>(z[i]), std::bit_cast<uint32_t>(one))
            << "at " << x[offset + i] << ", " << y[offset + i];
      }
    }
  }
}

TEST(PowTest, IsAccurateWhereverTheResultIsFinite) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2'000'000; ++i) {
    const float x = std::fabs(std::bit_cast<float>(static_cast<uint32_t>(random())));
    const double log2_result = std::uniform_real_distribution<double>(-155, 130)(random);
    const float y = static_cast<float>(log2_result / std::log2(static_cast<double>(x)));
    ASSERT_LE(UlpError(OnePow(x, y), std::pow(static_cast<double>(x), y)), 0.51) << x << ", " << y;
  }
}

TEST(PowTest, IsAccurateForSmallWholeExponentsAndAnySign) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 1'000'000; ++i) {
    const float x = std::uniform_real_distribution<float>(-20, 20)(random);
    const float y = static_cast<float>(static_cast<int>(random() % 41) - 20);
    ASSERT_LE(UlpError(OnePow(x, y), std::pow(static_cast<double>(x), y)), 0.51) << x << ", " << y;
  }
}

TEST(PowTest, SquaresExactlyAsAProductDoes) {
  for (uint64_t bits = 0; bits < uint64_t{1} << 31; bits += 4099) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isnan(x)) continue;
    ASSERT_EQ(OnePow(x, 2), x * x) << x;
    ASSERT_EQ(OnePow(-x, 2), x * x) << -x;
    ASSERT_EQ(OnePow(-x, 1), -x) << x;
  }
}

// libm's pow is the oracle of C's special cases: every pair of the interesting values.
TEST(PowTest, FollowsCAtSpecialValues) {
  const float values[] = {0,          kMinDenormal, kMinNormal, 0.5f,    0.99999994f, 1,
                          1.0000001f, 1.5f,         2,          2.5f,    3,           127,
                          128,        149,          150,        0x1p23f, 8388609.0f,  16777215.0f,
                          0x1p24f,    0x1p25f,      1e30f,      kMax,    kInf,        kNan};
  for (float absolute_x : values) {
    for (float absolute_y : values) {
      for (float x : {absolute_x, -absolute_x}) {
        for (float y : {absolute_y, -absolute_y}) {
          const double truth = std::pow(static_cast<double>(x), static_cast<double>(y));
          EXPECT_LE(UlpError(OnePow(x, y), truth), 0.51)
              << "pow(" << x << ", " << y << ") = " << OnePow(x, y) << ", not " << truth;
        }
      }
    }
  }
}

TEST(ExpTest, UnderflowsThroughTheDenormals) {
  EXPECT_EQ(math::Exp(-100.0f), static_cast<float>(std::exp(-100.0)));
  EXPECT_EQ(math::Exp(-103.9f), kMinDenormal);
  EXPECT_EQ(math::Exp(-104.0f), 0);
}

TEST(TanhTest, IsOddToTheBitAndReachesOne) {
  for (float x = 0; x < 12; x += 0.001f) EXPECT_EQ(math::Tanh(-x), -math::Tanh(x)) << x;
  EXPECT_EQ(math::Tanh(9.02f), 1);
  EXPECT_EQ(math::Tanh(-kInf), -1);
}

// Values by mpmath with 500 bits. 16367173 * 2^72 is, of all floats, the one nearest to a multiple
// of pi / 2: 1.6e-9.
TEST(SinTest, IsRightForHugeArguments) {
  EXPECT_EQ(math::Sin(1e38f), 0x1.fa73c4p-1f);
  EXPECT_EQ(math::Cos(1e38f), 0x1.2cab9ap-3f);
  EXPECT_EQ(math::Cos(16367173.0f * 0x1p72f), -0x1.bbdd52p-30f);
  EXPECT_EQ(math::Cos(10741887.0f * 0x1p11f), -0x1.149db0p-29f);
  EXPECT_TRUE(std::isnan(math::Sin(kInf)));
  EXPECT_TRUE(std::isnan(math::Cos(-kInf)));
}

TEST(DoubleTest, IsAccurateAtBothEndsOfSigmoid) {
  EXPECT_DOUBLE_EQ(math::Sigmoid(-700.0), std::exp(-700.0));
  EXPECT_EQ(math::Sigmoid(800.0), 1);
  EXPECT_EQ(math::Sigmoid(-800.0), 0);
  EXPECT_EQ(math::Sigmoid(0.0), 0.5);
}

}  // namespace
}  // namespace flowgrad
