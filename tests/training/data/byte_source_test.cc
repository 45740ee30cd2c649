// Bytes of files, in memory, in place and in temporary files, and gzip data on the way.

#include "training/data/byte_source.h"

#include <errno.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_files.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/data/data_files.h"
#include "training/data/byte_stream.h"

namespace flowgrad {
namespace {

constexpr int64_t kAnySize = std::numeric_limits<int64_t>::max();

// Bytes without a pattern that a wrong offset could hit.
std::string Bytes(size_t size) {
  std::string bytes;
  uint32_t state = 1;
  while (bytes.size() < size) {
    state = state * 1664525 + 1013904223;
    bytes += static_cast<char>(state >> 24);
  }
  return bytes;
}

class ByteSourceTest : public DataFilesTest {
 protected:
  absl::StatusOr<std::shared_ptr<const ByteSource>> Open(absl::string_view bytes,
                                                         int64_t memory_bytes) const {
    MemoryBudget memory(memory_bytes);
    return OpenBytes(*InputFile::Open(Put("file", bytes), kAnySize), memory);
  }
};

std::string Read(const ByteSource& source, int64_t offset, int64_t count) {
  std::string bytes(count, '\0');
  EXPECT_THAT(source.ReadAt(offset, bytes.data(), count), IsOk());
  return bytes;
}

TEST_F(ByteSourceTest, HasTheSameBytesInMemoryAndInFiles) {
  const std::string bytes = Bytes(3'000'000);
  for (const std::string& file : {bytes, Gzipped(bytes)}) {
    for (const int64_t memory_bytes : {0, 1'500'000, 10'000'000}) {
      const auto source = Open(file, memory_bytes);
      ASSERT_THAT(source, IsOk());
      EXPECT_EQ((*source)->memory() != nullptr, memory_bytes == 10'000'000);
      ASSERT_EQ((*source)->size(), 3'000'000);
      EXPECT_EQ(Read(**source, 0, 3'000'000), bytes);
      EXPECT_EQ(Read(**source, 1'234'567, 89), bytes.substr(1'234'567, 89));
      EXPECT_EQ(Read(**source, 3'000'000, 0), "");
    }
  }
}

TEST_F(ByteSourceTest, CountsOffsetsOfWhatIsUnpacked) {
  EXPECT_EQ((*Open("abc", 9))->Where(2), absl::StrCat(Path("file"), ": byte 2"));
  EXPECT_EQ((*Open(Gzipped("abc"), 0))->Where(2), absl::StrCat(Path("file"), ": unpacked byte 2"));
}

TEST_F(ByteSourceTest, ReadsNothingOfAnEmptyFile) {
  EXPECT_EQ((*Open("", 0))->size(), 0);
  EXPECT_EQ((*Open(Gzipped(""), 0))->size(), 0);
}

TEST_F(ByteSourceTest, LeavesNoTemporaryFile) {
  setenv("TMPDIR", folder_.c_str(), 1);
  const auto source = Open(Gzipped(Bytes(100'000)), 0);
  ASSERT_THAT(source, IsOk());
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().filename(), "file");
  }
  setenv("TMPDIR", "/no/such", 1);
  EXPECT_EQ(Plain(Open(Gzipped(Bytes(100'000)), 0).status()),
            absl::ResourceExhaustedError("file: cannot make in /no/such a temporary file for its "
                                         "data: no such file or directory"));
  unsetenv("TMPDIR");
}

TEST_F(ByteSourceTest, GoesOnAfterShortWritesAndTellsAFullDisk) {
  FaultyFiles files(Path("trash"));
  const auto spooled = [&](int64_t memory_bytes) -> absl::StatusOr<std::string> {
    MemoryBudget memory(memory_bytes);
    Spool spool("data.csv", "byte", memory);
    RETURN_IF_ERROR(spool.Append(Bytes(300'000)));
    ASSIGN_OR_RETURN(const auto source, spool.Finish());
    return Read(*source, 0, source->size());
  };
  for (const int error : {0, EINTR}) {
    files.FailAt(FileCall::kWrite, 1, error);
    EXPECT_EQ(*spooled(0), Bytes(300'000));
    EXPECT_TRUE(files.happened());
    files.Reset();
  }
  files.FailAt(FileCall::kWrite, 1, ENOSPC);
  EXPECT_EQ(spooled(0).status(),
            absl::ResourceExhaustedError("data.csv: cannot write a temporary file for its data: no "
                                         "space left on device"));
  files.Reset();
  // A file system that has no files without a name.
  files.FailAt(FileCall::kOpen, 1, EOPNOTSUPP);
  EXPECT_EQ(*spooled(0), Bytes(300'000));
  EXPECT_EQ(files.open_files(), 0);
}

// RELIABILITY J6.
TEST_F(ByteSourceTest, J6NoticesThatTheFileHasChanged) {
  const auto source = Open(Bytes(1000), 0);
  ASSERT_THAT(source, IsOk());
  std::ofstream(Path("file"), std::ios::app) << "x";
  char byte;
  EXPECT_EQ(Plain((*source)->ReadAt(7, &byte, 1)),
            absl::DataLossError("file: has changed since it was opened, noticed at byte 7"));
  std::filesystem::resize_file(Path("file"), 5);
  EXPECT_EQ(Plain((*source)->ReadAt(7, &byte, 1)),
            absl::DataLossError("file: had 1000 bytes when it was opened, but now only 7"));
  const auto overwritten = Open(Bytes(1000), 0);
  std::filesystem::last_write_time(
      Path("file"), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ((*overwritten)->ReadAt(7, &byte, 1).code(), absl::StatusCode::kDataLoss);
}

TEST_F(ByteSourceTest, KeepsItsBytesWhenTheFileIsReplaced) {
  const auto source = Open(Bytes(1000), 0);
  std::filesystem::rename(Put("new", "new"), Path("file"));
  EXPECT_EQ(Read(**source, 0, 1000), Bytes(1000));
}

TEST_F(ByteSourceTest, IsReadByManyThreads) {
  const std::string bytes = Bytes(200'000);
  const auto source = Open(Gzipped(bytes), 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const int64_t offset = (t * 7919 + i * 104729) % 199'000;
        EXPECT_EQ(Read(**source, offset, 1000), bytes.substr(offset, 1000));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ByteSourceTest, UnpacksMembersThatFollowEachOther) {
  const auto source = Open(absl::StrCat(Gzipped("one "), Gzipped(""), Gzipped("two")), 100);
  ASSERT_THAT(source, IsOk());
  EXPECT_EQ(Read(**source, 0, 7), "one two");
}

TEST_F(ByteSourceTest, RefusesEveryCutOfGzipData) {
  const std::string packed = Gzipped(Bytes(300));
  for (size_t size = 2; size < packed.size(); ++size) {
    EXPECT_EQ(Plain(Open(packed.substr(0, size), 1000).status()),
              absl::DataLossError("file: gzip data is cut off"))
        << size;
  }
}

TEST_F(ByteSourceTest, NoticesDamageInGzipData) {
  std::string packed = Gzipped("abc");
  packed[packed.size() - 8] ^= 1;
  EXPECT_EQ(Plain(Open(packed, 1000).status()),
            absl::DataLossError("file: gzip data is damaged: incorrect data check"));
  EXPECT_EQ(Plain(Open(absl::StrCat(Gzipped("abc"), "xyz"), 1000).status()),
            absl::DataLossError("file: gzip data is followed by 3 bytes of something else"));
}

TEST_F(ByteSourceTest, KeepsTheBudget) {
  MemoryBudget memory(1000);
  const std::string path = Put("file", Bytes(600));
  const auto first = OpenBytes(*InputFile::Open(path, kAnySize), memory);
  const auto second = OpenBytes(*InputFile::Open(path, kAnySize), memory);
  EXPECT_NE((*first)->memory(), nullptr);
  EXPECT_EQ((*second)->memory(), nullptr);
  EXPECT_TRUE(memory.Take(400));
  EXPECT_FALSE(memory.Take(1));
}

TEST_F(ByteSourceTest, ASpoolGivesBackWhatItDidNotUse) {
  MemoryBudget memory(1 << 20);
  {
    Spool spool("name", "byte", memory);
    ASSERT_THAT(spool.Append("abc"), IsOk());
    const auto source = spool.Finish();
    ASSERT_THAT(source, IsOk());
    EXPECT_EQ(Read(**source, 1, 2), "bc");
  }
  EXPECT_TRUE(memory.Take((1 << 20) - 3));
}

TEST_F(ByteSourceTest, AStreamBeginsAgain) {
  for (const std::string& file : {std::string("abcdef"), Gzipped("abcdef")}) {
    absl::StatusOr<ByteStream> stream = ByteStream::Open(*InputFile::Open(Put("f", file), 1000));
    ASSERT_THAT(stream, IsOk());
    char bytes[4];
    EXPECT_EQ(*stream->Read(bytes, 4), 4);
    ASSERT_THAT(stream->Rewind(), IsOk());
    EXPECT_EQ(*stream->Read(bytes, 4), 4);
    EXPECT_EQ(absl::string_view(bytes, 4), "abcd");
    EXPECT_EQ(*stream->Read(bytes, 4), 2);
    EXPECT_EQ(*stream->Read(bytes, 4), 0);
  }
}

}  // namespace
}  // namespace flowgrad
