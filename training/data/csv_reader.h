// Rows of a table of text: RFC 4180, plain or gzip.

#ifndef FLOWGRAD_TRAINING_DATA_CSV_READER_H_
#define FLOWGRAD_TRAINING_DATA_CSV_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "training/data/byte_stream.h"

namespace flowgrad {

// A cell may be in quotes and then have separators, ends of lines and doubled quotes; elsewhere a
// quote is an error. Lines end with LF or CRLF, the last perhaps with neither; empty lines and a
// byte order mark are skipped. Errors begin with file and line: "iris.csv:18: ". Thread-compatible.
class CsvReader {
 public:
  CsvReader(ByteStream stream, char separator);

  const std::string& path() const { return stream_.path(); }

  // Reads the next row; false if there is none.
  absl::StatusOr<bool> NextRow();

  // The row, until the next is read.
  const std::vector<absl::string_view>& cells() const { return cells_; }
  // The line that it begins in, from 1 on.
  int64_t line() const { return row_line_; }

  // An error of the row.
  absl::Status RowError(absl::string_view message) const;

 private:
  enum class Place { kCellBegin, kPlain, kQuoted, kQuoteInQuotes, kReturnAfterQuotes };

  absl::StatusOr<bool> Refill();
  absl::Status Take(char c);
  void EndCell();
  void EndRow();
  absl::Status CellError(absl::string_view message) const;

  ByteStream stream_;
  const char separator_;
  std::vector<char> buffer_;
  int64_t next_ = 0, end_ = 0;  // of what is left in the buffer
  bool began_ = false;          // something was read
  int64_t line_ = 1, row_line_ = 1;
  Place place_ = Place::kCellBegin;
  bool row_ended_ = false, quoted_ = false;  // `quoted_`: of the cell
  std::string text_;                         // of the row's cells, one after another
  std::vector<size_t> ends_;                 // of the cells in it
  std::vector<absl::string_view> cells_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_CSV_READER_H_
