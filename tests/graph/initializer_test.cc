#include "graph/initializer.h"

#include <cmath>

#include "Eigen/Core"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

Tensor Drawn(const Initializer& init, const Dims& dims, uint64_t seed = 1) {
  absl::StatusOr<Tensor> tensor = Initialize(init, "w", DType::kDouble, dims, seed);
  EXPECT_THAT(tensor, IsOk());
  return tensor.ok() ? *std::move(tensor) : Tensor(DType::kDouble, dims);
}

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments MomentsOf(const Tensor& tensor) {
  Moments moments;
  const double count = static_cast<double>(tensor.num_elements());
  for (int64_t i = 0; i < tensor.num_elements(); ++i) moments.mean += tensor.at(i) / count;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    moments.variance += std::pow(tensor.at(i) - moments.mean, 2) / count;
    moments.largest = std::max(moments.largest, std::abs(tensor.at(i)));
  }
  return moments;
}

TEST(InitializerTest, GlorotUniformHasItsRangeAndVariance) {
  const Moments moments = MomentsOf(Drawn(GlorotUniform(), {300, 100}));
  const double limit = std::sqrt(6.0 / 400);
  EXPECT_LE(moments.largest, limit);
  EXPECT_GT(moments.largest, 0.999 * limit);
  EXPECT_NEAR(moments.mean, 0, 0.002);
  EXPECT_NEAR(moments.variance, 2.0 / 400, 1e-4);
}

TEST(InitializerTest, HeNormalCountsTheSpatialDimsOfAConvolution) {
  const Moments moments = MomentsOf(Drawn(HeNormal(), {64, 32, 3, 3}));
  EXPECT_NEAR(moments.variance, 2.0 / (32 * 9), 2e-4);
}

TEST(InitializerTest, OrthogonalHasOrthonormalColumnsOrRows) {
  for (const Dims& dims : {Dims{7, 4}, Dims{4, 7}}) {
    const Tensor tensor = Drawn(Orthogonal(2), dims);
    const Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>
        q(tensor.data<double>(), dims[0], dims[1]);
    const Eigen::MatrixXd product =
        dims[0] > dims[1] ? Eigen::MatrixXd(q.transpose() * q) : Eigen::MatrixXd(q * q.transpose());
    EXPECT_LT((product - 4 * Eigen::MatrixXd::Identity(4, 4)).cwiseAbs().maxCoeff(), 1e-12);
  }
}

TEST(InitializerTest, DependsOnNameAndSeedOnly) {
  const Tensor a = Drawn(Normal(0, 1), {5}), b = Drawn(Normal(0, 1), {5}),
               c = Drawn(Normal(0, 1), {5}, 2);
  EXPECT_EQ(a.at(3), b.at(3));
  EXPECT_NE(a.at(3), c.at(3));
  const absl::StatusOr<Tensor> other = Initialize(Normal(0, 1), "v", DType::kDouble, {5}, 1);
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(a.at(3), other->at(3));
}

TEST(InitializerTest, FloatIsDoubleRounded) {
  const Tensor doubles = Drawn(HeUniform(), {4, 3});
  const absl::StatusOr<Tensor> floats = Initialize(HeUniform(), "w", DType::kFloat, {4, 3}, 1);
  ASSERT_THAT(floats, IsOk());
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(floats->at(i), static_cast<float>(doubles.at(i)));
}

TEST(InitializerTest, RefusesAnEmptyRange) {
  EXPECT_THAT(Initialize(Uniform(1, 1), "w", DType::kFloat, {2}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "uniform needs low < high, but they are 1 and 1"));
}

}  // namespace
}  // namespace flowgrad
