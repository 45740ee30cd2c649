// How a text is written as a cell of a table: RFC 4180.

#ifndef FLOWGRAD_BASE_CSV_CELL_H_
#define FLOWGRAD_BASE_CSV_CELL_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

// `text`, in quotes where it would be taken for more than a cell.
inline std::string CsvCell(absl::string_view text) {
  if (text.find_first_of(",\"\r\n") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_CSV_CELL_H_
