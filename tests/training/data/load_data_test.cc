// What a training section says about data: sources, splits, and files that a model may not name.

#include "training/data/load_data.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/training.pb.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/data/data_files.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

const std::string kIdx("\0\0\x08\x01\0\0\0\x02\x07\x02", 10);

class LoadDataTest : public DataFilesTest {
 protected:
  LoadDataTest() {
    std::filesystem::create_directory(Path("model"));
    std::filesystem::create_directory(Path("model/inner"));
    std::filesystem::create_directory(Path("other"));
    Put("model/t.csv", "x,y\n1,2\n3,4\n");
    Put("model/inner/t.csv", "x,y\n5,6\n");
    Put("other/t.csv", "x,y\n7,8\n");
    Put("secret.csv", "x,y\n1,2\n");
  }

  absl::StatusOr<DataParts> Load(const std::string& text, const std::string& path = "",
                                 int64_t memory_bytes = kDataMemoryBytes) const {
    DataDef data;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &data)) << text;
    return LoadData(data, {Path("model"), path, memory_bytes});
  }
  absl::Status Refusal(const std::string& text, const std::string& path = "") const {
    return Plain(Load(text, path).status());
  }
  // Of a CSV file of this name.
  absl::Status RefusalOf(const std::string& file) const {
    return Refusal(absl::StrCat("csv { file: \"", file, "\" }"));
  }
};

TEST_F(LoadDataTest, ReadsEverySource) {
  Put("model/x.idx", kIdx);
  Put("model/x.npy",
      NpyBytes("'descr': '<f4', 'fortran_order': False, 'shape': (2,)", BytesOf<float>({1, 2})));
  Put("model/t.txt", "abcab");
  const std::pair<const char*, const char*> cases[] = {
      {"csv { file: 't.csv' }",
       "train features float[N,1] 1,3\ntrain label int64[N] 2,4\ntrain x int64[N] 1,3\n"
       "train y int64[N] 2,4\n"},
      {"csv { file: 'inner/t.csv' label: 'x' no_header: false separator: ',' }",
       "train features float[N,1] 6\ntrain label int64[N] 5\ntrain x int64[N] 5\n"
       "train y int64[N] 6\n"},
      {"csv { file: 't.csv' test_file: './inner//t.csv' ignore: 'nothing' }", ""},
      {"idx { file { field: 'x' file: 'x.idx' } }", "train x int64[N] 7,2\n"},
      {"npy { file { field: 'x' file: 'x.npy' } test_file { field: 'x' file: 'x.npy' } }",
       "train x float[N] 1,2\ntest x float[N] 1,2\n"},
      {"text { file: 't.txt' length: 2 vocabulary: 3 }",
       "train next int64[N,2] 1,2,0,1\ntrain text int64[N,2] 0,1,2,0\n"},
      {"text { file: 't.txt' length: 2 stride: 4 vocabulary: 2 }", ""},
  };
  for (const auto& [text, dump] : cases) {
    for (const int64_t memory_bytes : {int64_t{0}, kDataMemoryBytes}) {
      const absl::StatusOr<DataParts> parts = Load(text, "", memory_bytes);
      EXPECT_EQ(parts.ok(), dump[0] != '\0') << text << parts.status();
      if (parts.ok()) {
        EXPECT_EQ(Dump(*parts), dump);
      }
    }
  }
  EXPECT_EQ(Load("set: 'modulo-3'")->train.num_samples(), 16);
}

TEST_F(LoadDataTest, SplitsWhatHasNoTestPart) {
  std::string text = "x,y\n";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&text, i, ",0\n");
  Put("model/t.csv", text);
  const auto test = [&](const std::string& split) {
    return AllNumbers(*Load(absl::StrCat("csv { file: 't.csv' } split { ", split, " }"))->test, "x",
                      DType::kInt64);
  };
  EXPECT_THAT(test("test: 0.2"), test("test: 0.2 seed: 1"));
  EXPECT_NE(test("test: 0.2"), test("test: 0.2 seed: 2"));
  EXPECT_EQ(Refusal("csv { file: 't.csv' } split { test: 1 }"),
            absl::InvalidArgumentError(
                "training.data.split.test must be from 0 to less than 1, but is 1"));
  EXPECT_EQ(
      Refusal("csv { file: 't.csv' test_file: 't.csv' } split { test: 0.1 }"),
      absl::InvalidArgumentError("training.data.split must not be given: the data have a test "
                                 "part of their own"));
  EXPECT_EQ(Refusal("set: 'modulo-3' split { test: 0.1 }").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(LoadDataTest, ReadsFilesOfTheFolderThatTheUserNames) {
  EXPECT_THAT(AllNumbers(Load("csv { file: 't.csv' }", Path("other"))->train, "x", DType::kInt64),
              ElementsAre(7));
  // Links in it are the user's, names that lead out of it the model's.
  std::filesystem::create_symlink(Path("secret.csv"), Path("other/link.csv"));
  EXPECT_THAT(Load("csv { file: 'link.csv' }", Path("other")), IsOk());
  EXPECT_EQ(Refusal("csv { file: '../secret.csv' }", Path("other")),
            absl::InvalidArgumentError("../secret.csv: must be a relative path without \"..\""));
}

TEST_F(LoadDataTest, TakesAFileOfTheUsersForTheTestPart) {
  const absl::StatusOr<DataParts> parts = Load("csv { file: 't.csv' }", Path("other/t.csv"));
  ASSERT_THAT(parts, IsOk());
  EXPECT_THAT(AllNumbers(parts->train, "x", DType::kInt64), ElementsAre(1, 3));
  EXPECT_THAT(AllNumbers(*parts->test, "x", DType::kInt64), ElementsAre(7));
  Put("model/a.idx", kIdx);
  const std::string file = Put("b.idx", kIdx);
  EXPECT_EQ(Load("idx { file { field: 'x' file: 'a.idx' } }", file)->test->num_samples(), 2);
  EXPECT_EQ(
      Refusal("idx { file { field: 'x' file: 'a.idx' } file { field: 'y' file: 'a.idx' } }", file),
      absl::InvalidArgumentError(
          "b.idx: one file cannot stand for the 2 of the data; give their folder"));
  EXPECT_EQ(Refusal("csv { file: 't.csv' }", Path("no.csv")),
            absl::NotFoundError("no.csv: no such file or directory"));
}

// RELIABILITY H1 to H7, K5.
TEST_F(LoadDataTest, K5RefusesFilesOutsideOfTheModelsFolder) {
  EXPECT_EQ(RefusalOf("../secret.csv"),
            absl::InvalidArgumentError("../secret.csv: must be a relative path without \"..\""));
  EXPECT_EQ(RefusalOf("inner/../../secret.csv").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RefusalOf("inner/../t.csv").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RefusalOf("/etc/passwd"),
            absl::InvalidArgumentError("/etc/passwd: must be a relative path without \"..\""));
  EXPECT_EQ(RefusalOf("."),
            absl::InvalidArgumentError("model/.: must be a regular file, but is a folder"));
  EXPECT_EQ(RefusalOf("inner/"),
            absl::InvalidArgumentError("model/inner/: must be a regular file, but is a folder"));
  EXPECT_EQ(RefusalOf("t.csv\\000x"),
            absl::InvalidArgumentError("t.csv\\x00x: the name of a file has a NUL byte"));
  EXPECT_EQ(RefusalOf("no.csv"), absl::NotFoundError("model/no.csv: no such file or directory"));
  EXPECT_EQ(RefusalOf("t.csv/x").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(RefusalOf(std::string(5000, 'x')).ok());
}

TEST_F(LoadDataTest, RefusesSymbolicLinks) {
  std::filesystem::create_symlink(Path("secret.csv"), Path("model/link.csv"));
  std::filesystem::create_symlink(Path("other"), Path("model/linked"));
  std::filesystem::create_symlink("/no/such", Path("model/dangling.csv"));
  EXPECT_EQ(
      RefusalOf("link.csv"),
      absl::InvalidArgumentError("model/link.csv: must not be, or lie behind, a symbolic link"));
  EXPECT_EQ(RefusalOf("linked/t.csv"),
            absl::InvalidArgumentError(
                "model/linked/t.csv: must not be, or lie behind, a symbolic link"));
  EXPECT_EQ(RefusalOf("dangling.csv").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LoadDataTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(mkfifo(Path("model/pipe").c_str(), 0600), 0);
  EXPECT_EQ(RefusalOf("pipe"),
            absl::InvalidArgumentError("model/pipe: must be a regular file, but is a pipe"));
  EXPECT_EQ(Refusal("csv { file: 't.csv' }", "/dev/null"),
            absl::InvalidArgumentError("/dev/null: must be a regular file, but is a device"));
}

TEST_F(LoadDataTest, AModelWithoutAFolderNamesNoFiles) {
  DataDef data;
  data.mutable_csv()->set_file("t.csv");
  EXPECT_EQ(LoadData(data, {}).status(),
            absl::InvalidArgumentError(
                "t.csv: a model that is no file has no folder whose files it could name"));
  EXPECT_THAT(LoadData(data, {.path = Path("other")}), IsOk());
}

TEST_F(LoadDataTest, FindsTheFolderOfAModelBehindALink) {
  Put("model/m.pbtxt", "");
  std::filesystem::create_symlink(Path("model/m.pbtxt"), Path("other/m.pbtxt"));
  EXPECT_EQ(ModelFolder(Path("model/m.pbtxt")), Path("model"));
  EXPECT_TRUE(std::filesystem::equivalent(ModelFolder(Path("other/m.pbtxt")), Path("model")));
  EXPECT_EQ(ModelFolder("m.pbtxt"), ".");
}

TEST_F(LoadDataTest, SaysWhatTheSectionLacks) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "training.data must have a source: set, csv, idx, npy or text"},
      {"csv {}", "training.data.csv.file is missing: name a file"},
      {"csv { file: 't.csv' separator: ', ' }",
       "training.data.csv.separator must be one character, but is \", \""},
      {"idx {}", "training.data.idx.file is missing: name a file"},
      {"idx { file { field: 'x' } }", "training.data.idx.file.file is missing: name a file"},
      {"idx { file { file: 'x.idx' } }",
       "training.data.idx.file.field is missing: name the field of \"x.idx\""},
      {"npy {}", "training.data.npy.file is missing: name a file"},
      {"text { length: 3 }", "training.data.text.file is missing: name a file"},
      {"text { file: 't.csv' }", "training.data.text.length must be 1 or more, but is 0"},
      {"text { file: 't.csv' length: 1 stride: -3 }",
       "training.data.text.stride must be 0 or more, but is -3"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_EQ(Refusal(text), absl::InvalidArgumentError(message));
  }
}

}  // namespace
}  // namespace flowgrad
