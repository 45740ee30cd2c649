// The table of a run: written and read back, and every way in which a file can be wrong.

#include "training/history.h"

#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr const char* kCsv =
    "step,epoch,seconds,learning_rate,loss,test_accuracy,test_top_5\n"
    "100,0.213219616,1.5,0.1,0.731,,\n"
    "200,0.426439232,2.98,1e-05,1.23456789e-12,0.8312,1\n"
    "9007199254740993,1e+300,0,-inf,nan,inf,0\n";

History ThreeRows() {
  History history({"accuracy", "top_5"});
  history.Add({100, 100.0 / 469, 1.5, 0.1, 0.731, {std::nullopt, std::nullopt}});
  history.Add({200, 200.0 / 469, 2.98, 1e-5, 1.23456789012e-12, {0.8312, 1.0}});
  history.Add({9007199254740993,
               1e300,
               0,
               -kInfinity,
               std::numeric_limits<double>::quiet_NaN(),
               {kInfinity, 0.0}});
  return history;
}

// What follows "run.csv:" in the error.
std::string Refusal(absl::string_view csv) {
  const absl::StatusOr<History> history = History::FromCsv(csv, "run.csv");
  EXPECT_EQ(history.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(history.status().message());
  EXPECT_EQ(message.substr(0, 8), "run.csv:");
  return message.substr(std::min<size_t>(message.size(), 8));
}
std::string RefusalOfRow(absl::string_view row) {
  return Refusal(
      absl::StrCat("step,epoch,seconds,learning_rate,loss,test_accuracy\n7,1,1,1,1,\n", row));
}

TEST(HistoryTest, WritesNineDigitsAndNothingForWhatWasNotMeasured) {
  EXPECT_EQ(ThreeRows().ToCsv(), kCsv);
}

TEST(HistoryTest, ReadsWhatItWrites) {
  const std::string path = testing::TempDir() + "/history.csv";
  ASSERT_THAT(ThreeRows().WriteCsv(path), IsOk());
  EXPECT_EQ(*ReadFile(path, 1000), kCsv);
  const absl::StatusOr<History> history = History::ReadCsv(path);
  ASSERT_THAT(history, IsOk());
  EXPECT_THAT(history->metrics(), ElementsAre("accuracy", "top_5"));
  ASSERT_EQ(history->rows().size(), 3u);
  EXPECT_EQ(history->rows()[2].step, 9007199254740993);
  EXPECT_EQ(history->rows()[0].epoch, 0.213219616);
  EXPECT_THAT(history->rows()[0].metrics, ElementsAre(std::nullopt, std::nullopt));
  EXPECT_THAT(history->rows()[1].metrics, ElementsAre(0.8312, 1.0));
  EXPECT_EQ(history->ToCsv(), kCsv);
}

TEST(HistoryTest, OfNoRowsIsAHead) {
  EXPECT_EQ(History().ToCsv(), "step,epoch,seconds,learning_rate,loss\n");
  const absl::StatusOr<History> history = History::FromCsv(History({"r2"}).ToCsv(), "");
  ASSERT_THAT(history, IsOk());
  EXPECT_THAT(history->metrics(), ElementsAre("r2"));
  EXPECT_TRUE(history->rows().empty());
}

TEST(HistoryTest, KeepsAnyNameOfAMetric) {
  const std::string name = "a,\"b\"\nc\r\nd \x01\xff";
  History history({name, "", "'"});
  history.Add({.metrics = {1.0}});
  const absl::StatusOr<History> read = History::FromCsv(history.ToCsv(), "");
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->metrics(), ElementsAre(name, "", "'"));
  EXPECT_THAT(read->rows()[0].metrics, ElementsAre(1.0, std::nullopt, std::nullopt));
}

TEST(HistoryTest, TakesARowThatLacksMetrics) {
  History history({"accuracy"});
  history.Add({});
  history.Add({.metrics = {0.5, 0.25}});
  EXPECT_EQ(history.ToCsv(),
            "step,epoch,seconds,learning_rate,loss,test_accuracy\n0,0,0,0,0,\n0,0,0,0,0,0.5\n");
}

TEST(HistoryTest, ReadsLinesThatEndAsOnWindowsAndALastLineWithoutAnEnd) {
  const absl::StatusOr<History> history = History::FromCsv(
      "step,epoch,seconds,learning_rate,loss,test_accuracy\r\n1,2,3,4,5,\r\n6,7,8,9,10,11", "");
  ASSERT_THAT(history, IsOk());
  EXPECT_EQ(history->ToCsv(),
            "step,epoch,seconds,learning_rate,loss,test_accuracy\n1,2,3,4,5,\n6,7,8,9,10,11\n");
}

TEST(HistoryTest, RefusesAnotherHead) {
  EXPECT_EQ(Refusal(""), "1: column 1 must be \"step\", but it is \"\"");
  EXPECT_EQ(Refusal("step,\"epoch\n"), "1: has a quote that is not closed");
  EXPECT_EQ(Refusal("step,epoch\n"),
            "1: must have a column \"seconds\", but the first line ends before it");
  EXPECT_EQ(Refusal("step,epoch,time,learning_rate,loss\n"),
            "1: column 3 must be \"seconds\", but it is \"time\"");
  EXPECT_EQ(Refusal("step,epoch,seconds,learning_rate,loss,accuracy\n"),
            "1: column 6 must begin with \"test_\", but it is \"accuracy\"");
}

TEST(HistoryTest, RefusesWrongRowsWithTheirLine) {
  EXPECT_EQ(RefusalOfRow("8,1,1,1,1\n"),
            "3: must have 6 cells, as the first line has, but it has 5");
  EXPECT_EQ(RefusalOfRow("\n"), "3: must have 6 cells, as the first line has, but it has 1");
  EXPECT_EQ(RefusalOfRow("8,1,1,1,1,,\n"),
            "3: must have 6 cells, as the first line has, but it has 7");
  EXPECT_EQ(RefusalOfRow("8.5,1,1,1,1,1\n"),
            "3: column \"step\" must be a whole number from 0 on, but it is \"8.5\"");
  EXPECT_EQ(RefusalOfRow("-8,1,1,1,1,1\n"),
            "3: column \"step\" must be a whole number from 0 on, but it is \"-8\"");
  EXPECT_EQ(RefusalOfRow("8,1,1,1,1,1\n9,1,1,1,,1\n"),
            "4: column \"loss\" must be a number, but it is \"\"");
  EXPECT_EQ(RefusalOfRow("8,1,1,1,1,high\n"),
            "3: column \"test_accuracy\" must be a number, but it is \"high\"");
  EXPECT_EQ(RefusalOfRow("6,1,1,1,1,1\n"), "3: step 6 must not come after step 7");
  EXPECT_EQ(RefusalOfRow("8,1,1,1,1,\"1\n\n"), "3: has a quote that is not closed");
}

TEST(HistoryTest, SaysWhichFileIsNotThere) {
  EXPECT_THAT(History::ReadCsv("no/such.csv"),
              StatusIs(absl::StatusCode::kNotFound, "no/such.csv: no such file or directory"));
}

}  // namespace
}  // namespace flowgrad
