// Data sets: the values of the installed Fashion-MNIST, and small sets that do not fit together.

#include "training/dataset.h"

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

constexpr char kSet[] = "fashion-mnist";

class DataSetTest : public testing::Test {
 protected:
  DataSetTest() : folder_(testing::TempDir() + "/dataset_test") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    // Image s has the bytes s, s + 1, s + 2 ...
    std::string images("\0\0\x08\x03\0\0\0\x03\0\0\0\x1c\0\0\0\x1c", 16);
    for (int s = 0; s < 3; ++s) {
      for (int i = 0; i < 784; ++i) images += static_cast<char>(s + i);
    }
    Put("t10k-images-idx3-ubyte", images);
    PutLabels(std::string("\x09\x00\x04", 3));
  }

  void Put(const std::string& name, const std::string& bytes) const {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + name, bytes).ok());
  }
  void PutLabels(const std::string& labels) const {
    Put("t10k-labels-idx1-ubyte",
        absl::StrCat(std::string("\0\0\x08\x01\0\0\0", 7),
                     std::string(1, static_cast<char>(labels.size())), labels));
  }
  absl::StatusOr<DataSet> Load() const {
    return DataSet::Load(kSet, folder_, DataSet::Part::kTest);
  }
  // The error without the folder.
  absl::Status Refusal() const {
    const absl::Status status = Load().status();
    const std::string message(status.message());
    EXPECT_TRUE(absl::StartsWith(message, folder_ + "/")) << status;
    return absl::Status(status.code(),
                        message.substr(std::min(message.size(), folder_.size() + 1)));
  }

  const std::string folder_;
};

TEST_F(DataSetTest, GivesSamplesInTheOrderAskedFor) {
  const DataSet set = *Load();
  EXPECT_EQ(set.num_samples(), 3);
  EXPECT_THAT(set.field_names(), ElementsAre("images", "labels"));
  EXPECT_EQ(set.FieldType("images")->ToString(), "float[N,784]");
  EXPECT_EQ(set.FieldType("labels")->ToString(), "int64[N]");
  const Tensor images = *set.Batch("images", {2, 0, 2}, DType::kFloat);
  EXPECT_THAT(images.dims(), ElementsAre(3, 784));
  EXPECT_EQ(images.data<float>()[0], 2.0f / 255.0f);
  EXPECT_EQ(images.data<float>()[784 + 255], 1.0f);
  EXPECT_EQ(images.data<float>()[784 + 256], 0.0f);
  EXPECT_EQ(images.data<float>()[2 * 784 + 9], 11.0f / 255.0f);
  const Tensor labels = *set.Batch("labels", {2, 0, 2}, DType::kInt64);
  EXPECT_THAT(labels.dims(), ElementsAre(3));
  EXPECT_EQ(labels.data<int64_t>()[0], 4);
  EXPECT_EQ(labels.data<int64_t>()[1], 9);
}

TEST_F(DataSetTest, GivesAnEmptyBatch) {
  const Tensor images = *Load()->Batch("images", {}, DType::kFloat);
  EXPECT_THAT(images.dims(), ElementsAre(0, 784));
}

TEST_F(DataSetTest, ConvertsToTheDtypeAskedFor) {
  const DataSet set = *Load();
  EXPECT_EQ(set.Batch("images", {1}, DType::kDouble)->data<double>()[0], 1.0 / 255.0);
  EXPECT_EQ(set.Batch("labels", {0}, DType::kInt32)->data<int32_t>()[0], 9);
  EXPECT_EQ(set.Batch("images", {1}, DType::kInt64).status(),
            absl::InvalidArgumentError("field \"images\" can be float or double, but not int64"));
  EXPECT_EQ(set.Batch("labels", {1}, DType::kFloat).status(),
            absl::InvalidArgumentError("field \"labels\" can be int32 or int64, but not float"));
}

TEST_F(DataSetTest, FillsABatchThatExists) {
  const DataSet set = *Load();
  Tensor batch(DType::kFloat, {2, 784});
  ASSERT_TRUE(set.FillBatch("images", {1, 2}, batch).ok());
  EXPECT_EQ(batch.data<float>()[784], 2.0f / 255.0f);
  EXPECT_EQ(set.FillBatch("images", {1}, batch),
            absl::InvalidArgumentError("batch must have the dims [1,784], but has [2,784]"));
}

TEST_F(DataSetTest, RefusesFieldsAndSamplesThatDoNotExist) {
  const DataSet set = *Load();
  EXPECT_EQ(set.Batch("image", {0}, DType::kFloat).status(),
            absl::NotFoundError("data set has no field \"image\", only images, labels"));
  EXPECT_EQ(set.FieldType("x").status().code(), absl::StatusCode::kNotFound);
  for (const int64_t sample : {int64_t{-1}, int64_t{3}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(
        set.Batch("images", {0, sample}, DType::kFloat).status(),
        absl::InvalidArgumentError(absl::StrCat("sample must be from 0 to 2, but is ", sample)));
  }
}

TEST_F(DataSetTest, RefusesLabelsThatAreNoClass) {
  PutLabels("\x01\x02\x0a");
  EXPECT_EQ(Refusal(), absl::DataLossError("t10k-labels-idx1-ubyte: labels must be from 0 to 9, "
                                           "but that of sample 2 is 10"));
}

TEST_F(DataSetTest, RefusesAnotherNumberOfLabelsThanImages) {
  PutLabels("\x01\x02");
  EXPECT_EQ(Refusal(), absl::DataLossError("t10k-labels-idx1-ubyte: labels must have the dims [3] "
                                           "to match the images, but have [2]"));
}

TEST_F(DataSetTest, RefusesImagesOfAnotherSize) {
  Put("t10k-images-idx3-ubyte", std::string("\0\0\x08\x01\0\0\0\x01x", 9));
  EXPECT_EQ(Refusal(), absl::DataLossError("t10k-images-idx3-ubyte: images must have the dims "
                                           "[samples,28,28], but have [1]"));
  Put("t10k-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\0\0\0\0\x1c\0\0\0\x1c", 16));
  EXPECT_EQ(Refusal(),
            absl::DataLossError("t10k-images-idx3-ubyte: must have an image, but has none"));
}

TEST_F(DataSetTest, SaysWhichPackageHasTheFiles) {
  EXPECT_EQ(DataSet::Load(kSet, "/no", DataSet::Part::kTrain).status(),
            absl::NotFoundError("/no/train-images-idx3-ubyte.gz: data set \"fashion-mnist\" is not "
                                "here; install the package dataset-fashion-mnist, or name the "
                                "folder that has it with --data"));
  EXPECT_EQ(DataSet::Load("mnist", "", DataSet::Part::kTrain).status(),
            absl::NotFoundError("data set \"mnist\" is not known; known is \"fashion-mnist\""));
}

// Facts about the set itself: 6,000 images of each class (1,000 in the test part), and the first
// labels.
TEST(FashionMnistTest, HasTheRightSamples) {
  const std::pair<DataSet::Part, int> parts[] = {{DataSet::Part::kTrain, 60000},
                                                 {DataSet::Part::kTest, 10000}};
  for (const auto& [part, size] : parts) {
    const absl::StatusOr<DataSet> set = DataSet::Load(kSet, "", part);
    ASSERT_TRUE(set.ok()) << set.status();
    ASSERT_EQ(set->num_samples(), size);
    std::vector<int64_t> all(size);
    for (int i = 0; i < size; ++i) all[i] = i;
    const Tensor labels = *set->Batch("labels", all, DType::kInt64);
    std::vector<int> counts(10);
    for (int i = 0; i < size; ++i) ++counts[labels.data<int64_t>()[i]];
    EXPECT_EQ(counts, std::vector<int>(10, size / 10));
    EXPECT_EQ(labels.data<int64_t>()[0], 9);  // an ankle boot in both parts
  }
}

}  // namespace
}  // namespace flowgrad
