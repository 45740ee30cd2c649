// IDX files: plain and gzip, and every way in which one can be wrong.

#include "training/idx.h"

#include <zlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 2 x 3 bytes.
const std::string kFile(
    "\0\0\x08\x02\0\0\0\x02\0\0\0\x03"
    "abcdef",
    18);

std::string Gzip(const std::string& bytes) {
  const std::string path = testing::TempDir() + "/gzip";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), bytes.size());
  gzclose(file);
  return *ReadFile(path, 1 << 30);
}

absl::StatusOr<IdxData> Read(const std::string& bytes, int64_t max_bytes = 1000) {
  const std::string path = testing::TempDir() + "/idx";
  EXPECT_TRUE(WriteFileAtomically(path, bytes).ok());
  return ReadIdx(path, max_bytes);
}

// The error without the path.
absl::Status Refusal(const std::string& bytes, int64_t max_bytes = 1000) {
  const absl::Status status = Read(bytes, max_bytes).status();
  const std::string prefix = testing::TempDir() + "/idx: ";
  const std::string message(status.message());
  EXPECT_EQ(message.find(prefix), 0u) << status;
  return absl::Status(status.code(), message.substr(std::min(prefix.size(), message.size())));
}

std::string WithByte(int at, char byte) {
  std::string bytes = kFile;
  bytes[at] = byte;
  return bytes;
}

TEST(IdxTest, ReadsDimsAndValues) {
  for (const std::string& bytes : {kFile, Gzip(kFile)}) {
    const absl::StatusOr<IdxData> data = Read(bytes);
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_THAT(data->dims, ElementsAre(2, 3));
    EXPECT_EQ(data->values(), "abcdef");
  }
}

TEST(IdxTest, ReadsAnEmptyFileOfRankFour) {
  const absl::StatusOr<IdxData> data =
      Read(std::string("\0\0\x08\x04", 4) + std::string(15, '\0') + "\x05");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->dims, ElementsAre(0, 0, 0, 5));
  EXPECT_EQ(data->values(), "");
}

TEST(IdxTest, RefusesOtherFiles) {
  EXPECT_EQ(Refusal(""),
            absl::InvalidArgumentError("is not an IDX file: it must begin with two bytes 0"));
  EXPECT_EQ(Refusal(WithByte(1, 1)),
            absl::InvalidArgumentError("is not an IDX file: it must begin with two bytes 0"));
  EXPECT_EQ(Refusal(WithByte(2, 0x0d)),
            absl::InvalidArgumentError("must hold unsigned bytes (type 8), but has type 13"));
  EXPECT_EQ(Refusal(WithByte(3, 0)),
            absl::InvalidArgumentError("must have from 1 to 4 dims, but has 0"));
  EXPECT_EQ(Refusal(WithByte(3, '\xff')),
            absl::InvalidArgumentError("must have from 1 to 4 dims, but has 255"));
}

TEST(IdxTest, RefusesALengthThatDoesNotMatchTheDims) {
  EXPECT_EQ(Refusal(kFile + "g"),
            absl::DataLossError("must have 6 values for its dims [2,3], but has 7"));
  EXPECT_EQ(Refusal(std::string("\0\0\x08\x04", 4) + std::string(16, '\xff')),
            absl::DataLossError("must have more than can be counted values for its dims "
                                "[4294967295,4294967295,4294967295,4294967295], but has 0"));
}

TEST(IdxTest, RefusesEveryCut) {
  const std::string zipped = Gzip(kFile);
  for (size_t size = 0; size < kFile.size(); ++size) EXPECT_FALSE(Read(kFile.substr(0, size)).ok());
  for (size_t size = 2; size < zipped.size(); ++size) {
    EXPECT_EQ(Refusal(zipped.substr(0, size)), absl::DataLossError("gzip data is cut off")) << size;
  }
}

TEST(IdxTest, NoticesDamageInGzipData) {
  std::string bytes = Gzip(kFile);
  bytes[bytes.size() - 8] ^= 1;
  EXPECT_EQ(Refusal(bytes), absl::DataLossError("gzip data is damaged: incorrect data check"));
  EXPECT_EQ(Refusal(Gzip(kFile) + "xyz"),
            absl::DataLossError("gzip data is followed by 3 bytes of something else"));
}

TEST(IdxTest, RefusesAFileThatUnpacksToMoreThanTheLimit) {
  const std::string bomb = Gzip(std::string(1 << 20, '\0'));
  EXPECT_EQ(Refusal(bomb, 100'000),
            absl::InvalidArgumentError("must unpack to at most 100000 bytes, but has more"));
  EXPECT_TRUE(Read(Gzip(kFile), 40).ok());
}

TEST(IdxTest, NamesAMissingFile) {
  EXPECT_EQ(ReadIdx("/no/idx").status(), absl::NotFoundError("/no/idx: no such file or directory"));
}

}  // namespace
}  // namespace flowgrad
