// Every file of this folder, and those of made_files.h, is refused by the command flowgrad: in
// exactly the words that it expects, all errors at once, with exit code 3, nothing on standard
// output, no file written, in little time and little memory.
//
// A file says at its top what it expects, one line for each error:
//
//   # expect: node "h2" (Tahn): op "Tahn" is not registered; did you mean "Tanh"?
//   # expect at line 7: "NodeDef" has no field "inputs"; did you mean "input"?
//
// and, if it is not for `flowgrad check`, the command: "# command: train".

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "tests/bad_models/made_files.h"

namespace flowgrad {

void PrintTo(const BadFile& file, std::ostream* out) { *out << file.name; }

namespace {

namespace fs = std::filesystem;

constexpr int kBadInput = 3;
constexpr char kFolder[] = "tests/bad_models";

// Time of the processor, which does not depend on what else the machine does, and address space.
// AddressSanitizer reserves terabytes of it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr char kLimits[] = "ulimit -c 0; ulimit -t 60";
#else
constexpr char kLimits[] = "ulimit -c 0; ulimit -t 5; ulimit -v 1000000";
#endif

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void Write(const fs::path& path, absl::string_view contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

BadFile ReadBadFile(const fs::path& path) {
  BadFile file{path.filename(), "check", Contents(path), {}};
  for (absl::string_view line : absl::StrSplit(file.bytes, '\n')) {
    if (absl::ConsumePrefix(&line, "# command: ")) {
      file.command = std::string(line);
    } else if (absl::ConsumePrefix(&line, "# expect")) {
      absl::ConsumePrefix(&line, " at line ");
      file.errors.push_back(
          absl::StrCat(absl::StartsWith(line, ": ") ? "" : ":", absl::string_view(line)));
    }
  }
  return file;
}

std::vector<BadFile> AllFiles() {
  std::vector<BadFile> files = MadeFiles();
  for (const fs::directory_entry& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".pbtxt") files.push_back(ReadBadFile(entry.path()));
  }
  std::sort(files.begin(), files.end(),
            [](const BadFile& a, const BadFile& b) { return a.name < b.name; });
  return files;
}

// A data set of the known format with one black sample, so that `train` gets as far as it can.
void WriteDataSet(const fs::path& folder) {
  fs::create_directories(folder);
  const std::string count("\0\0\0\1", 4), side("\0\0\0\x1c", 4);
  for (const char* part : {"train", "t10k"}) {
    Write(folder / absl::StrCat(part, "-images-idx3-ubyte"),
          absl::StrCat(absl::string_view("\0\0\x08\3", 4), count, side, side,
                       std::string(28 * 28, '\0')));
    Write(folder / absl::StrCat(part, "-labels-idx1-ubyte"),
          absl::StrCat(absl::string_view("\0\0\x08\1", 4), count, std::string(1, '\0')));
  }
}

class BadModelTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadModelTest, IsRefusedInTheseWords) {
  const BadFile& file = GetParam();
  const fs::path folder = fs::path(testing::TempDir()) / absl::StrCat("bad_", file.name);
  const fs::path data = folder / "data", work = folder / "work";
  fs::remove_all(folder);
  fs::create_directories(work);
  WriteDataSet(data);
  Write(work / file.name, file.bytes);
  ASSERT_FALSE(file.errors.empty()) << "the file does not say what it expects";

  const std::string command =
      absl::StrCat(kLimits, "; cd ", work.string(), " && ", fs::absolute("tools/flowgrad").string(),
                   " ", file.command, " ", file.name, " --data ", data.string(), " </dev/null >",
                   (folder / "out").string(), " 2>", (folder / "err").string());
  const int status = std::system(command.c_str());
  std::string expected;
  for (const std::string& error : file.errors) {
    const bool is_last_of_many = absl::StartsWith(error, ": and ");
    absl::StrAppend(&expected, "flowgrad: ",
                    is_last_of_many ? error.substr(2) : absl::StrCat(file.name, error), "\n");
  }
  EXPECT_EQ(Contents(folder / "err"), expected);
  ASSERT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), kBadInput);
  EXPECT_EQ(Contents(folder / "out"), "");
  EXPECT_EQ(Contents(work / file.name), file.bytes);
  const auto files = std::distance(fs::directory_iterator(work), fs::directory_iterator());
  EXPECT_EQ(files, 1) << "a file was written";
  fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(AllFiles, BadModelTest, testing::ValuesIn(AllFiles()),
                         [](const auto& info) {
                           return absl::StrReplaceAll(info.param.name, {{".", "_"}});
                         });

TEST(BadModelsTest, AreMany) { EXPECT_GE(AllFiles().size(), 100u); }

}  // namespace
}  // namespace flowgrad
