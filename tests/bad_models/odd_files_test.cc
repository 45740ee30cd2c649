// Paths that are no files, or no files that can be read: each is refused by every command, for
// every argument that names a file, at once and with one line that begins with the path.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

namespace fs = std::filesystem;

constexpr char kModel[] = "tests/tools/testdata/modulo3.pbtxt";

struct OddFile {
  std::string path, message;
};

void MakeSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << path;
  close(fd);
}

std::vector<OddFile> OddFiles() {
  // A path of a socket has at most 107 bytes.
  const std::string folder = fs::temp_directory_path() / absl::StrCat("odd-", getpid());
  fs::remove_all(folder);
  fs::create_directories(folder + "/folder");
  EXPECT_EQ(mkfifo((folder + "/pipe").c_str(), 0600), 0);
  MakeSocket(folder + "/socket");
  fs::create_symlink("loop", folder + "/loop");
  fs::create_symlink("nothing", folder + "/dangling");
  std::vector<OddFile> files = {
      {folder + "/folder", "must be a regular file, but is a folder"},
      {folder + "/pipe", "must be a regular file, but is a pipe"},
      {folder + "/socket", "must be a regular file, but is a socket"},
      {"/dev/zero", "must be a regular file, but is a device"},
      {"/dev/full", "must be a regular file, but is a device"},
      {folder + "/loop", "too many levels of symbolic links"},
      {folder + "/dangling", "no such file or directory"},
      {folder + "/none", "no such file or directory"},
      {folder + "/" + std::string(5000, 'a'), "file name too long"},
      {kModel + std::string("/x"), "not a directory"},
  };
  // The superuser may read anything.
  if (geteuid() != 0) {
    Write(folder + "/secret", "format_version: 1 graph { }");
    fs::permissions(folder + "/secret", fs::perms::none);
    files.push_back({folder + "/secret", "permission denied"});
  }
  return files;
}

// How a message shows it.
std::string Shown(const std::string& path) {
  return path.size() <= 400
             ? path
             : absl::StrCat(path.substr(0, 80), "...", path.substr(path.size() - 80));
}

void ExpectRefused(const std::string& arguments, const OddFile& file) {
  const Ended ended = Shell(absl::StrCat("ulimit -t 10; timeout 60 ", kFlowgrad, " ", arguments));
  EXPECT_EQ(ended.code, 3) << arguments;
  EXPECT_EQ(ended.err, absl::StrCat("flowgrad: ", Shown(file.path), ": ", file.message, "\n"))
      << arguments;
  EXPECT_EQ(ended.out, "");
}

TEST(OddFilesTest, AreNoModels) {
  for (const OddFile& file : OddFiles()) {
    for (const char* command : {"check", "run", "show", "grad", "bench", "train"}) {
      const std::string output = command == std::string("grad") ? " -o " + Temp("grad.pb") : "";
      ExpectRefused(absl::StrCat(command, " ", file.path, output), file);
    }
  }
}

TEST(OddFilesTest, AreNoWeightsOrInputs) {
  for (const OddFile& file : OddFiles()) {
    ExpectRefused(absl::StrCat("run ", kModel, " --weights ", file.path), file);
    ExpectRefused(absl::StrCat("check ", kModel, " --weights ", file.path), file);
    ExpectRefused(
        absl::StrCat("train ", kModel, " --weights ", file.path, " --out ", Temp("w.safetensors")),
        file);
    ExpectRefused(absl::StrCat("run ", kModel, " --input bits=", file.path), file);
  }
}

TEST(OddFilesTest, AFileOfATerabyteIsRefusedFromItsSize) {
  const std::string path = Temp("terabyte.pb");
  Write(path, "");
  fs::resize_file(path, uint64_t{1} << 40);
  ExpectRefused("check " + path, {path, "must have at most 67108864 bytes, but has 1099511627776"});
  ExpectRefused("check --max-file-size 2MiB " + path,
                {path, "must have at most 2097152 bytes, but has 1099511627776"});
  ExpectRefused(absl::StrCat("run ", kModel, " --weights ", path),
                {path, "must have at most 68719476736 bytes, but has 1099511627776"});
  fs::remove(path);
}

// The folder of a checkpoint may be anything, too.
TEST(OddFilesTest, AreNoCheckpoints) {
  for (const OddFile& file : OddFiles()) {
    const Ended ended = Shell(absl::StrCat("timeout 60 ", kFlowgrad, " train ", kModel, " --out ",
                                           Temp("c.safetensors"), " --resume ", file.path));
    EXPECT_EQ(ended.code, 3) << file.path;
    EXPECT_THAT(ended.err, testing::StartsWith("flowgrad: " + file.path.substr(0, 60)));
    EXPECT_EQ(ended.out, "");
  }
}

TEST(LimitsTest, AreOptions) {
  const struct {
    std::string options, error;
  } kCases[] = {
      {"--max-nodes 2", ": graph has more than 2 of field \"node\""},
      {"--max-attributes 1 ", ""},
      {"--max-depth 1",
       ":4: message is too deep, the parser exceeded the configured recursion "
       "limit of 1"},
      {"--max-model-memory 1KiB",
       ": would take more than 0 MiB of memory, for all its braces and quotes"},
      {"--max-file-size 10", ": must have at most 10 bytes, but has "},
      {"--max-file-size 1GiB --max-nodes 1000000000 --max-model-memory 100GiB", ""},
  };
  for (const auto& [options, error] : kCases) {
    const Ended ended = Flowgrad(absl::StrCat("show ", kModel, " ", options));
    EXPECT_EQ(ended.code, error.empty() ? 0 : 3) << options;
    if (error.empty()) {
      EXPECT_EQ(ended.err, "") << options;
    } else {
      EXPECT_THAT(ended.err, testing::StartsWith(absl::StrCat("flowgrad: ", kModel, error)));
    }
  }
}

TEST(LimitsTest, OfWrongNumbersAreUsageErrors) {
  for (const char* options : {"--max-nodes 0", "--max-nodes -1", "--max-nodes 1e9", "--max-nodes",
                              "--max-attributes 257", "--max-file-size 64MB", "--max-file-size 0",
                              "--max-file-size 9223372036854775807GiB", "--max-header-size x"}) {
    const Ended ended = Flowgrad(absl::StrCat("show ", kModel, " ", options));
    EXPECT_EQ(ended.code, 2) << options;
    const std::string name(options, absl::string_view(options).find(' ') == absl::string_view::npos
                                        ? absl::string_view(options).size()
                                        : absl::string_view(options).find(' '));
    EXPECT_THAT(ended.err, testing::HasSubstr(name)) << options;
  }
}

}  // namespace
}  // namespace flowgrad
