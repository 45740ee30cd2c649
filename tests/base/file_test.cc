// Files: what is refused before it is read, and writing under every fault of the system.

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_files.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    for (const std::string& folder : {folder_, trash_}) {
      std::filesystem::remove_all(folder);
      std::filesystem::create_directory(folder);
    }
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Put(const std::string& name, const std::string& contents) const {
    std::ofstream(Path(name)) << contents;
  }
  int NumFiles() const {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++count;
    return count;
  }
  // The message of a failed read without the folder, and the code.
  absl::Status ReadError(const std::string& name, int64_t max_bytes = 100) const {
    const absl::Status status = ReadFile(Path(name), max_bytes).status();
    const std::string message(status.message());
    EXPECT_EQ(message.find(folder_ + "/"), 0u) << message;
    return absl::Status(status.code(), message.substr(folder_.size() + 1));
  }

  const std::string folder_ = testing::TempDir() + "/file_test";
  const std::string trash_ = folder_ + "_trash";
  FaultyFiles files_{trash_};
};

TEST_F(FileTest, ReadsAllBytes) {
  const std::string bytes("a\0\n\xff", 4);
  Put("f", bytes);
  EXPECT_EQ(*ReadFile(Path("f"), 4), bytes);
  Put("empty", "");
  EXPECT_EQ(*ReadFile(Path("empty"), 0), "");
}

TEST_F(FileTest, RefusesAFileOverTheLimitFromItsSize) {
  Put("f", "12345");
  EXPECT_EQ(ReadError("f", 4),
            absl::InvalidArgumentError("f: must have at most 4 bytes, but has 5"));
  Put("sparse", "");
  std::filesystem::resize_file(Path("sparse"), uint64_t{1} << 40);
  EXPECT_EQ(
      ReadError("sparse", 1000),
      absl::InvalidArgumentError("sparse: must have at most 1000 bytes, but has 1099511627776"));
}

TEST_F(FileTest, SaysThatThereIsNoSuchFile) {
  EXPECT_EQ(ReadError("missing"), absl::NotFoundError("missing: no such file or directory"));
  EXPECT_EQ(ReadFile("", 1).status(), absl::InvalidArgumentError("the name of a file is empty"));
}

TEST_F(FileTest, RefusesByTypeBeforeReading) {
  std::filesystem::create_directory(Path("folder"));
  EXPECT_EQ(ReadError("folder"),
            absl::InvalidArgumentError("folder: must be a regular file, but is a folder"));
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(ReadError("pipe"),
            absl::InvalidArgumentError("pipe: must be a regular file, but is a pipe"));
  for (const char* device : {"/dev/zero", "/dev/full", "/dev/null"}) {
    EXPECT_EQ(ReadFile(device, 100).status(),
              absl::InvalidArgumentError(std::string(device) +
                                         ": must be a regular file, but is a device"));
  }
}

TEST_F(FileTest, RefusesASocket) {
  // The name of a socket has room for 107 bytes, fewer than a test's folder may need.
  char folder[] = "/tmp/file_test_XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = std::string(folder) + "/socket";
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(ReadFile(path, 100).status(),
            absl::InvalidArgumentError(path + ": must be a regular file, but is a socket"));
  close(fd);
  std::filesystem::remove_all(folder);
}

TEST_F(FileTest, NamesThePathInSystemErrors) {
  ASSERT_EQ(symlink("loop", Path("loop").c_str()), 0);
  EXPECT_THAT(std::string(ReadError("loop").message()),
              HasSubstr("loop: too many levels of symbolic links"));
  const absl::Status too_long = ReadFile(std::string(5000, 'x'), 100).status();
  EXPECT_THAT(std::string(too_long.message()), HasSubstr("xxx...xxx"));
  EXPECT_THAT(std::string(too_long.message()), HasSubstr(": file name too long"));
  EXPECT_LT(too_long.message().size(), 300u);
}

TEST_F(FileTest, EscapesControlCharactersOfAPath) {
  EXPECT_EQ(ReadError("a\n\x1b[2J").message(), "a\\n\\x1b[2J: no such file or directory");
  Put("a", "");
  EXPECT_EQ(ReadError(std::string("a\0b", 3)).message(),
            "a\\x00b: the name of a file has a NUL byte");
}

TEST_F(FileTest, NoticesThatAFileWasCutWhileItWasRead) {
  Put("f", "123456");
  const auto file = InputFile::Open(Path("f"), 100);
  ASSERT_TRUE(file.ok());
  std::filesystem::resize_file(Path("f"), 2);
  char bytes[6];
  const absl::Status status = file->ReadAt(0, bytes, 6);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("f: had 6 bytes when it was opened, but now only 2"));
}

TEST_F(FileTest, WritesANewFileAndReplacesAnOldOne) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "first").ok());
  EXPECT_EQ(*ReadFile(Path("f"), 100), "first");
  ASSERT_TRUE(WriteFileAtomically(Path("f"), {"sec", "", "ond"}).ok());
  EXPECT_EQ(*ReadFile(Path("f"), 100), "second");
  EXPECT_EQ(NumFiles(), 1);
}

TEST_F(FileTest, DoesNotReplaceWhatIsNoFile) {
  std::filesystem::create_directory(Path("folder"));
  EXPECT_THAT(std::string(WriteFileAtomically(Path("folder"), "x").message()),
              HasSubstr("folder: must be a regular file, but is a folder"));
  EXPECT_EQ(WriteFileAtomically("/dev/full", "x").message(),
            "/dev/full: must be a regular file, but is a device");
  EXPECT_THAT(std::string(WriteFileAtomically(Path("no/f"), "x").message()),
              HasSubstr("no/f: cannot create a file in its folder: no such file or directory"));
}

TEST_F(FileTest, FollowsNoLinkPlantedAtItsTemporaryName) {
  Put("victim", "precious");
  for (int i = 1; i <= 60; ++i) {
    const std::string name = ".flowgrad-" + std::to_string(getpid()) + "-" + std::to_string(i);
    ASSERT_EQ(symlink("victim", Path(name + ".tmp").c_str()), 0);
  }
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "new").ok());
  EXPECT_EQ(*ReadFile(Path("f"), 100), "new");
  EXPECT_EQ(*ReadFile(Path("victim"), 100), "precious");
}

TEST_F(FileTest, GoesOnAfterShortWritesAndInterrupts) {
  for (const int error : {0, EINTR}) {
    files_.FailAt(FileCall::kWrite, 1, error);
    ASSERT_TRUE(WriteFileAtomically(Path("f"), "contents").ok());
    ASSERT_TRUE(files_.happened());
    EXPECT_EQ(*ReadFile(Path("f"), 100), "contents");
  }
}

TEST_F(FileTest, KeepsTheOldFileWhenACallFails) {
  struct Case {
    FileCall call;
    int nth;
    int error;
    absl::StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {FileCall::kWrite, 1, ENOSPC, absl::StatusCode::kResourceExhausted,
       "f: cannot write: no space left on device"},
      {FileCall::kWrite, 2, EIO, absl::StatusCode::kUnknown, "f: cannot write: input/output error"},
      {FileCall::kSync, 1, EIO, absl::StatusCode::kUnknown,
       "f: cannot flush to the disk: input/output error"},
      {FileCall::kClose, 1, EDQUOT, absl::StatusCode::kResourceExhausted,
       "f: cannot close: disk quota exceeded"},
      {FileCall::kRename, 1, EACCES, absl::StatusCode::kPermissionDenied,
       "f: cannot rename the new file to it: permission denied"},
  };
  Put("f", "old");
  for (const Case& c : cases) {
    files_.FailAt(c.call, c.nth, c.error);
    const absl::Status status = WriteFileAtomically(Path("f"), {"new ", "contents"});
    EXPECT_TRUE(files_.happened()) << c.message;
    EXPECT_EQ(status.code(), c.code) << c.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_EQ(*ReadFile(Path("f"), 100), "old") << c.message;
    EXPECT_EQ(NumFiles(), 1) << c.message;
  }
}

TEST_F(FileTest, ReportsAFolderThatCannotBeFlushed) {
  files_.FailAt(FileCall::kSync, 2, EIO);
  const absl::Status status = WriteFileAtomically(Path("f"), "new");
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("file_test: cannot flush the folder to the disk: input/output error"));
  EXPECT_EQ(*ReadFile(Path("f"), 100), "new");
  EXPECT_EQ(NumFiles(), 1);
}

TEST_F(FileTest, LeavesNoDescriptorOpen) {
  const int before = open("/dev/null", O_RDONLY);
  close(before);
  for (int i = 0; i < 10; ++i) {
    files_.Reset();
    ASSERT_TRUE(WriteFileAtomically(Path("f"), "x").ok());
    ASSERT_TRUE(ReadFile(Path("f"), 100).ok());
    ASSERT_FALSE(ReadFile(folder_, 100).ok());
    files_.FailAt(FileCall::kSync, 1, EIO);
    ASSERT_FALSE(WriteFileAtomically(Path("f"), "x").ok());
  }
  const int after = open("/dev/null", O_RDONLY);
  close(after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace flowgrad
