#include "base/text_table.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace flowgrad {
namespace {

int WidthOf(uint32_t c) {
  struct Range {
    uint32_t first, last;
  };
  constexpr Range kCombining[] = {{0x300, 0x36F},   {0x1AB0, 0x1AFF}, {0x200B, 0x200F},
                                  {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
  constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0xA4CF},   {0xAC00, 0xD7A3},
                             {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},
                             {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
                             {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
  const auto has = [c](const Range& range) { return range.first <= c && c <= range.last; };
  if (std::any_of(std::begin(kCombining), std::end(kCombining), has)) return 0;
  return std::any_of(std::begin(kWide), std::end(kWide), has) ? 2 : 1;
}

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  for (size_t i = 0; i < text.size();) {
    const uint8_t first = text[i];
    const int length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    uint32_t c = length == 1 ? first : first & (0xFF >> (length + 1));
    for (int k = 1; k < length && i + k < text.size(); ++k) c = c << 6 | (text[i + k] & 0x3F);
    width += WidthOf(c);
    i += length;
  }
  return width;
}

std::string TextTable::ToString() const {
  std::vector<int> widths(rows_[0].size());
  for (const std::vector<std::string>& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], DisplayWidth(row[c]));
  }
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    int spaces = 0;
    for (size_t c = 0; c < rows_[r].size(); ++c) {
      const std::string& cell = rows_[r][c];
      const int padding = widths[c] - DisplayWidth(cell) + 2;
      if (!cell.empty()) {
        text.append(spaces, ' ');
        text += cell;
        spaces = padding;
      } else {
        spaces += padding;
      }
    }
    text += '\n';
    if (r > 0) continue;
    for (size_t c = 0; c < widths.size(); ++c) {
      text.append(widths[c], '-');
      text += c + 1 < widths.size() ? "  " : "\n";
    }
  }
  return text;
}

}  // namespace flowgrad
