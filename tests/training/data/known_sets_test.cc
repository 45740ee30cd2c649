// Data sets that have a name: those made by rule, Fashion-MNIST as it is installed, and small ones
// that do not fit together.

#include "training/data/known_sets.h"

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

constexpr char kSet[] = "fashion-mnist";

// Three images in both parts; image s has the bytes s, s + 1, s + 2 ...
class KnownSetsTest : public DataFilesTest {
 protected:
  KnownSetsTest() {
    std::string images("\0\0\x08\x03\0\0\0\x03\0\0\0\x1c\0\0\0\x1c", 16);
    for (int s = 0; s < 3; ++s) {
      for (int i = 0; i < 784; ++i) images += static_cast<char>(s + i);
    }
    Put("train-images-idx3-ubyte", images);
    Put("t10k-images-idx3-ubyte.gz", Gzipped(images));
    PutLabels("train", std::string("\x09\x00\x04", 3));
    PutLabels("t10k", std::string("\x09\x00\x04", 3));
  }

  void PutLabels(absl::string_view part, const std::string& labels) const {
    Put(absl::StrCat(part, "-labels-idx1-ubyte"),
        absl::StrCat(std::string("\0\0\x08\x01\0\0\0", 7),
                     std::string(1, static_cast<char>(labels.size())), labels));
  }
  absl::Status Refusal() const { return Plain(OpenKnownSet(kSet, folder_).status()); }
};

TEST_F(KnownSetsTest, ReadsPixelsAndLabels) {
  for (const int64_t memory_bytes : {int64_t{0}, int64_t{4000}, kDataMemoryBytes}) {
    const absl::StatusOr<DataParts> parts = OpenKnownSet(kSet, folder_, memory_bytes);
    ASSERT_THAT(parts, IsOk());
    for (const DataSet& data : {parts->train, *parts->test}) {
      EXPECT_THAT(data.field_names(), ElementsAre("images", "labels"));
      EXPECT_EQ(data.FieldType("images")->ToString(), "float[N,784]");
      EXPECT_EQ(data.FieldType("labels")->ToString(), "int64[N]");
      const Tensor images = *data.Batch("images", {2, 0, 2}, DType::kFloat);
      EXPECT_EQ(images.data<float>()[0], 2.0f / 255.0f);
      EXPECT_EQ(images.data<float>()[784 + 255], 1.0f);
      EXPECT_EQ(images.data<float>()[784 + 256], 0.0f);
      EXPECT_EQ(images.data<float>()[2 * 784 + 9], 11.0f / 255.0f);
      EXPECT_EQ(data.Batch("images", {1}, DType::kDouble)->data<double>()[0], 1.0 / 255.0);
      EXPECT_THAT(AllNumbers(data, "labels", DType::kInt32), ElementsAre(9, 0, 4));
      EXPECT_EQ(data.Names("labels").size(), 10u);
      EXPECT_FALSE(data.CanBe("images", DType::kInt64));
      EXPECT_FALSE(data.CanBe("labels", DType::kFloat));
    }
  }
}

TEST_F(KnownSetsTest, RefusesLabelsThatAreNoClass) {
  PutLabels("t10k", "\x01\x02\x0a");
  EXPECT_EQ(Refusal(), absl::DataLossError("t10k-labels-idx1-ubyte: byte 10: label must be from 0 "
                                           "to 9, but is 10"));
}

TEST_F(KnownSetsTest, RefusesAnotherNumberOfLabelsThanImages) {
  PutLabels("train", "\x01\x02");
  EXPECT_EQ(Refusal(), absl::InvalidArgumentError(
                           "train-labels-idx1-ubyte: byte 8: field \"labels\" must have 3 samples "
                           "like field \"images\", but has 2"));
}

TEST_F(KnownSetsTest, RefusesImagesOfAnotherSize) {
  Put("train-images-idx3-ubyte", std::string("\0\0\x08\x01\0\0\0\x01x", 9));
  EXPECT_EQ(Refusal(), absl::DataLossError("train-images-idx3-ubyte: images must be "
                                           "uint8[N,28,28], but are uint8[1]"));
  Put("train-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\0\0\0\0\x1c\0\0\0\x1c", 16));
  PutLabels("train", "");
  EXPECT_EQ(Refusal(), absl::InvalidArgumentError(
                           "train-images-idx3-ubyte: byte 16: must have a sample, but has none"));
}

TEST_F(KnownSetsTest, SaysWhichPackageHasTheFiles) {
  EXPECT_EQ(OpenKnownSet(kSet, "/no").status(),
            absl::NotFoundError("/no/train-images-idx3-ubyte.gz: data set \"fashion-mnist\" is not "
                                "here; install the package dataset-fashion-mnist, or name the "
                                "folder that has it with --data"));
}

TEST_F(KnownSetsTest, NamesTheKnownSets) {
  EXPECT_EQ(OpenKnownSet("").status(),
            absl::NotFoundError("data set \"\" is not known; known are fashion-mnist, modulo-3, "
                                "tic-tac-toe"));
  EXPECT_EQ(OpenKnownSet("fashion-mist").status(),
            absl::NotFoundError(
                "data set \"fashion-mist\" is not known; did you mean \"fashion-mnist\"?"));
  EXPECT_EQ(OpenKnownSet("modulo-3", "/x").status(),
            absl::InvalidArgumentError(
                "data set modulo-3 is made by rule and takes no files, but \"/x\" is given"));
}

// Facts about the set itself: 6,000 images of each class (1,000 in the test part), and the first
// labels.
TEST_F(KnownSetsTest, FashionMnistHasTheRightSamples) {
  const absl::StatusOr<DataParts> parts = OpenKnownSet(kSet);
  ASSERT_THAT(parts, IsOk());
  for (const auto& [data, size] : {std::pair(parts->train, 60000), {*parts->test, 10000}}) {
    ASSERT_EQ(data.num_samples(), size);
    std::vector<int> counts(10);
    const std::vector<double> labels = AllNumbers(data, "labels", DType::kInt64);
    for (const double label : labels) ++counts[static_cast<size_t>(label)];
    EXPECT_EQ(counts, std::vector<int>(10, size / 10));
    EXPECT_EQ(labels[0], 9);  // an ankle boot in both parts
    EXPECT_EQ(data.Names("labels")[9], "Ankle boot");
  }
}

TEST_F(KnownSetsTest, TicTacToeHasAllBoards) {
  const absl::StatusOr<DataParts> parts = OpenKnownSet("tic-tac-toe");
  ASSERT_THAT(parts, IsOk());
  const DataSet& data = parts->train;
  EXPECT_EQ(data.num_samples(), 512);
  EXPECT_EQ(parts->test->num_samples(), 512);
  EXPECT_EQ(data.FieldType("board")->ToString(), "float[N,9]");
  const std::vector<double> boards = AllNumbers(data, "board", DType::kFloat);
  const std::vector<double> labels = AllNumbers(data, "label", DType::kInt64);
  int won = 0;
  for (int b = 0; b < 512; ++b) {
    const auto cell = [&](int row, int column) { return boards[b * 9 + row * 3 + column] == 1; };
    bool line =
        (cell(0, 0) && cell(1, 1) && cell(2, 2)) || (cell(0, 2) && cell(1, 1) && cell(2, 0));
    for (int i = 0; i < 3; ++i) {
      line = line || (cell(i, 0) && cell(i, 1) && cell(i, 2)) ||
             (cell(0, i) && cell(1, i) && cell(2, i));
    }
    EXPECT_EQ(labels[b], line) << b;
    won += line;
  }
  EXPECT_EQ(won, 282);
  EXPECT_THAT(data.Batch("board", {5}, DType::kInt32)->at(2), 1);
}

TEST_F(KnownSetsTest, Modulo3HasAllNumbers) {
  const DataSet data = OpenKnownSet("modulo-3")->train;
  EXPECT_EQ(data.FieldType("bits")->ToString(), "float[N,4]");
  EXPECT_THAT(AllNumbers(data, "label", DType::kInt64),
              ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0));
  const Tensor twelve = *data.Batch("bits", {12}, DType::kFloat);
  EXPECT_EQ(twelve.at(0), 0);
  EXPECT_EQ(twelve.at(1), 0);
  EXPECT_EQ(twelve.at(2), 1);
  EXPECT_EQ(twelve.at(3), 1);
}

}  // namespace
}  // namespace flowgrad
