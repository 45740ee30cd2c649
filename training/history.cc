// What a run was like: a row every so many steps, kept as a table (.csv).

#include "training/history.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/csv_cell.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr const char* kColumns[] = {"step", "epoch", "seconds", "learning_rate", "loss"};
constexpr size_t kNumColumns = std::size(kColumns);
constexpr absl::string_view kTest = "test_";

// As printf's "%.9g" in the "C" locale.
std::string NineDigits(double value) {
  if (value != value) return "nan";
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value,
                                    std::chars_format::general, /*precision=*/9);
  return std::string(buffer, result.ptr);
}

struct Line {
  int64_t number = 0;  // in the file, from 1 on
  std::vector<std::string> cells;
  bool whole = true;  // no quote is left open
};

// Takes one line off the front of `csv`, whose first line is the file's line `number`; a line break
// in quotes does not end it.
Line TakeLine(absl::string_view& csv, int64_t& number) {
  Line line = {.number = number, .cells = {""}};
  bool quoted = false;
  while (!csv.empty()) {
    const char c = csv.front();
    csv.remove_prefix(1);
    if (c == '\n') ++number;
    if (quoted && c == '"' && !csv.empty() && csv.front() == '"') {
      csv.remove_prefix(1);
      line.cells.back() += c;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      line.cells.emplace_back();
    } else if (!quoted && c == '\n') {
      break;
    } else if (quoted || c != '\r' || (!csv.empty() && csv.front() != '\n')) {
      line.cells.back() += c;
    }
  }
  line.whole = !quoted;
  return line;
}

absl::StatusOr<std::vector<std::string>> MetricsOfHead(const Line& head) {
  if (!head.whole) return absl::InvalidArgumentError("has a quote that is not closed");
  std::vector<std::string> metrics;
  for (size_t i = 0; i < std::max(kNumColumns, head.cells.size()); ++i) {
    if (i >= head.cells.size()) {
      return absl::InvalidArgumentError(absl::StrCat("must have a column ", Quoted(kColumns[i]),
                                                     ", but the first line ends before it"));
    }
    absl::string_view name = head.cells[i];
    if (i < kNumColumns && name != kColumns[i]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "column ", i + 1, " must be ", Quoted(kColumns[i]), ", but it is ", Quoted(name)));
    }
    if (i < kNumColumns) continue;
    if (name.substr(0, kTest.size()) != kTest) {
      return absl::InvalidArgumentError(absl::StrCat("column ", i + 1, " must begin with ",
                                                     Quoted(kTest), ", but it is ", Quoted(name)));
    }
    metrics.emplace_back(name.substr(kTest.size()));
  }
  return metrics;
}

absl::StatusOr<HistoryRow> RowOfLine(const Line& line, const Line& head) {
  if (!line.whole) return absl::InvalidArgumentError("has a quote that is not closed");
  if (line.cells.size() != head.cells.size()) {
    return absl::InvalidArgumentError(absl::StrCat("must have ", head.cells.size(),
                                                   " cells, as the first line has, but it has ",
                                                   line.cells.size()));
  }
  HistoryRow row;
  if (!absl::SimpleAtoi(line.cells[0], &row.step) || row.step < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "column \"step\" must be a whole number from 0 on, but it is ", Quoted(line.cells[0])));
  }
  double* const numbers[kNumColumns] = {nullptr, &row.epoch, &row.seconds, &row.learning_rate,
                                        &row.loss};
  for (size_t i = 1; i < line.cells.size(); ++i) {
    double number = 0;
    const std::string& cell = line.cells[i];
    const bool measured = i < kNumColumns || !cell.empty();
    if (measured && !absl::SimpleAtod(cell, &number)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "column ", Quoted(head.cells[i]), " must be a number, but it is ", Quoted(cell)));
    }
    if (i < kNumColumns) {
      *numbers[i] = number;
    } else {
      row.metrics.push_back(measured ? std::optional<double>(number) : std::nullopt);
    }
  }
  return row;
}

}  // namespace

void History::Add(HistoryRow row) {
  row.metrics.resize(metrics_.size());
  rows_.push_back(std::move(row));
}

std::string History::ToCsv() const {
  std::string csv = absl::StrJoin(kColumns, ",");
  for (const std::string& metric : metrics_) {
    absl::StrAppend(&csv, ",", CsvCell(absl::StrCat(kTest, metric)));
  }
  csv += '\n';
  for (const HistoryRow& row : rows_) {
    absl::StrAppend(&csv, row.step);
    for (const double number : {row.epoch, row.seconds, row.learning_rate, row.loss}) {
      absl::StrAppend(&csv, ",", NineDigits(number));
    }
    for (const std::optional<double>& metric : row.metrics) {
      absl::StrAppend(&csv, ",", metric.has_value() ? NineDigits(*metric) : "");
    }
    csv += '\n';
  }
  return csv;
}

absl::Status History::WriteCsv(absl::string_view path) const {
  return WriteFileAtomically(path, ToCsv());
}

absl::StatusOr<History> History::FromCsv(absl::string_view csv, absl::string_view name) {
  const auto in_line = [name](const Line& line, const absl::Status& status) {
    return absl::Status(status.code(),
                        absl::StrCat(PathText(name), ":", line.number, ": ", status.message()));
  };
  int64_t number = 1;
  const Line head = TakeLine(csv, number);
  absl::StatusOr<std::vector<std::string>> metrics = MetricsOfHead(head);
  if (!metrics.ok()) return in_line(head, metrics.status());
  History history(*std::move(metrics));
  while (!csv.empty()) {
    const Line line = TakeLine(csv, number);
    absl::StatusOr<HistoryRow> row = RowOfLine(line, head);
    if (!row.ok()) return in_line(line, row.status());
    if (!history.rows_.empty() && row->step < history.rows_.back().step) {
      return in_line(
          line, absl::InvalidArgumentError(absl::StrCat(
                    "step ", row->step, " must not come after step ", history.rows_.back().step)));
    }
    history.Add(*std::move(row));
  }
  return history;
}

absl::StatusOr<History> History::ReadCsv(absl::string_view path) {
  ASSIGN_OR_RETURN(const std::string csv, ReadFile(path, /*max_bytes=*/int64_t{1} << 28));
  return FromCsv(csv, path);
}

}  // namespace flowgrad
