// Tables of text: values, names, and every way in which a table can be wrong.

#include "training/data/csv_data.h"

#include <clocale>
#include <cmath>
#include <limits>
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
using ::testing::HasSubstr;

// A few rows of Fisher's irises.
constexpr char kIris[] =
    "sepal,petal,species\n"
    "5.1,1.4,setosa\n"
    "7.0,4.7,versicolor\n"
    "6.3,6.0,virginica\n"
    "4.9,1.4,setosa\n";

const CsvOptions kSpecies = {.categorical = {"species"}};

class CsvDataTest : public DataFilesTest {
 protected:
  absl::StatusOr<DataParts> Open(absl::string_view text, const CsvOptions& options = {}) const {
    return OpenCsv(Put("t.csv", text), options);
  }
  absl::Status Refusal(absl::string_view text, const CsvOptions& options = {}) const {
    return Plain(Open(text, options).status());
  }
  std::string Message(absl::string_view text, const CsvOptions& options = {}) const {
    const absl::Status status = Refusal(text, options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
};

TEST_F(CsvDataTest, NewDataMayLackTheLabel) {
  CsvOptions options = {.label = "petal", .categorical = {"species"}};
  options.test_file = Put("new.csv", "sepal,species\n7.5,virginica\n");
  const absl::StatusOr<DataParts> parts = Open(kIris, options);
  ASSERT_THAT(parts, IsOk());
  ASSERT_TRUE(parts->test.has_value());
  EXPECT_THAT(parts->test->field_names(), ElementsAre("features", "sepal", "species"));
  EXPECT_THAT(AllNumbers(*parts->test, "features", DType::kDouble), ElementsAre(7.5, 0, 0, 1));
  EXPECT_THAT(AllNumbers(*parts->test, "species", DType::kInt64), ElementsAre(2));

  options.test_file = Put("new.csv", "sepal,specie\n7.5,virginica\n");
  EXPECT_THAT(Message(kIris, options), HasSubstr("new.csv:1: column 3 must be \"species\" as in "));
  options.test_file = Put("new.csv", "sepal,species\n7.5,3.0,virginica\n");
  EXPECT_THAT(Message(kIris, options), HasSubstr("new.csv:2: must have 2 cells like "));
}

TEST_F(CsvDataTest, ReadsATable) {
  const absl::StatusOr<DataParts> parts = Open(kIris, kSpecies);
  ASSERT_THAT(parts, IsOk());
  EXPECT_FALSE(parts->test.has_value());
  const DataSet& data = parts->train;
  EXPECT_EQ(data.num_samples(), 4);
  EXPECT_THAT(data.field_names(), ElementsAre("features", "label", "petal", "sepal", "species"));
  EXPECT_EQ(data.FieldType("features")->ToString(), "float[N,2]");
  EXPECT_EQ(data.FieldType("label")->ToString(), "int64[N]");
  EXPECT_EQ(data.FieldType("petal")->ToString(), "float[N]");
  EXPECT_THAT(AllNumbers(data, "features", DType::kDouble),
              ElementsAre(5.1, 1.4, 7, 4.7, 6.3, 6, 4.9, 1.4));
  EXPECT_THAT(AllNumbers(data, "features", DType::kFloat),
              ElementsAre(5.1f, 1.4f, 7.0f, 4.7f, 6.3f, 6.0f, 4.9f, 1.4f));
  EXPECT_THAT(AllNumbers(data, "label", DType::kInt32), ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(AllNumbers(data, "species", DType::kInt64), ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(data.Names("label"), ElementsAre("setosa", "versicolor", "virginica"));
  EXPECT_THAT(data.Names("petal"), ElementsAre());
  EXPECT_FALSE(data.CanBe("label", DType::kFloat));
  EXPECT_FALSE(data.CanBe("petal", DType::kInt64));
  EXPECT_EQ(data.Where("features", 2), absl::StrCat(Path("t.csv"), ":4"));
}

TEST_F(CsvDataTest, ReadsTheSameFromAGzipFileAndFromASpool) {
  const std::string expected = Dump(*Open(kIris, kSpecies));
  EXPECT_EQ(Dump(*Open(Gzipped(kIris), kSpecies)), expected);
  CsvOptions options = kSpecies;
  options.memory_bytes = 0;
  EXPECT_EQ(Dump(*Open(kIris, options)), expected);
}

TEST_F(CsvDataTest, ReadsQuotesLineEndsAndAByteOrderMark) {
  const absl::StatusOr<DataParts> parts = Open(
      "\xef\xbb\xbf\"a \"\"b\"\"\",\"name\"\r\n"
      "1,\"x,y\nz\"\r\n"
      "\r\n"
      "\"2\",\"\"\"\"\n"
      "\n"
      "3,\"\"",
      {.categorical = {"name"}});
  ASSERT_THAT(parts, IsOk());
  EXPECT_THAT(parts->train.field_names(), ElementsAre("a \"b\"", "features", "label", "name"));
  EXPECT_THAT(AllNumbers(parts->train, "features", DType::kFloat), ElementsAre(1, 2, 3));
  EXPECT_THAT(parts->train.Names("name"), ElementsAre("", "\"", "x,y\nz"));
  EXPECT_THAT(AllNumbers(parts->train, "name", DType::kInt64), ElementsAre(2, 1, 0));
  // The row that begins in line 2 ends in line 3.
  EXPECT_EQ(parts->train.Where("name", 0), absl::StrCat(Path("t.csv"), ":2"));
  EXPECT_EQ(parts->train.Where("name", 1), absl::StrCat(Path("t.csv"), ":5"));
  EXPECT_EQ(parts->train.Where("name", 2), absl::StrCat(Path("t.csv"), ":7"));
}

TEST_F(CsvDataTest, ReadsWholeNumbersAsIntegersToo) {
  const DataSet data = Open("x,y,z\n-3,1e3,9007199254740993\n4.0,5,0\n")->train;
  EXPECT_EQ(data.FieldType("x")->ToString(), "int64[N]");
  EXPECT_THAT(AllNumbers(data, "x", DType::kInt32), ElementsAre(-3, 4));
  EXPECT_THAT(AllNumbers(data, "x", DType::kFloat), ElementsAre(-3, 4));
  EXPECT_THAT(AllNumbers(data, "y", DType::kInt64), ElementsAre(1000, 5));
  // 2^53 + 1 reads as 2^53, which is whole.
  EXPECT_TRUE(data.CanBe("z", DType::kInt64));
  EXPECT_FALSE(data.CanBe("z", DType::kInt32));
  EXPECT_FALSE(Open("x,y\n9007199254740994,1\n")->train.CanBe("x", DType::kInt64));
}

TEST_F(CsvDataTest, GivesNoFloatThatWouldBeInfinite) {
  const DataSet data = Open("x,y\n1e39,2\n")->train;
  EXPECT_FALSE(data.CanBe("features", DType::kFloat));
  EXPECT_EQ(data.FieldType("features")->ToString(), "double[N,1]");
  EXPECT_EQ(data.FieldType("x")->dtype, DType::kDouble);
}

TEST_F(CsvDataTest, SpreadsCategoricalFeatures) {
  const absl::StatusOr<DataParts> parts =
      Open("color,size,price\nred,1,10\nblue,2,20.5\nred,3,30\n", {.categorical = {"color"}});
  ASSERT_THAT(parts, IsOk());
  EXPECT_EQ(parts->train.FieldType("features")->ToString(), "float[N,3]");
  // blue, red, size
  EXPECT_THAT(AllNumbers(parts->train, "features", DType::kFloat),
              ElementsAre(0, 1, 1, 1, 0, 2, 0, 1, 3));
  EXPECT_EQ(parts->train.FieldType("label")->ToString(), "float[N]");
}

TEST_F(CsvDataTest, TakesLabelIgnoredColumnsSeparatorAndNoHeader) {
  const absl::StatusOr<DataParts> parts =
      Open("8;1;a\n9;2;b\n", {.label = "1", .ignore = {"3"}, .no_header = true, .separator = ';'});
  ASSERT_THAT(parts, IsOk());
  EXPECT_THAT(parts->train.field_names(), ElementsAre("1", "2", "features", "label"));
  EXPECT_THAT(AllNumbers(parts->train, "features", DType::kFloat), ElementsAre(1, 2));
  EXPECT_THAT(AllNumbers(parts->train, "label", DType::kInt64), ElementsAre(8, 9));
  // By default the label is the last column that is not ignored.
  EXPECT_THAT(
      AllNumbers(Open("a,b,id\n1,2,x\n", {.ignore = {"id"}})->train, "label", DType::kInt64),
      ElementsAre(2));
}

TEST_F(CsvDataTest, TheLabelComesBeforeAColumnOfItsName) {
  const DataSet data = Open("label,features,y\n1,2,3\n")->train;
  EXPECT_THAT(data.field_names(), ElementsAre("features", "label", "y"));
  EXPECT_THAT(AllNumbers(data, "label", DType::kInt64), ElementsAre(3));
  EXPECT_THAT(AllNumbers(data, "features", DType::kFloat), ElementsAre(1, 2));
}

TEST_F(CsvDataTest, StandardizesByTheTrainingPart) {
  Put("test.csv", "x,c,name,y\n7,5,a,0\n");
  const absl::StatusOr<DataParts> parts =
      Open("x,c,name,y\n1,5,a,10\n3,5,b,20\n",
           {.categorical = {"name"}, .standardize = true, .test_file = Path("test.csv")});
  ASSERT_THAT(parts, IsOk());
  // x has mean 2 and deviation 1, c has deviation 0.
  EXPECT_THAT(AllNumbers(parts->train, "features", DType::kDouble),
              ElementsAre(-1, 0, 1, 0, 1, 0, 0, 1));
  EXPECT_THAT(AllNumbers(*parts->test, "features", DType::kDouble), ElementsAre(5, 0, 1, 0));
  EXPECT_THAT(AllNumbers(parts->train, "x", DType::kDouble), ElementsAre(1, 3));
  EXPECT_THAT(AllNumbers(parts->train, "label", DType::kDouble), ElementsAre(10, 20));
}

TEST_F(CsvDataTest, StandardizesASplitByItsTrainingPartAlone) {
  std::string text = "x,y\n";
  for (int i = 0; i < 200; ++i) absl::StrAppend(&text, i * i, ",", i, "\n");
  const absl::StatusOr<DataParts> parts = Open(text, {.standardize = true, .split = {.test = 0.3}});
  ASSERT_THAT(parts, IsOk());
  double sum = 0, squares = 0;
  for (const double x : AllNumbers(parts->train, "features", DType::kDouble)) {
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum, 0, 1e-10);
  EXPECT_NEAR(squares, parts->train.num_samples(), 1e-9);
  EXPECT_EQ(parts->train.num_samples() + parts->test->num_samples(), 200);
}

TEST_F(CsvDataTest, ATestPartMayHaveFractionsWhereTheTrainingPartHasNone) {
  Put("test.csv", "x,y\n2.5,1\n");
  const absl::StatusOr<DataParts> parts = Open("x,y\n1,0\n2,1\n", {.test_file = Path("test.csv")});
  ASSERT_THAT(parts, IsOk());
  EXPECT_FALSE(parts->train.CanBe("x", DType::kInt64));
  EXPECT_TRUE(parts->test->CanBe("label", DType::kInt64));
}

// RELIABILITY J18.
TEST_F(CsvDataTest, ReadsTheSameInALocaleWithADecimalComma) {
  const std::string expected = Dump(*Open(kIris, kSpecies));
  for (const char* locale : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"}) {
    if (std::setlocale(LC_ALL, locale) != nullptr) break;
  }
  EXPECT_EQ(Dump(*Open(kIris, kSpecies)), expected);
  std::setlocale(LC_ALL, "C");
}

TEST_F(CsvDataTest, RefusesWhatIsNoNumber) {
  EXPECT_EQ(Message(kIris), "t.csv:2: column \"species\": must be a number, but is \"setosa\"");
  const auto message = [&](absl::string_view cell) {
    return Message(absl::StrCat("a,petal,y\n1,2,3\n1,", cell, ",3\n"));
  };
  EXPECT_EQ(message("abc"), "t.csv:3: column \"petal\": must be a number, but is \"abc\"");
  EXPECT_EQ(message("\"1,5\""), "t.csv:3: column \"petal\": must be a number, but is \"1,5\"");
  EXPECT_EQ(message(""), "t.csv:3: column \"petal\": must be a number, but is empty");
  EXPECT_EQ(message("1.5x"), "t.csv:3: column \"petal\": must be a number, but is \"1.5x\"");
  EXPECT_EQ(message("0x10"), "t.csv:3: column \"petal\": must be a number, but is \"0x10\"");
  EXPECT_EQ(message("nan"), "t.csv:3: column \"petal\": must be a finite number, but is \"nan\"");
  EXPECT_EQ(message("-inf"), "t.csv:3: column \"petal\": must be a finite number, but is \"-inf\"");
  EXPECT_EQ(message("1e999"),
            "t.csv:3: column \"petal\": must be a finite number, but is \"1e999\"");
  EXPECT_EQ(message("\x1b[2J"), "t.csv:3: column \"petal\": must be a number, but is \"\\x1b[2J\"");
}

TEST_F(CsvDataTest, RefusesRowsOfOtherLengths) {
  EXPECT_EQ(Message("a,b,c\n1,2,3\n4,5\n"), "t.csv:3: must have 3 cells like line 1, but has 2");
  EXPECT_EQ(Message("a,b,c\n1,2,3,\n"), "t.csv:2: must have 3 cells like line 1, but has 4");
}

TEST_F(CsvDataTest, RefusesBadQuotes) {
  EXPECT_EQ(Message("a,b\n1,\"2\" \n"), "t.csv:2: cell 2 has text after the quote that ends it");
  EXPECT_EQ(Message("a,b\n1,\"2\"\r3\n"), "t.csv:2: cell 2 has text after the quote that ends it");
  EXPECT_EQ(Message("a,b\n6\",2\n"),
            "t.csv:2: cell 1 has a quote inside; put the cell in quotes and double the one inside");
  EXPECT_EQ(Message("a,b\n1,2\n3,\"4\n5,6\n"),
            "t.csv:3: cell 2 begins with a quote that nothing closes");
}

TEST_F(CsvDataTest, RefusesATableWithoutRows) {
  EXPECT_EQ(Message(""), "t.csv: is empty");
  EXPECT_EQ(Message("\n\r\n"), "t.csv: is empty");
  EXPECT_EQ(Message("a,b\n"), "t.csv: has a header, but no rows");
}

TEST_F(CsvDataTest, RefusesBadColumns) {
  EXPECT_EQ(Message("a,b,a\n1,2,3\n"), "t.csv:1: has two columns \"a\"");
  EXPECT_EQ(Message("a\n1\n"),
            "t.csv:1: must have a column for the label and another, but has 1 that is not ignored");
  EXPECT_EQ(Message("a,b\n1,2\n", {.ignore = {"a", "b"}}),
            "t.csv:1: must have a column for the label and another, but has 0 that are not "
            "ignored");
  EXPECT_EQ(Message("\xff,b\n1,2\n"), "t.csv:1: column \"\\xff\" is not UTF-8");
  EXPECT_EQ(Message("a,b\n1,\xff\n", {.categorical = {"b"}}),
            "t.csv:2: column \"b\": must be UTF-8, but is \"\\xff\"");
  EXPECT_EQ(Message("a,b,c\n1,2,3\n", {.label = "c", .ignore = {"c"}}),
            "t.csv:1: column \"c\" cannot be both ignored and the label");
  EXPECT_EQ(Message("a,b,c\n1,2,3\n", {.categorical = {"b"}, .ignore = {"b"}}),
            "t.csv:1: column \"b\" cannot be both ignored and categorical");
}

TEST_F(CsvDataTest, SuggestsTheColumnThatIsMeant) {
  EXPECT_EQ(Refusal(kIris, {.label = "speces"}),
            absl::NotFoundError("t.csv:1: has no column \"speces\"; did you mean \"species\"?"));
  EXPECT_EQ(Refusal(kIris, {.categorical = {"x"}}),
            absl::NotFoundError("t.csv:1: has no column \"x\"; its columns are \"sepal\", "
                                "\"petal\", \"species\""));
  EXPECT_EQ(Refusal(kIris, {.ignore = {"petals"}}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CsvDataTest, RefusesATestFileThatDoesNotFit) {
  const auto refusal = [&](absl::string_view test) {
    CsvOptions options = kSpecies;
    options.test_file = Put("test.csv", test);
    return Refusal(kIris, options);
  };
  EXPECT_EQ(refusal("sepal,petal,species\n1,2,setos\n"),
            absl::InvalidArgumentError("test.csv:2: column \"species\": is \"setos\", which is "
                                       "nowhere in t.csv; did you mean \"setosa\"?"));
  EXPECT_EQ(refusal("sepal,petl,species\n"),
            absl::InvalidArgumentError(
                "test.csv:1: column 2 must be \"petal\" as in t.csv, but is \"petl\""));
  EXPECT_EQ(refusal("sepal\n1\n"),
            absl::InvalidArgumentError("test.csv:1: must have 3 cells like t.csv, but has 1"));
  EXPECT_EQ(refusal("sepal,petal,species\n"),
            absl::InvalidArgumentError("test.csv: has a header, but no rows"));
}

TEST_F(CsvDataTest, RefusesWhatIsTooLargeToStandardize) {
  EXPECT_EQ(Message("a,b,y\n1,1e300,0\n2,-1e300,0\n", {.standardize = true}),
            "t.csv: feature 2 is too large to be standardized");
}

TEST_F(CsvDataTest, BoundsRowsAndNames) {
  EXPECT_THAT(Message(absl::StrCat("a,b\n1,\"", std::string(17 << 20, 'x'))),
              HasSubstr("t.csv:2: must have at most 65536 cells and 16777216 bytes"));
  EXPECT_THAT(Message(std::string(70'000, ',')), HasSubstr("t.csv:1: must have at most 65536"));
  EXPECT_EQ(Message(absl::StrCat("a,b\n1,", std::string(1001, 'x')), {.categorical = {"b"}}),
            "t.csv:2: column \"b\": must have at most 1000 bytes, but has 1001");
  std::string many = "a,b\n";
  for (int i = 0; i <= 65536; ++i) absl::StrAppend(&many, "1,name", i, "\n");
  EXPECT_EQ(Message(many, {.categorical = {"b"}}),
            "t.csv:65538: column \"b\": must have at most 65536 different values, but has more");
}

TEST_F(CsvDataTest, RefusesASeparatorThatCannotBeOne) {
  EXPECT_EQ(Message(kIris, {.separator = '"'}), "separator must not be \"\\\"\"");
  EXPECT_EQ(Message(kIris, {.separator = '\n'}), "separator must not be \"\\n\"");
}

// A cut table is an error or a shorter table, never anything else.
TEST_F(CsvDataTest, EndsInAnErrorOrInRowsWhereverItIsCut) {
  const std::string text = "a,\"b\"\r\n1,\"x\"\"\"\r\n2,\"y\"\r\n";
  for (size_t size = 0; size < text.size(); ++size) {
    const absl::StatusOr<DataParts> parts = Open(text.substr(0, size), {.categorical = {"b"}});
    if (parts.ok()) {
      EXPECT_EQ(AllNumbers(parts->train, "a", DType::kDouble)[0], 1) << size;
    } else {
      EXPECT_THAT(parts.status().message(), HasSubstr("t.csv")) << size;
    }
  }
  const std::string packed = Gzipped(text);
  for (size_t size = 2; size < packed.size(); ++size) {
    EXPECT_EQ(Refusal(packed.substr(0, size), {.categorical = {"b"}}),
              absl::DataLossError("t.csv: gzip data is cut off"))
        << size;
  }
}

// The reader sees its input in pieces of 256 KiB; no cell may suffer from it.
TEST_F(CsvDataTest, ReadsATableLargerThanItsBuffer) {
  std::string text = "i,name\n";
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&text, i, ",\"n \"\"", i % 7, "\"\r\n");
  for (const int64_t memory_bytes : {int64_t{0}, kDataMemoryBytes}) {
    const absl::StatusOr<DataParts> parts =
        Open(text, {.categorical = {"name"}, .memory_bytes = memory_bytes});
    ASSERT_THAT(parts, IsOk());
    const std::vector<double> numbers = AllNumbers(parts->train, "i", DType::kDouble);
    const std::vector<double> names = AllNumbers(parts->train, "name", DType::kInt64);
    ASSERT_EQ(numbers.size(), 100'000u);
    for (int i = 0; i < 100'000; ++i) {
      ASSERT_EQ(numbers[i], i);
      ASSERT_EQ(names[i], i % 7);
    }
    EXPECT_EQ(parts->train.Where("i", 99'999), absl::StrCat(Path("t.csv"), ":100001"));
  }
}

}  // namespace
}  // namespace flowgrad
