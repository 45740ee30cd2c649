// Rows of text in aligned columns.

#ifndef FLOWGRAD_BASE_TEXT_TABLE_H_
#define FLOWGRAD_BASE_TEXT_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace flowgrad {

// Columns that a well-formed UTF-8 text takes on a terminal: letters of East Asian scripts take
// two, combining marks none.
int DisplayWidth(absl::string_view text);

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) { AddRow(std::move(head)); }
  void AddRow(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // The head, a line below it, the rows; two spaces between columns, none at the ends of lines.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_TEXT_TABLE_H_
