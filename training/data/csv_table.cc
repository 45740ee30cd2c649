#include "training/data/csv_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr size_t kMostNames = 1 << 16;
constexpr size_t kMostNameBytes = 1000;
constexpr double kMostWhole = 9007199254740992;  // 2^53: beyond it doubles skip whole numbers

}  // namespace

absl::StatusOr<size_t> CsvTable::Find(absl::string_view name, const CsvReader& reader) const {
  const auto has_name = [name](const CsvColumn& column) { return column.name == name; };
  const auto found = std::find_if(columns_.begin(), columns_.end(), has_name);
  if (found != columns_.end()) return found - columns_.begin();
  std::vector<std::string> names;
  for (const CsvColumn& column : columns_) names.push_back(column.name);
  constexpr size_t kMostListed = 20;
  std::string hint = DidYouMean(name, names);
  if (hint.empty() && names.size() <= kMostListed) {
    hint = absl::StrCat("; its columns are ",
                        absl::StrJoin(names, ", ", [](std::string* out, const std::string& column) {
                          *out += Quoted(column);
                        }));
  }
  return absl::NotFoundError(absl::StrCat(PathText(reader.path()), ":", reader.line(),
                                          ": has no column ", Quoted(name), hint));
}

absl::Status CsvTable::ReadOptions(const CsvReader& reader) {
  for (const std::string& name : options_.ignore) {
    ASSIGN_OR_RETURN(const size_t column, Find(name, reader));
    columns_[column].ignored = true;
  }
  for (const std::string& name : options_.categorical) {
    ASSIGN_OR_RETURN(const size_t column, Find(name, reader));
    columns_[column].categorical = true;
    if (!columns_[column].ignored) continue;
    return reader.RowError(
        absl::StrCat("column ", Quoted(name), " cannot be both ignored and categorical"));
  }
  std::vector<size_t> kept;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (!columns_[c].ignored) kept.push_back(c);
  }
  if (kept.size() < 2) {
    return reader.RowError(absl::StrCat("must have a column for the label and another, but has ",
                                        kept.size(), " that ", kept.size() == 1 ? "is" : "are",
                                        " not ignored"));
  }
  label_ = kept.back();
  if (options_.label.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(label_, Find(options_.label, reader));
  if (!columns_[label_].ignored) return absl::OkStatus();
  return reader.RowError(
      absl::StrCat("column ", Quoted(options_.label), " cannot be both ignored and the label"));
}

absl::Status CsvTable::TakeFirstRow(const CsvReader& reader) {
  std::set<absl::string_view> names;
  for (size_t c = 0; c < reader.cells().size(); ++c) {
    const absl::string_view cell = reader.cells()[c];
    columns_.push_back({options_.no_header ? absl::StrCat(c + 1) : std::string(cell)});
    if (options_.no_header) continue;
    if (!IsUtf8(cell)) {
      return reader.RowError(absl::StrCat("column ", Quoted(cell), " is not UTF-8"));
    }
    if (!names.insert(cell).second) {
      return reader.RowError(absl::StrCat("has two columns ", Quoted(cell)));
    }
  }
  first_line_ = reader.line();
  return ReadOptions(reader);
}

absl::Status CsvTable::CheckFirstRow(const CsvReader& reader) {
  if (options_.no_header) return absl::OkStatus();
  const std::vector<absl::string_view>& cells = reader.cells();
  labelled_ = cells.size() + 1 != columns_.size() ||
              std::find(cells.begin(), cells.end(), columns_[label_].name) != cells.end();
  for (size_t c = 0; c < columns_.size() && CellOf(c) < cells.size(); ++c) {
    if ((!labelled_ && c == label_) || cells[CellOf(c)] == columns_[c].name) continue;
    return reader.RowError(absl::StrCat("column ", c + 1, " must be ", Quoted(columns_[c].name),
                                        " as in ", PathText(training_path_), ", but is ",
                                        Quoted(cells[CellOf(c)])));
  }
  return absl::OkStatus();
}

absl::StatusOr<double> CsvTable::ReadNumber(absl::string_view cell, CsvColumn& column) const {
  double value;
  if (cell.empty()) return absl::InvalidArgumentError("must be a number, but is empty");
  // SimpleAtod() takes hexadecimal numbers, too.
  const bool hexadecimal = cell.find_first_of("xX") != absl::string_view::npos;
  if (hexadecimal || !absl::SimpleAtod(cell, &value)) {
    return absl::InvalidArgumentError(absl::StrCat("must be a number, but is ", Quoted(cell)));
  }
  if (!std::isfinite(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a finite number, but is ", Quoted(cell)));
  }
  column.whole = column.whole && std::trunc(value) == value && std::abs(value) <= kMostWhole;
  column.least = std::min(column.least, value);
  column.most = std::max(column.most, value);
  return value;
}

absl::StatusOr<double> CsvTable::ReadName(absl::string_view cell, CsvColumn& column) const {
  const auto found = column.numbers.find(cell);
  if (found != column.numbers.end()) return found->second;
  if (!training_path_.empty()) {
    std::vector<std::string> known;
    for (const auto& [name, number] : column.numbers) known.push_back(name);
    std::sort(known.begin(), known.end());
    return absl::InvalidArgumentError(absl::StrCat("is ", Quoted(cell), ", which is nowhere in ",
                                                   PathText(training_path_),
                                                   DidYouMean(cell, known)));
  }
  if (!IsUtf8(cell)) {
    return absl::InvalidArgumentError(absl::StrCat("must be UTF-8, but is ", Quoted(cell)));
  }
  if (cell.size() > kMostNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have at most ", kMostNameBytes, " bytes, but has ", cell.size()));
  }
  if (column.numbers.size() == kMostNames) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have at most ", kMostNames, " different values, but has more"));
  }
  const int32_t number = static_cast<int32_t>(column.numbers.size());
  column.numbers.emplace(cell, number);
  return number;
}

absl::Status CsvTable::AppendRow(const CsvReader& reader, std::string& record) {
  const size_t num_cells = columns_.size() - (labelled_ ? 0 : 1);
  if (reader.cells().size() != num_cells) {
    const std::string like =
        training_path_.empty() ? absl::StrCat("line ", first_line_) : PathText(training_path_);
    return reader.RowError(absl::StrCat("must have ", num_cells, " cells like ", like, ", but has ",
                                        reader.cells().size()));
  }
  record.resize(CsvRecordBytes(columns_.size()));
  const int64_t line = reader.line();
  std::memcpy(record.data(), &line, sizeof(line));
  for (size_t c = 0; c < columns_.size(); ++c) {
    CsvColumn& column = columns_[c];
    if (column.ignored || (!labelled_ && c == label_)) continue;
    const absl::string_view cell = reader.cells()[CellOf(c)];
    const absl::StatusOr<double> value =
        column.categorical ? ReadName(cell, column) : ReadNumber(cell, column);
    if (!value.ok()) {
      return reader.RowError(
          absl::StrCat("column ", Quoted(column.name), ": ", value.status().message()));
    }
    std::memcpy(record.data() + CsvRecordBytes(c), &*value, sizeof(*value));
  }
  return absl::OkStatus();
}

absl::StatusOr<CsvRows> CsvTable::Read(InputFile file, MemoryBudget& memory) {
  ASSIGN_OR_RETURN(ByteStream stream, ByteStream::Open(std::move(file)));
  CsvReader reader(std::move(stream), options_.separator);
  Spool spool(reader.path(), "record byte", memory);
  CsvRows rows;
  ASSIGN_OR_RETURN(bool more, reader.NextRow());
  if (!more) return InFile(reader.path(), absl::InvalidArgumentError("is empty"));
  RETURN_IF_ERROR(training_path_.empty() ? TakeFirstRow(reader) : CheckFirstRow(reader));
  std::string record;
  if (!options_.no_header) {
    // A header that is too short or too long is one for which all rows are wrong.
    if (labelled_ && reader.cells().size() != columns_.size()) return AppendRow(reader, record);
    ASSIGN_OR_RETURN(more, reader.NextRow());
  }
  while (more) {
    RETURN_IF_ERROR(AppendRow(reader, record));
    RETURN_IF_ERROR(spool.Append(record));
    ++rows.count;
    ASSIGN_OR_RETURN(more, reader.NextRow());
  }
  if (rows.count == 0) {
    return InFile(reader.path(), absl::InvalidArgumentError("has a header, but no rows"));
  }
  if (training_path_.empty()) training_path_ = reader.path();
  rows.labelled = labelled_;
  ASSIGN_OR_RETURN(rows.records, spool.Finish());
  return rows;
}

}  // namespace flowgrad
