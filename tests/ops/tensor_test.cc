#include "ops/tensor.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

TEST(DimTest, MultipliesNumbersAndSymbols) {
  const Dim n = Dim::Symbol("N"), t = Dim::Symbol("T");
  EXPECT_EQ(Dim(3) * Dim(4), Dim(12));
  EXPECT_EQ((n * Dim(4)).ToString(), "4*N");
  EXPECT_EQ(t * n * Dim(2), Dim(2) * n * t);
  EXPECT_EQ(n * Dim(1), n);
  EXPECT_EQ(n * Dim(0), Dim(0));
  EXPECT_EQ(((n + t) * Dim(2)).ToString(), "2*(N+T)");
}

TEST(DimTest, DividesWhereTheQuotientIsWhole) {
  const Dim n = Dim::Symbol("N");
  EXPECT_EQ(Quotient(Dim(784) * n, Dim(784)), n);
  EXPECT_EQ(Quotient(Dim(6) * n, Dim(3) * n), Dim(2));
  EXPECT_EQ(Quotient(Dim(7), Dim(2)), std::nullopt);
  EXPECT_EQ(Quotient(Dim(4), n), std::nullopt);
  EXPECT_EQ(Quotient(Dim(4), Dim(0)), std::nullopt);
}

TEST(TensorTypeTest, ReadsWhatItWrites) {
  for (const char* text : {"float[N,784]", "double[]", "int64[2,0,3]", "bool[1]", "int32[A,B,A]"}) {
    const absl::StatusOr<TensorType> type = ParseTensorType(text);
    ASSERT_TRUE(type.ok()) << type.status();
    EXPECT_EQ(type->ToString(), text);
  }
}

TEST(TensorTypeTest, RefusesWhatIsNoType) {
  const auto error_of = [](const char* text) {
    return std::string(ParseTensorType(text).status().message());
  };
  EXPECT_EQ(error_of("float"), "type must look like \"float[N,784]\", but is \"float\"");
  EXPECT_NE(error_of("flaot[2]").find("dtype must be one of"), std::string::npos);
  EXPECT_NE(error_of("float[-1]").find("from 0 on or a symbol"), std::string::npos);
  EXPECT_NE(error_of("float[1,1,1,1,1,1,1,1,1]").find("more than 8 dims"), std::string::npos);
  EXPECT_NE(error_of("float[4294967296,4294967296]").find("more elements"), std::string::npos);
}

TEST(TensorTest, CountsElementsWithoutOverflow) {
  EXPECT_EQ(NumElements({}), 1);
  EXPECT_EQ(NumElements({3, 0, 5}), 0);
  EXPECT_EQ(NumElements({int64_t{1} << 32, int64_t{1} << 32}), -1);
  EXPECT_EQ(NumElements({int64_t{1} << 60, 0}), -1);
  EXPECT_EQ(NumElements({2, 0, 3, int64_t{1} << 59}), -1);
  EXPECT_EQ(ContiguousStrides({0, int64_t{1} << 32, int64_t{1} << 32}).size(), 3u);
}

TEST(TensorTest, LooksAtOneBufferInOtherLayouts) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Tensor rows = Tensor::Of<float>({2, 3}, absl::MakeConstSpan(values));
  const Tensor columns = rows.WithLayout({3, 2}, {1, 3}, 0);
  EXPECT_FALSE(columns.is_contiguous());
  EXPECT_EQ(columns.at(1), 4);
  const Tensor packed = columns.Contiguous();
  EXPECT_EQ(packed.data<float>()[1], 4);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(packed.bytes()) % 64, 0u);
}

TEST(TensorTest, CastsAsTheOpDoes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(CastTo<int32_t>(-1.9f), -1);
  EXPECT_EQ(CastTo<int32_t>(std::nanf("")), 0);
  EXPECT_EQ(CastTo<int32_t>(kInfinity), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(CastTo<int64_t>(-1e30), std::numeric_limits<int64_t>::min());
  EXPECT_TRUE(CastTo<bool>(0.5f));
  EXPECT_EQ(CastTo<float>(true), 1);
}

}  // namespace
}  // namespace flowgrad
