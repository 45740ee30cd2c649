// IDX files: every type, plain and gzip, and every way in which one can be wrong.

#include "training/data/idx_data.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/data/data_files.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

// 2 x 3 bytes.
const std::string kFile("\0\0\x08\x02\0\0\0\x02\0\0\0\x03\0\x33\x66\x99\xcc\xff", 18);
// 2 labels.
const std::string kLabels("\0\0\x08\x01\0\0\0\x02\x07\x02", 10);

class IdxDataTest : public DataFilesTest {
 protected:
  absl::StatusOr<DataParts> Open(const std::string& bytes) const {
    return OpenIdx({{"x", Put("x.idx", bytes)}});
  }
  absl::Status Refusal(const std::string& bytes) const { return Plain(Open(bytes).status()); }
};

std::string WithByte(int at, char byte) {
  std::string bytes = kFile;
  bytes[at] = byte;
  return bytes;
}

TEST_F(IdxDataTest, ReadsPixelsAndLabels) {
  for (const std::string& bytes : {kFile, Gzipped(kFile)}) {
    const absl::StatusOr<DataParts> parts =
        OpenIdx({{"images", Put("i", bytes)}, {"labels", Put("l", kLabels)}});
    ASSERT_THAT(parts, IsOk());
    const DataSet& data = parts->train;
    EXPECT_EQ(data.FieldType("images")->ToString(), "float[N,3]");
    EXPECT_EQ(data.FieldType("labels")->ToString(), "int64[N]");
    EXPECT_THAT(AllNumbers(data, "images", DType::kFloat),
                ElementsAre(0, 0.2f, 0.4f, 0.6f, 0.8f, 1));
    EXPECT_THAT(AllNumbers(data, "images", DType::kDouble), ElementsAre(0, 0.2, 0.4, 0.6, 0.8, 1));
    EXPECT_THAT(AllNumbers(data, "images", DType::kInt32), ElementsAre(0, 51, 102, 153, 204, 255));
    EXPECT_THAT(AllNumbers(data, "labels", DType::kInt64), ElementsAre(7, 2));
    EXPECT_EQ(data.Where("labels", 1), absl::StrCat(Path("l"), ": byte 9"));
  }
}

TEST_F(IdxDataTest, ReadsEveryType) {
  const auto numbers = [&](char type, const std::string& values, DType dtype) {
    const absl::StatusOr<DataParts> parts =
        Open(std::string("\0\0", 2) + type + std::string("\1\0\0\0\2", 5) + values);
    EXPECT_THAT(parts, IsOk());
    return AllNumbers(parts->train, "x", dtype);
  };
  EXPECT_THAT(numbers(9, std::string("\xff\x05"), DType::kFloat), ElementsAre(-1, 5));
  EXPECT_THAT(numbers(11, std::string("\xff\xfe\1\0", 4), DType::kInt32), ElementsAre(-2, 256));
  EXPECT_THAT(numbers(12, std::string("\xff\xff\xff\xfd\0\1\0\0", 8), DType::kInt64),
              ElementsAre(-3, 65536));
  EXPECT_THAT(numbers(13, std::string("\x3f\xc0\0\0\xc0\0\0\0", 8), DType::kFloat),
              ElementsAre(1.5, -2));
  EXPECT_THAT(
      numbers(14, std::string("\x3f\xf8\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 16), DType::kDouble),
      ElementsAre(1.5, -2));
}

TEST_F(IdxDataTest, ReadsATestPartOfTheSameFields) {
  const std::string train = Put("train", kFile);
  absl::StatusOr<DataParts> parts =
      OpenIdx({{"x", train}}, {.test_files = {{"x", Put("test", kFile)}}});
  ASSERT_THAT(parts, IsOk());
  EXPECT_EQ(parts->test->num_samples(), 2);
  EXPECT_EQ(Plain(OpenIdx({{"x", train}}, {.test_files = {{"x", Put("l", kLabels)}}}).status()),
            absl::InvalidArgumentError("l: byte 8: field \"x\" must be float[N,3] as in the "
                                       "training part, but is int64[N]"));
  EXPECT_EQ(OpenIdx({{"x", train}}, {.test_files = {{"y", train}}}).status(),
            absl::NotFoundError("test part: data set has no field \"x\", only y"));
}

// RELIABILITY J7.
TEST_F(IdxDataTest, J7RefusesFieldsOfOtherNumbersOfSamples) {
  std::string labels = kLabels.substr(0, 9);
  labels[7] = 1;
  EXPECT_EQ(
      Plain(OpenIdx({{"images", Put("i", kFile)}, {"labels", Put("l.idx", labels)}}).status()),
      absl::InvalidArgumentError("l.idx: byte 8: field \"labels\" must have 2 samples like "
                                 "field \"images\", but has 1"));
  EXPECT_EQ(Plain(OpenIdx({{"x", Path("i")}, {"x", Path("i")}}).status()),
            absl::InvalidArgumentError("field \"x\" is given twice"));
  EXPECT_EQ(OpenIdx({}).status(),
            absl::InvalidArgumentError("data must have a field, but have none"));
}

TEST_F(IdxDataTest, RefusesOtherFiles) {
  EXPECT_EQ(Refusal(""), absl::InvalidArgumentError(
                             "x.idx: is not an IDX file: it must begin with two bytes 0"));
  EXPECT_EQ(
      Refusal(WithByte(1, 1)),
      absl::InvalidArgumentError("x.idx: is not an IDX file: it must begin with two bytes 0"));
  EXPECT_EQ(Refusal(WithByte(2, 7)),
            absl::InvalidArgumentError(
                "x.idx: must have type 8, 9, 11, 12, 13 or 14 in byte 2, but has 7"));
  EXPECT_EQ(Refusal(WithByte(3, 0)),
            absl::InvalidArgumentError("x.idx: must have from 1 to 8 dims, but has 0"));
  EXPECT_EQ(Refusal(WithByte(3, '\xff')),
            absl::InvalidArgumentError("x.idx: must have from 1 to 8 dims, but has 255"));
}

TEST_F(IdxDataTest, J7RefusesALengthThatDoesNotMatchTheDims) {
  EXPECT_EQ(
      Refusal(kFile + "g"),
      absl::DataLossError("x.idx: must have 6 bytes after its header for uint8[2,3], but has 7"));
  EXPECT_EQ(Refusal(std::string("\0\0\x08\x04", 4) + std::string(16, '\xff')),
            absl::DataLossError("x.idx: has the dims [4294967295,4294967295,4294967295,4294967295],"
                                " which cannot be counted"));
  EXPECT_EQ(Refusal(std::string("\0\0\x08\x03", 4) + std::string(4, '\0') + std::string(8, '\xff')),
            absl::DataLossError("x.idx: has the dims [0,4294967295,4294967295], which cannot be "
                                "counted"));
}

TEST_F(IdxDataTest, RefusesDataWithoutSamplesOrNumbers) {
  EXPECT_EQ(Refusal(std::string("\0\0\x08\x01\0\0\0\0", 8)),
            absl::InvalidArgumentError("x.idx: byte 8: must have a sample, but has none"));
  EXPECT_EQ(Refusal(std::string("\0\0\x08\x02\0\0\0\2\0\0\0\0", 12)),
            absl::InvalidArgumentError(
                "x.idx: byte 12: field \"x\" must have a number in a sample, but has [0]"));
}

TEST_F(IdxDataTest, RefusesEveryCut) {
  for (size_t size = 0; size < kFile.size(); ++size) EXPECT_FALSE(Open(kFile.substr(0, size)).ok());
  const std::string packed = Gzipped(kFile);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(Open(packed.substr(0, size)).ok()) << size;
  }
}

TEST_F(IdxDataTest, NamesAMissingFile) {
  EXPECT_EQ(OpenIdx({{"x", "/no/idx"}}).status(),
            absl::NotFoundError("/no/idx: no such file or directory"));
}

TEST_F(IdxDataTest, J7FindsTheFirstBadLabel) {
  const DataSet data = OpenIdx({{"y", Put("labels.idx.gz", Gzipped(kLabels))}})->train;
  EXPECT_THAT(data.CheckIndices("y", 8), IsOk());
  EXPECT_EQ(Plain(data.CheckIndices("y", 2)),
            absl::InvalidArgumentError("labels.idx.gz: unpacked byte 8: field \"y\" must be from 0 "
                                       "to 1, but is 7"));
  EXPECT_EQ(Plain(data.CheckIndices("z", 2)).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace flowgrad
