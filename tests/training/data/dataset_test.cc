// Data sets as such: tensors in memory, batches, and how samples are divided.

#include "training/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/data/data_files.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

DataSet ThreeSamples() {
  return *DataSet::OfTensors({
      {"x", Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5.5, 6})},
      {"label", Tensor::Of<int64_t>({3}, {2, 0, 1})},
      {"mask", Tensor::Of<bool>({3}, {true, false, true})},
  });
}

DataSet Numbers(int64_t count) {
  Tensor numbers(DType::kInt64, {count});
  for (int64_t i = 0; i < count; ++i) numbers.data<int64_t>()[i] = i;
  return *DataSet::OfTensors({{"i", numbers}});
}

TEST(DataSetTest, GivesSamplesOfTensorsInTheOrderAskedFor) {
  const DataSet data = ThreeSamples();
  EXPECT_EQ(data.num_samples(), 3);
  EXPECT_THAT(data.field_names(), ElementsAre("label", "mask", "x"));
  EXPECT_EQ(data.FieldType("x")->ToString(), "float[N,2]");
  EXPECT_EQ(data.FieldType("label")->ToString(), "int64[N]");
  EXPECT_EQ(data.FieldType("mask")->ToString(), "bool[N]");
  const Tensor batch = *data.Batch("x", {2, 0, 2, 2}, DType::kDouble);
  EXPECT_THAT(batch.dims(), ElementsAre(4, 2));
  EXPECT_EQ(batch.at(0), 5.5);
  EXPECT_EQ(batch.at(3), 2);
  EXPECT_THAT(data.Batch("x", {}, DType::kFloat)->dims(), ElementsAre(0, 2));
}

TEST(DataSetTest, SharesTheMemoryOfTensorsAndKeepsIt) {
  Tensor tensor = Tensor::Of<float>({2}, {1, 2});
  const DataSet data = *DataSet::OfTensors({{"x", tensor}});
  tensor.data<float>()[0] = 7;
  tensor = Tensor();
  EXPECT_THAT(AllNumbers(data, "x", DType::kFloat), ElementsAre(7, 2));
}

TEST(DataSetTest, LaysOutStridedTensors) {
  const Tensor tensor = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}).WithLayout({3, 2}, {1, 3}, 0);
  const DataSet data = *DataSet::OfTensors({{"x", tensor}});
  EXPECT_THAT(AllNumbers(data, "x", DType::kFloat), ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(DataSetTest, SaysWhichDtypesAFieldCanBe) {
  const DataSet data = ThreeSamples();
  const auto dtypes = [&](absl::string_view field) {
    std::string names;
    for (int i = 0; i < kNumDTypes; ++i) {
      const DType dtype = static_cast<DType>(i);
      EXPECT_EQ(data.Batch(field, {0}, dtype).ok(), data.CanBe(field, dtype));
      if (data.CanBe(field, dtype)) absl::StrAppend(&names, DTypeName(dtype), " ");
    }
    return names;
  };
  EXPECT_EQ(dtypes("x"), "float double ");
  EXPECT_EQ(dtypes("label"), "float double int32 int64 ");
  EXPECT_EQ(dtypes("mask"), "float double int32 int64 bool ");
  EXPECT_EQ(dtypes("y"), "");
  EXPECT_EQ(data.Batch("x", {0}, DType::kInt64).status(),
            absl::InvalidArgumentError("field \"x\" can be float or double, but not int64"));
}

TEST(DataSetTest, FillsABatchThatExists) {
  const DataSet data = ThreeSamples();
  Tensor batch(DType::kFloat, {2, 2});
  ASSERT_THAT(data.FillBatch("x", {1, 2}, batch), IsOk());
  EXPECT_EQ(batch.at(2), 5.5);
  EXPECT_EQ(data.FillBatch("x", {1}, batch),
            absl::InvalidArgumentError("batch must have the dims [1,2], but has [2,2]"));
}

TEST(DataSetTest, RefusesFieldsAndSamplesThatDoNotExist) {
  const DataSet data = ThreeSamples();
  EXPECT_EQ(data.Batch("y", {0}, DType::kFloat).status(),
            absl::NotFoundError("data set has no field \"y\", only label, mask, x"));
  EXPECT_EQ(data.FieldType("y").status().code(), absl::StatusCode::kNotFound);
  for (const int64_t sample : {int64_t{-1}, int64_t{3}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(
        data.Batch("x", {0, sample}, DType::kFloat).status(),
        absl::InvalidArgumentError(absl::StrCat("sample must be from 0 to 2, but is ", sample)));
  }
}

TEST(DataSetTest, RefusesTensorsThatAreNoSamples) {
  const auto refusal = [](std::vector<std::pair<std::string, Tensor>> fields) {
    return std::string(DataSet::OfTensors(std::move(fields)).status().message());
  };
  const Tensor three = Tensor::Of<float>({3}, {1, 2, 3});
  EXPECT_EQ(refusal({}), "data must have a field, but have none");
  EXPECT_EQ(refusal({{"x", Tensor::Scalar(1.0f)}}),
            "tensor \"x\" must have a first dim, the samples, but has none");
  EXPECT_EQ(refusal({{"x", Tensor()}}),
            "tensor \"x\" must have a first dim, the samples, but has none");
  EXPECT_EQ(refusal({{"x", Tensor(DType::kFloat, {0, 2})}}),
            "tensor x: sample 0: must have a sample, but has none");
  EXPECT_EQ(refusal({{"x", Tensor(DType::kFloat, {2, 0})}}),
            "tensor x: sample 0: field \"x\" must have a number in a sample, but has [0]");
  EXPECT_EQ(refusal({{"x", three}, {"y", Tensor::Of<float>({2}, {1, 2})}}),
            "tensor y: sample 0: field \"y\" must have 3 samples like field \"x\", but has 2");
  EXPECT_EQ(refusal({{"x", three}, {"x", three}}), "field \"x\" is given twice");
}

TEST(DataSetTest, ChecksIndices) {
  const DataSet data = ThreeSamples();
  EXPECT_THAT(data.CheckIndices("label", 3), IsOk());
  EXPECT_EQ(data.CheckIndices("label", 2),
            absl::InvalidArgumentError("tensor label: sample 0: field \"label\" must be from 0 to "
                                       "1, but is 2"));
  EXPECT_EQ(data.CheckIndices("x", 2),
            absl::InvalidArgumentError("field \"x\" can be float or double, but not int64"));
  const DataSet negative = *DataSet::OfTensors({{"i", Tensor::Of<int32_t>({2, 2}, {0, 1, 0, -1})}});
  EXPECT_EQ(negative.CheckIndices("i", 2),
            absl::InvalidArgumentError("tensor i: sample 1: field \"i\" must be from 0 to 1, but "
                                       "is -1"));
  EXPECT_THAT(Numbers(10'000).CheckIndices("i", 10'000), IsOk());
  EXPECT_EQ(Numbers(10'000).CheckIndices("i", 9'999).message(),
            "tensor i: sample 9999: field \"i\" must be from 0 to 9998, but is 9999");
}

TEST(DataSetTest, AnEmptyOneHasNothing) {
  const DataSet none;
  EXPECT_EQ(none.num_samples(), 0);
  EXPECT_TRUE(none.field_names().empty());
  EXPECT_EQ(none.Batch("x", {}, DType::kFloat).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(none.Where("x", 3), "sample 3");
}

TEST(DataSetTest, SelectsSamplesOfASelection) {
  const DataSet odd = Numbers(10).Select({1, 3, 5, 7, 9});
  EXPECT_THAT(AllNumbers(odd, "i", DType::kInt64), ElementsAre(1, 3, 5, 7, 9));
  const DataSet two = odd.Select({4, 0});
  EXPECT_THAT(AllNumbers(two, "i", DType::kInt64), ElementsAre(9, 1));
  EXPECT_EQ(two.Where("i", 0), "tensor i: sample 9");
  EXPECT_EQ(two.Batch("i", {2}, DType::kInt64).status(),
            absl::InvalidArgumentError("sample must be from 0 to 1, but is 2"));
}

// From an implementation of Philox 4x32-10 in Python. A change breaks the runs of every user.
TEST(DivideTest, PutsTheSameSamplesIntoTheTestPartForEver) {
  const DataParts first = *Divide(Numbers(50), {.test = 0.2});
  EXPECT_THAT(AllNumbers(*first.test, "i", DType::kInt64), ElementsAre(1, 5, 19, 21, 33, 34, 49));
  const DataParts second = *Divide(Numbers(50), {.test = 0.2, .seed = 2});
  EXPECT_THAT(AllNumbers(*second.test, "i", DType::kInt64),
              ElementsAre(4, 15, 19, 22, 27, 31, 38, 40, 46));
}

TEST(DivideTest, DividesAllSamplesAndKeepsTheirOrder) {
  const DataParts parts = *Divide(Numbers(10'000), {.test = 0.3});
  EXPECT_NEAR(parts.test->num_samples(), 3000, 150);  // three standard deviations
  std::vector<double> all = AllNumbers(parts.train, "i", DType::kInt64);
  const std::vector<double> test = AllNumbers(*parts.test, "i", DType::kInt64);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_TRUE(std::is_sorted(test.begin(), test.end()));
  all.insert(all.end(), test.begin(), test.end());
  std::sort(all.begin(), all.end());
  std::vector<double> expected(10'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(DivideTest, MoreSamplesMoveNoneFromPartToPart) {
  const std::vector<double> fewer =
      AllNumbers(*Divide(Numbers(1000), {.test = 0.3})->test, "i", DType::kInt64);
  std::vector<double> more =
      AllNumbers(*Divide(Numbers(1100), {.test = 0.3})->test, "i", DType::kInt64);
  more.resize(fewer.size());
  EXPECT_EQ(more, fewer);
}

TEST(DivideTest, KeepsRunsTogether) {
  const DataParts parts = *Divide(Numbers(640), {.test = 0.5}, 64);
  const std::vector<double> test = AllNumbers(*parts.test, "i", DType::kInt64);
  ASSERT_EQ(test.size() % 64, 0u);
  for (size_t i = 0; i < test.size(); ++i) {
    EXPECT_EQ(std::floor(test[i] / 64), std::floor(test[i - i % 64] / 64));
  }
}

TEST(DivideTest, MakesNoTestPartOfAShareOfZero) {
  const DataParts parts = *Divide(Numbers(5), {});
  EXPECT_EQ(parts.train.num_samples(), 5);
  EXPECT_FALSE(parts.test.has_value());
}

TEST(DivideTest, RefusesSharesOutOfRangeAndEmptyParts) {
  for (const double share : {-0.1, 1.0, std::nan("")}) {
    EXPECT_EQ(Divide(Numbers(5), {.test = share}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(Divide(Numbers(5), {.test = 1.5}).status(),
            absl::InvalidArgumentError(
                "the share of the test part must be from 0 to less than 1, but is 1.5"));
  EXPECT_EQ(
      Divide(Numbers(5), {.test = 1e-9}).status(),
      absl::InvalidArgumentError("with a share of 1e-09 and seed 1 the test part gets none of "
                                 "the 5 samples; change the share or the seed"));
}

}  // namespace
}  // namespace flowgrad
