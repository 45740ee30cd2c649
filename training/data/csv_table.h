// Tables read once: a row becomes a record of numbers.

#ifndef FLOWGRAD_TRAINING_DATA_CSV_TABLE_H_
#define FLOWGRAD_TRAINING_DATA_CSV_TABLE_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "training/data/byte_source.h"
#include "training/data/csv_data.h"
#include "training/data/csv_reader.h"

namespace flowgrad {

// A column and what its values in all files have in common.
struct CsvColumn {
  std::string name;
  bool ignored = false, categorical = false;

  // Of numbers.
  bool whole = true;
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  // Of names, numbered as they were first seen in the training part.
  absl::flat_hash_map<std::string, int32_t> numbers = {};
};

// Rows as records: the line as int64, then a double for each column, a number or that of a name.
struct CsvRows {
  std::shared_ptr<const ByteSource> records;
  int64_t count = 0;
  bool labelled = true;  // otherwise the file had no column for the label
};

inline int64_t CsvRecordBytes(size_t num_columns) {
  return static_cast<int64_t>(sizeof(int64_t) + num_columns * sizeof(double));
}

// The columns of the first file that is read and their order are those of all.
class CsvTable {
 public:
  // Copies `options`.
  explicit CsvTable(const CsvOptions& options) : options_(options) {}

  // Reads the training part, then perhaps the test part, whose names must be known by then; it may
  // lack the column of the label, if it has a header.
  absl::StatusOr<CsvRows> Read(InputFile file, MemoryBudget& memory);

  const std::vector<CsvColumn>& columns() const { return columns_; }
  size_t label() const { return label_; }  // its column

 private:
  absl::Status TakeFirstRow(const CsvReader& reader);
  absl::Status CheckFirstRow(const CsvReader& reader);
  size_t CellOf(size_t column) const { return column - (!labelled_ && column > label_ ? 1 : 0); }
  absl::Status ReadOptions(const CsvReader& reader);
  absl::StatusOr<size_t> Find(absl::string_view name, const CsvReader& reader) const;
  absl::Status AppendRow(const CsvReader& reader, std::string& record);
  absl::StatusOr<double> ReadNumber(absl::string_view cell, CsvColumn& column) const;
  absl::StatusOr<double> ReadName(absl::string_view cell, CsvColumn& column) const;

  const CsvOptions options_;
  std::vector<CsvColumn> columns_;
  size_t label_ = 0;
  bool labelled_ = true;       // the file that is read
  std::string training_path_;  // "" before the training part has been read
  int64_t first_line_ = 1;     // of the training part
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_CSV_TABLE_H_
