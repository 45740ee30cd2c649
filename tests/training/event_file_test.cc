// TensorBoard's event files, decoded by code that shares none with the writer.

#include "training/event_file.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// CRC-32C, a bit at a time: RFC 3720, polynomial 0x1EDC6F41, here with its bits reversed.
uint32_t Crc32c(absl::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
  }
  return ~crc;
}

template <class T>
T Take(absl::string_view& bytes) {
  T number{};
  EXPECT_GE(bytes.size(), sizeof(number));
  if (bytes.size() < sizeof(number)) return number;
  std::memcpy(&number, bytes.data(), sizeof(number));
  bytes.remove_prefix(sizeof(number));
  return number;
}

void ExpectMaskedCrc(uint32_t masked, absl::string_view bytes) {
  const uint32_t rotated = masked - 0xA282EAD8u;
  EXPECT_EQ((rotated >> 17) | (rotated << 15), Crc32c(bytes));
}

std::vector<std::string> RecordsOf(const std::string& path) {
  const std::string file = *ReadFile(path, 1 << 20);
  absl::string_view bytes = file;
  std::vector<std::string> records;
  while (!bytes.empty()) {
    const absl::string_view begin = bytes;
    const auto length = Take<uint64_t>(bytes);
    ExpectMaskedCrc(Take<uint32_t>(bytes), begin.substr(0, 8));
    if (length > bytes.size()) {
      ADD_FAILURE() << "a record is cut off";
      break;
    }
    const absl::string_view data = bytes.substr(0, length);
    bytes.remove_prefix(length);
    ExpectMaskedCrc(Take<uint32_t>(bytes), data);
    records.emplace_back(data);
  }
  return records;
}

std::string NewFolder(absl::string_view name) {
  const std::string folder = absl::StrCat(testing::TempDir(), "/", name);
  std::filesystem::remove_all(folder);
  return folder;
}

TEST(EventFileTest, ChecksumOfTheTestIsThatOfTheStandard) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
}

// Bytes by hand from the numbers of event.proto and summary.proto: field 1 a double, field 2 a
// varint, field 3 text, field 5 a message with field 1 a message with field 1 text and field 2 a
// float.
TEST(EventFileTest, WritesRecordsOfTensorBoard) {
  const std::string folder = NewFolder("logs/of a run");
  absl::StatusOr<EventFile> file = EventFile::Open(folder);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->path(), StartsWith(folder + "/events.out.tfevents."));
  ASSERT_THAT(file->Add(300, "loss", 0.5, 2.0), IsOk());
  const std::vector<std::string> records = RecordsOf(file->path());
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0][0], '\x09');
  EXPECT_EQ(records[0].substr(9), absl::StrCat("\x1a\x0d", "brain.Event:2"));
  const std::string value = absl::StrCat("\x0a\x04loss\x15", std::string("\0\0\0\x3f", 4));
  EXPECT_EQ(records[1], absl::StrCat("\x09", std::string("\0\0\0\0\0\0\0\x40", 8), "\x10\xac\x02",
                                     "\x2a\x0d", "\x0a\x0b", value));
}

TEST(EventFileTest, HasEveryRecordThatWasAddedWhenTheProgramIsKilled) {
  const std::string folder = NewFolder("killed");
  EXPECT_EXIT(
      {
        EventFile file = *EventFile::Open(folder);
        for (int i = 0; i < 100; ++i) (void)file.Add(i, "loss", i, i);
        raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_THAT(RecordsOf(entry.path().string()), SizeIs(101));
  }
}

TEST(EventFileTest, GivesEachOfTwoRunsInOneSecondItsFile) {
  const std::string folder = NewFolder("two");
  absl::StatusOr<EventFile> first = EventFile::Open(folder), second = EventFile::Open(folder);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_NE(first->path(), second->path());
  ASSERT_THAT(first->Add(1, "a", 1, 1), IsOk());
  EXPECT_THAT(RecordsOf(first->path()), SizeIs(2));
  EXPECT_THAT(RecordsOf(second->path()), SizeIs(1));
}

TEST(EventFileTest, TakesAnyNameAndNumber) {
  absl::StatusOr<EventFile> file = EventFile::Open(NewFolder("any"));
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->Add(-1, "", NAN, NAN), IsOk());
  EXPECT_THAT(file->Add(int64_t{1} << 62, "not \xff UTF-8", 1e300, -1), IsOk());
  EXPECT_THAT(file->Add(0, std::string(100'000, 'x'), INFINITY, 0), IsOk());
  EXPECT_THAT(file->Flush(), IsOk());
  const std::vector<std::string> records = RecordsOf(file->path());
  ASSERT_THAT(records, SizeIs(4));
  EXPECT_THAT(records[2], HasSubstr("not \\xff UTF-8"));
}

TEST(EventFileTest, RefusesAFolderThatCannotBe) {
  EXPECT_THAT(EventFile::Open(""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the name of a folder must not be empty or have a NUL byte, but is \"\""));
  const std::string path = testing::TempDir() + "/a_file";
  ASSERT_THAT(WriteFileAtomically(path, ""), IsOk());
  EXPECT_THAT(EventFile::Open(path).status().ToString(), HasSubstr(path + ": cannot make the "));
  EXPECT_THAT(EventFile::Open(path + "/below").status().ToString(),
              HasSubstr(path + "/below: cannot make the folder: not a directory"));
}

// 0 if a file that may not grow beyond 1,000 bytes takes records until it is full and refuses more.
int FillFile(const std::string& folder) {
  EventFile file = *EventFile::Open(folder);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit = {1000, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &limit);
  absl::Status status;
  while (status.ok()) status = file.Add(1, "loss", 1, 1);
  if (!absl::IsResourceExhausted(status)) return 1;
  return file.Add(1, std::string(2000, 'x'), 1, 1).ok() ? 2 : 0;
}

// The file is a whole number of records, whatever was cut off.
TEST(EventFileTest, TakesBackARecordThatWasNotWrittenWhole) {
  const std::string folder = NewFolder("full");
  EXPECT_EXIT(_exit(FillFile(folder)), testing::ExitedWithCode(0), "");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_GT(RecordsOf(entry.path().string()).size(), 10u);
  }
}

}  // namespace
}  // namespace flowgrad
