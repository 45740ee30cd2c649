// The matrix product: every element is one chain of fused multiply-adds, whatever the call.

#include "ops/product.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "Eigen/Core"
#include "gtest/gtest.h"
#include "ops/isa.h"

namespace flowgrad {
namespace {

// How a matrix lies in memory.
enum class Layout { kRows, kColumns, kGapsInRows, kGapsInColumns, kScattered, kReversed };
constexpr Layout kLayouts[] = {Layout::kRows,          Layout::kColumns,   Layout::kGapsInRows,
                               Layout::kGapsInColumns, Layout::kScattered, Layout::kReversed};

// A matrix with the memory around it, in which every number is random.
template <class T>
struct Matrix {
  Matrix(int64_t rows, int64_t columns, Layout layout, std::mt19937& random)
      : rows(rows), columns(columns) {
    switch (layout) {
      case Layout::kRows:
        strides = {columns, 1};
        break;
      case Layout::kColumns:
        strides = {1, rows};
        break;
      case Layout::kGapsInRows:
        strides = {columns + 5, 1};
        break;
      case Layout::kGapsInColumns:
        strides = {1, rows + 3};
        break;
      case Layout::kScattered:
        strides = {3 * columns + 1, 3};
        break;
      case Layout::kReversed:
        strides = {-columns, -1};
        break;
    }
    const int64_t rows_span = (rows - 1) * strides.first;
    const int64_t columns_span = (columns - 1) * strides.second;
    memory.resize(std::max<int64_t>(0, std::abs(rows_span) + std::abs(columns_span)) + 1);
    origin = -std::min<int64_t>(0, rows_span) - std::min<int64_t>(0, columns_span);
    std::uniform_real_distribution<T> uniform(-1, 1);
    for (T& x : memory) x = uniform(random);
  }

  T& operator()(int64_t i, int64_t j) {
    return memory[origin + i * strides.first + j * strides.second];
  }
  MatrixRef<T> Ref() { return {memory.data() + origin, strides.first, strides.second}; }
  MatrixRef<const T> ConstRef() { return {memory.data() + origin, strides.first, strides.second}; }

  int64_t rows, columns;
  std::pair<int64_t, int64_t> strides;
  int64_t origin;
  std::vector<T> memory;
};

template <class T>
MatrixRef<T> From(MatrixRef<T> x, int64_t i, int64_t j) {
  return {x.data + i * x.row_stride + j * x.column_stride, x.row_stride, x.column_stride};
}

// Memory of exactly the size asked for, so that the address sanitizer sees every excess, full of
// NaN, should anyone read it.
using Bytes = std::unique_ptr<std::byte, decltype(&std::free)>;
Bytes AlignedBytes(int64_t size) {
  Bytes bytes(static_cast<std::byte*>(std::aligned_alloc(64, (size + 63) / 64 * 64)), std::free);
  std::memset(bytes.get(), 0xff, size);
  return bytes;
}

template <class T>
void Multiply(int64_t m, int64_t n, int64_t k, MatrixRef<const T> a, MatrixRef<const T> b,
              MatrixRef<T> c) {
  Product<T>(m, n, k, a, b, c, AlignedBytes(ProductScratchBytes<T>(m, n, k)).get());
}

// A packed B, which may be multiplied by whole and in ranges of slivers.
template <class T>
class Packed {
 public:
  Packed(int64_t n, int64_t k, MatrixRef<const T> b)
      : k_(k), bytes_(AlignedBytes(PackedSize<T>(n, k) * sizeof(T))) {
    PackColumns<T>(n, k, b, data());
  }

  T* data() const { return reinterpret_cast<T*>(bytes_.get()); }

  // C[m,n] = A B[k,n], where B starts at a sliver of the whole.
  void Multiply(int64_t m, int64_t n, MatrixRef<const T> a, int64_t sliver, MatrixRef<T> c,
                double entry = 0) const {
    const Bytes scratch = AlignedBytes(PackedProductScratchBytes<T>(m, n, k_));
    PackedProduct<T>(m, n, k_, a, data() + sliver * k_ * PackedColumns<T>(), c, scratch.get(),
                     /*ahead=*/nullptr, entry);
  }

 private:
  int64_t k_;
  Bytes bytes_;
};

// The definition.
template <class T>
void NaiveProduct(Matrix<T>& a, Matrix<T>& b, Matrix<T>& c) {
  for (int64_t i = 0; i < c.rows; ++i) {
    for (int64_t j = 0; j < c.columns; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < a.columns; ++p) sum = std::fma(a(i, p), b(p, j), sum);
      c(i, j) = sum;
    }
  }
}

// Whole memory is compared: nothing outside C may change.
template <class T>
bool SameBits(const Matrix<T>& x, const Matrix<T>& y) {
  return x.memory.size() == y.memory.size() &&
         std::memcmp(x.memory.data(), y.memory.data(), x.memory.size() * sizeof(T)) == 0;
}

template <class T>
void ExpectDefinition(int64_t m, int64_t n, int64_t k, Layout a_layout, Layout b_layout,
                      Layout c_layout, std::mt19937& random) {
  Matrix<T> a(m, k, a_layout, random), b(k, n, b_layout, random), c(m, n, c_layout, random);
  Matrix<T> expected = c;
  NaiveProduct(a, b, expected);
  Multiply<T>(m, n, k, a.ConstRef(), b.ConstRef(), c.Ref());
  ASSERT_TRUE(SameBits(c, expected))
      << m << "x" << k << "x" << n << ", layouts " << static_cast<int>(a_layout) << " "
      << static_cast<int>(b_layout) << " " << static_cast<int>(c_layout);
}

template <class T>
class ProductTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(ProductTest, Types);

TYPED_TEST(ProductTest, IsOneChainForEveryRemainder) {
  std::mt19937 random(1);
  for (int64_t m = 1; m <= 20; ++m) {
    for (int64_t n = 1; n <= 20; ++n) {
      for (int64_t k = 0; k <= 20; ++k) {
        ExpectDefinition<TypeParam>(m, n, k, Layout::kRows,
                                    k % 2 ? Layout::kRows : Layout::kColumns, Layout::kRows,
                                    random);
      }
    }
  }
}

TYPED_TEST(ProductTest, IsOneChainForEveryCombinationOfLayouts) {
  std::mt19937 random(2);
  const int64_t sizes[][3] = {{1, 150, 70}, {2, 131, 40},  {3, 17, 300}, {13, 100, 33},
                              {29, 33, 17}, {90, 130, 43}, {77, 1, 50},  {80, 9, 21}};
  for (Layout a : kLayouts) {
    for (Layout b : kLayouts) {
      for (Layout c : kLayouts) {
        for (const auto& [m, n, k] : sizes) ExpectDefinition<TypeParam>(m, n, k, a, b, c, random);
      }
    }
  }
}

TYPED_TEST(ProductTest, IsOneChainForRandomShapes) {
  std::mt19937 random(3);
  const auto draw = [&](int64_t most) { return 1 + static_cast<int64_t>(random() % most); };
  for (int i = 0; i < 300; ++i) {
    const int64_t most = i % 3 == 0 ? 200 : 60;
    ExpectDefinition<TypeParam>(draw(most), draw(most), draw(2 * most), kLayouts[random() % 6],
                                kLayouts[random() % 6], kLayouts[random() % 6], random);
  }
}

// Several blocks of rows and of k, in all four transpositions.
TYPED_TEST(ProductTest, IsOneChainForLargeProducts) {
  std::mt19937 random(4);
  for (Layout a : {Layout::kRows, Layout::kColumns}) {
    for (Layout b : {Layout::kRows, Layout::kColumns}) {
      ExpectDefinition<TypeParam>(131, 97, 1031, a, b, Layout::kRows, random);
      ExpectDefinition<TypeParam>(601, 130, 401, a, b, Layout::kRows, random);
      ExpectDefinition<TypeParam>(1, 700, 1500, a, b, Layout::kRows, random);
      ExpectDefinition<TypeParam>(700, 1, 1500, a, b, Layout::kRows, random);
    }
  }
}

TYPED_TEST(ProductTest, DoesNotDependOnWhereItIsCut) {
  std::mt19937 random(5);
  constexpr int64_t m = 150, n = 210, k = 333;
  for (int round = 0; round < 24; ++round) {
    const Layout a_layout = kLayouts[random() % 6], b_layout = kLayouts[random() % 6];
    Matrix<TypeParam> a(m, k, a_layout, random), b(k, n, b_layout, random);
    Matrix<TypeParam> whole(m, n, kLayouts[round % 6], random);
    Matrix<TypeParam> cut = whole;
    Multiply<TypeParam>(m, n, k, a.ConstRef(), b.ConstRef(), whole.Ref());
    for (int64_t i = 0, rows; i < m; i += rows) {
      rows = std::min<int64_t>(m - i, 1 + random() % 100);
      for (int64_t j = 0, columns; j < n; j += columns) {
        columns = std::min<int64_t>(n - j, 1 + random() % 100);
        Multiply<TypeParam>(rows, columns, k, From(a.ConstRef(), i, 0), From(b.ConstRef(), 0, j),
                            From(cut.Ref(), i, j));
      }
    }
    ASSERT_TRUE(SameBits(whole, cut)) << "round " << round;
  }
}

TYPED_TEST(ProductTest, TakesStridesOfZero) {
  std::mt19937 random(6);
  Matrix<TypeParam> a(1, 50, Layout::kRows, random), b(50, 1, Layout::kRows, random);
  Matrix<TypeParam> c(40, 60, Layout::kRows, random), one(1, 1, Layout::kRows, random);
  NaiveProduct(a, b, one);
  Multiply<TypeParam>(40, 60, 50, {a.memory.data(), 0, 1}, {b.memory.data(), 1, 0}, c.Ref());
  for (TypeParam x : c.memory) ASSERT_EQ(x, one(0, 0));
}

TYPED_TEST(ProductTest, IsNearEigensProductInDouble) {
  std::mt19937 random(7);
  constexpr int64_t m = 128, n = 200, k = 784;
  Matrix<TypeParam> a(m, k, Layout::kRows, random), b(k, n, Layout::kRows, random);
  Matrix<TypeParam> c(m, n, Layout::kRows, random);
  Multiply<TypeParam>(m, n, k, a.ConstRef(), b.ConstRef(), c.Ref());
  using Eigens = Eigen::Matrix<TypeParam, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd expected =
      Eigen::Map<const Eigens>(a.memory.data(), m, k).template cast<double>() *
      Eigen::Map<const Eigens>(b.memory.data(), k, n).template cast<double>();
  const Eigen::MatrixXd got =
      Eigen::Map<const Eigens>(c.memory.data(), m, n).template cast<double>();
  EXPECT_LT((got - expected).cwiseAbs().maxCoeff(), k * std::numeric_limits<TypeParam>::epsilon());
}

TYPED_TEST(ProductTest, OfNoInnerElementsIsZero) {
  std::vector<TypeParam> c(12, 7);
  Multiply<TypeParam>(3, 4, 0, {nullptr, 0, 1}, {nullptr, 4, 1}, {c.data(), 4, 1});
  EXPECT_EQ(c, std::vector<TypeParam>(12, 0));
  std::vector<TypeParam> large(100 * 100, 7);
  Multiply<TypeParam>(100, 100, 0, {nullptr, 0, 1}, {nullptr, 4, 1}, {large.data(), 100, 1});
  EXPECT_EQ(large, std::vector<TypeParam>(100 * 100, 0));
}

TYPED_TEST(ProductTest, WithoutRowsOrColumnsDoesNothing) {
  Multiply<TypeParam>(0, 4, 3, {nullptr, 3, 1}, {nullptr, 4, 1}, {nullptr, 4, 1});
  Multiply<TypeParam>(3, 0, 4, {nullptr, 4, 1}, {nullptr, 0, 1}, {nullptr, 0, 1});
}

// A padded column multiplies by zero; infinities there must not reach the columns that count.
TYPED_TEST(ProductTest, KeepsInfinitiesAndNansToTheirElements) {
  constexpr int64_t m = 20, n = 37, k = 30;
  std::mt19937 random(8);
  Matrix<TypeParam> a(m, k, Layout::kRows, random), b(k, n, Layout::kRows, random);
  a(3, 5) = std::numeric_limits<TypeParam>::infinity();
  b(7, 36) = std::numeric_limits<TypeParam>::quiet_NaN();
  Matrix<TypeParam> c(m, n, Layout::kRows, random), expected = c;
  NaiveProduct(a, b, expected);
  Multiply<TypeParam>(m, n, k, a.ConstRef(), b.ConstRef(), c.Ref());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      if (std::isnan(expected(i, j))) {
        ASSERT_TRUE(std::isnan(c(i, j))) << i << ", " << j;
      } else {
        ASSERT_EQ(c(i, j), expected(i, j)) << i << ", " << j;
      }
    }
  }
}

template <class T>
void ExpectPackedIsProduct(int64_t m, int64_t n, int64_t k, Layout a_layout, Layout b_layout,
                           Layout c_layout, std::mt19937& random) {
  Matrix<T> a(m, k, a_layout, random), b(k, n, b_layout, random), c(m, n, c_layout, random);
  Matrix<T> expected = c;
  Multiply<T>(m, n, k, a.ConstRef(), b.ConstRef(), expected.Ref());
  Packed<T>(n, k, b.ConstRef()).Multiply(m, n, a.ConstRef(), 0, c.Ref());
  ASSERT_TRUE(SameBits(c, expected))
      << m << "x" << k << "x" << n << ", layouts " << static_cast<int>(a_layout) << " "
      << static_cast<int>(b_layout) << " " << static_cast<int>(c_layout);
}

TYPED_TEST(ProductTest, WithPackedWeightsHasTheSameBits) {
  std::mt19937 random(9);
  for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 17, 32}) {
    for (int64_t n : {1, 7, 8, 9, 16, 17, 31, 32, 33, 64, 65, 100, 131}) {
      for (int64_t k : {0, 1, 2, 7, 8, 31, 64, 129}) {
        ExpectPackedIsProduct<TypeParam>(m, n, k, Layout::kRows,
                                         k % 2 ? Layout::kRows : Layout::kColumns, Layout::kRows,
                                         random);
      }
    }
  }
  for (Layout b : kLayouts) {
    ExpectPackedIsProduct<TypeParam>(150, 210, 900, Layout::kRows, b, Layout::kRows, random);
  }
  ExpectPackedIsProduct<TypeParam>(600, 101, 401, Layout::kColumns, Layout::kRows,
                                   Layout::kGapsInRows, random);
}

TYPED_TEST(ProductTest, WithPackedWeightsHasTheSameBitsForRandomShapesAndLayouts) {
  std::mt19937 random(10);
  const auto draw = [&](int64_t most) { return 1 + static_cast<int64_t>(random() % most); };
  for (int i = 0; i < 300; ++i) {
    const int64_t most = i % 3 == 0 ? 200 : 60;
    ExpectPackedIsProduct<TypeParam>(draw(most), draw(most), draw(2 * most), kLayouts[random() % 6],
                                     kLayouts[random() % 6], kLayouts[random() % 6], random);
  }
}

TYPED_TEST(ProductTest, WithPackedWeightsMayBeginAnywhere) {
  std::mt19937 random(15);
  for (const int64_t m : {1, 2, 8, 40}) {
    for (const int64_t n : {1, 33, 131, 410}) {
      constexpr int64_t k = 1100;
      Matrix<TypeParam> a(m, k, Layout::kRows, random), b(k, n, Layout::kRows, random);
      Matrix<TypeParam> c(m, n, Layout::kRows, random), expected = c;
      Multiply<TypeParam>(m, n, k, a.ConstRef(), b.ConstRef(), expected.Ref());
      const Packed<TypeParam> packed(n, k, b.ConstRef());
      for (const double entry : {0.25, 0.5, 0.875, 0.999}) {
        Matrix<TypeParam> got = c;
        packed.Multiply(m, n, a.ConstRef(), 0, got.Ref(), entry);
        ASSERT_TRUE(SameBits(got, expected)) << m << "x" << n << " from " << entry;
      }
    }
  }
}

// Rows are cut anywhere; columns at slivers, for packing as for multiplying.
TYPED_TEST(ProductTest, WithPackedWeightsDoesNotDependOnWhereItIsCut) {
  std::mt19937 random(11);
  constexpr int64_t m = 150, n = 410, k = 433;
  const int64_t sliver = PackedColumns<TypeParam>(), slivers = NumSlivers<TypeParam>(n);
  for (int round = 0; round < 12; ++round) {
    Matrix<TypeParam> a(m, k, kLayouts[random() % 6], random);
    Matrix<TypeParam> b(k, n, kLayouts[random() % 6], random);
    Matrix<TypeParam> whole(m, n, kLayouts[round % 6], random);
    Matrix<TypeParam> cut = whole;
    Multiply<TypeParam>(m, n, k, a.ConstRef(), b.ConstRef(), whole.Ref());

    const Packed<TypeParam> packed(n, k, b.ConstRef());
    const Bytes parts = AlignedBytes(PackedSize<TypeParam>(n, k) * sizeof(TypeParam));
    for (int64_t s = 0, count; s < slivers; s += count) {
      count = std::min<int64_t>(slivers - s, 1 + random() % 9);
      PackColumns<TypeParam>(std::min(n - s * sliver, count * sliver), k,
                             From(b.ConstRef(), 0, s * sliver),
                             reinterpret_cast<TypeParam*>(parts.get()) + s * k * sliver);
    }
    ASSERT_EQ(std::memcmp(parts.get(), packed.data(), slivers * sliver * k * sizeof(TypeParam)), 0);

    for (int64_t i = 0, rows; i < m; i += rows) {
      rows = std::min<int64_t>(m - i, 1 + random() % 40);
      for (int64_t s = 0, count; s < slivers; s += count) {
        count = std::min<int64_t>(slivers - s, 1 + random() % 9);
        packed.Multiply(rows, std::min(n - s * sliver, count * sliver), From(a.ConstRef(), i, 0), s,
                        From(cut.Ref(), i, s * sliver));
      }
    }
    ASSERT_TRUE(SameBits(whole, cut)) << "round " << round;
  }
}

TYPED_TEST(ProductTest, PadsPackedWeightsWithZeros) {
  std::mt19937 random(12);
  const int64_t sliver = PackedColumns<TypeParam>(), n = sliver + 1, k = 19;
  for (Layout layout : kLayouts) {
    Matrix<TypeParam> b(k, n, layout, random);
    const Packed<TypeParam> packed(n, k, b.ConstRef());
    ASSERT_EQ(PackedSize<TypeParam>(n, k), 2 * sliver * k);
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t j = 0; j < 2 * sliver; ++j) {
        ASSERT_EQ(packed.data()[(j / sliver * k + p) * sliver + j % sliver], j < n ? b(p, j) : 0);
      }
    }
  }
}

TYPED_TEST(ProductTest, WithPackedWeightsKeepsInfinitiesToTheirRows) {
  constexpr int64_t m = 7, n = 37, k = 30;
  std::mt19937 random(13);
  Matrix<TypeParam> a(m, k, Layout::kRows, random), b(k, n, Layout::kRows, random);
  a(3, 5) = std::numeric_limits<TypeParam>::infinity();
  Matrix<TypeParam> c(m, n, Layout::kRows, random), expected = c;
  NaiveProduct(a, b, expected);
  Packed<TypeParam>(n, k, b.ConstRef()).Multiply(m, n, a.ConstRef(), 0, c.Ref());
  EXPECT_TRUE(SameBits(c, expected));
}

// Both are tested in one build: see the environment of the two targets.
TYPED_TEST(ProductTest, UsesTheWidestRegistersAllowed) {
  const int64_t bytes = PackedColumns<TypeParam>() * sizeof(TypeParam);
  EXPECT_EQ(bytes, UsesAvx512() ? 2 * 64 : 3 * 32);
}

// 0 + (-0) is +0, also where there is but one product to add.
TYPED_TEST(ProductTest, OfOneInnerElementStartsFromPositiveZero) {
  std::vector<TypeParam> a = {-1, 1, 0}, c(3 * 40, 7);
  std::vector<TypeParam> b(40, 0);
  Multiply<TypeParam>(3, 40, 1, {a.data(), 1, 1}, {b.data(), 40, 1}, {c.data(), 40, 1});
  for (TypeParam x : c) EXPECT_FALSE(std::signbit(x));
  Multiply<TypeParam>(3, 2, 1, {a.data(), 1, 1}, {b.data(), 2, 1}, {c.data(), 2, 1});
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(std::signbit(c[i]));
}

// Kernels ask once, for the whole, and are then called on parts of it.
TYPED_TEST(ProductTest, PartsNeedNoMoreScratchThanTheWhole) {
  for (const int64_t m : {1, 2, 3, 17, 65}) {
    for (const int64_t n : {1, 2, 15, 33, 97, 4097}) {
      for (const int64_t k : {3, 100, 500, 4097}) {
        const int64_t whole = ProductScratchBytes<TypeParam>(m, n, k);
        const int64_t packed = PackedProductScratchBytes<TypeParam>(m, n, k);
        for (int64_t rows = 1; rows <= m; ++rows) {
          for (int64_t columns = 1; columns <= n; columns += n < 100 ? 1 : 61) {
            ASSERT_LE(ProductScratchBytes<TypeParam>(rows, columns, k), whole);
            ASSERT_LE(PackedProductScratchBytes<TypeParam>(rows, columns, k), packed);
          }
        }
      }
    }
  }
}

TYPED_TEST(ProductTest, NeedsBoundedScratch) {
  for (int64_t m : {1, 2, 3, 100, 5000, 1'000'000}) {
    for (int64_t k : {1, 100, 5000, 1'000'000}) {
      EXPECT_LE(ProductScratchBytes<TypeParam>(m, m, k), 600 * 1024) << m << ", " << k;
      EXPECT_LE(PackedProductScratchBytes<TypeParam>(m, m, k), 600 * 1024) << m << ", " << k;
    }
  }
}

// Products of every path, with runs of every length.
TYPED_TEST(ProductTest, FetchesAheadWithoutChangingABit) {
  using T = TypeParam;
  std::mt19937 random(13);
  std::vector<std::byte> memory(1 << 20);
  for (const int64_t n : {1, 5, 64, 300}) {
    for (const int64_t k : {0, 3, 130}) {
      for (const int64_t m : {1, 2, 27, 140}) {
        Matrix<T> a(m, k, kLayouts[random() % 6], random), b(k, n, kLayouts[random() % 6], random);
        Matrix<T> expected(m, n, kLayouts[random() % 6], random), c = expected;
        Multiply<T>(m, n, k, a.ConstRef(), b.ConstRef(), expected.Ref());
        const std::vector<CacheLines> runs = {
            {memory.data(), 1, true}, {memory.data() + 64, 0}, {memory.data() + 700, 5000}};
        FetchAhead ahead = {runs.data(), runs.data() + runs.size()};
        const Bytes scratch = AlignedBytes(ProductScratchBytes<T>(m, n, k));
        Product<T>(m, n, k, a.ConstRef(), b.ConstRef(), c.Ref(), scratch.get(), &ahead);
        EXPECT_TRUE(SameBits(c, expected)) << m << "x" << k << "x" << n;
      }
    }
  }
}

// Evenly: all of it is done when the product is, and a small product leaves what it has no time for
// to the next.
TEST(FetchAheadTest, IsSpreadOverTheProducts) {
  std::mt19937 random(14);
  const std::vector<std::byte> memory(1 << 20);
  const std::vector<CacheLines> runs = {{memory.data(), 700}, {memory.data() + 65536, 3, true}};
  const auto left_after = [&](int64_t m, int64_t n, int64_t k, FetchAhead& ahead) {
    Matrix<float> a(m, k, Layout::kRows, random), b(k, n, Layout::kRows, random);
    Matrix<float> c(m, n, Layout::kRows, random);
    const Bytes scratch = AlignedBytes(ProductScratchBytes<float>(m, n, k));
    Product<float>(m, n, k, a.ConstRef(), b.ConstRef(), c.Ref(), scratch.get(), &ahead);
    int64_t lines = ahead.begun.count;
    for (const CacheLines* run = ahead.run; run != ahead.end; ++run) lines += run->count;
    return lines;
  };
  FetchAhead ahead = {runs.data(), runs.data() + runs.size()};
  EXPECT_EQ(left_after(4, 4, 4, ahead), 703);  // too small to set out
  const int64_t left = left_after(12, 32, 64, ahead);
  EXPECT_LT(left, 703);
  EXPECT_GT(left, 0);
  EXPECT_EQ(left_after(100, 300, 128, ahead), 0);
  EXPECT_EQ(left_after(100, 300, 128, ahead), 0);
}

}  // namespace
}  // namespace flowgrad
