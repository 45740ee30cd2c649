#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace flowgrad {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
int SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const auto continues = [&](int count) {
    for (int i = 1; i <= count; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && continues(1)) return 2;
  if (first >= 0xE0 && first <= 0xEF && continues(2)) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4 && continues(3)) {
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool too_large = first == 0xF4 && byte(1) >= 0x90;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

// Letters put in, left out, replaced, or exchanged with their neighbour.
int EditDistance(absl::string_view a, absl::string_view b) {
  // rows[i % 3][j] is the distance of the first i letters of a from the first j of b.
  std::vector<int> rows[3];
  for (std::vector<int>& row : rows) row.resize(b.size() + 1);
  for (size_t i = 0; i <= a.size(); ++i) {
    std::vector<int>& row = rows[i % 3];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      if (i == 0) {
        row[j] = static_cast<int>(j);
        continue;
      }
      const std::vector<int>& above = rows[(i - 1) % 3];
      row[j] = std::min({above[j - 1] + (a[i - 1] != b[j - 1]), row[j - 1] + 1, above[j] + 1});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
    }
  }
  return rows[a.size() % 3].back();
}

template <class T>
std::string ShortestNumber(T value) {
  if (value != value) return "nan";
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, result.ptr);
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const int length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Escaped(absl::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const int length = std::max(1, SequenceLength(text));
    const absl::string_view sequence = text.substr(0, length);
    const uint8_t first = sequence[0];
    // U+0080..U+009F are control characters and U+202A..U+202E, U+2066..U+2069 turn the direction
    // of text.
    const bool control =
        first < 0x20 || first == 0x7F || (first >= 0x80 && length == 1) ||
        (first == 0xC2 && static_cast<uint8_t>(sequence[1]) < 0xA0) ||
        (length == 3 &&
         (sequence.substr(0, 2) == "\xE2\x80" || sequence.substr(0, 2) == "\xE2\x81") &&
         static_cast<uint8_t>(sequence[2]) >= 0xA6 && static_cast<uint8_t>(sequence[2]) <= 0xAE);
    if (first == '"' || first == '\\') {
      absl::StrAppend(&escaped, "\\", sequence);
    } else if (first == '\n') {
      escaped += "\\n";
    } else if (control) {
      for (const char c : sequence)
        absl::StrAppendFormat(&escaped, "\\x%02x", static_cast<uint8_t>(c));
    } else {
      escaped.append(sequence.data(), sequence.size());
    }
    text.remove_prefix(length);
  }
  return escaped;
}

std::string Quoted(absl::string_view name) {
  constexpr size_t kLongest = 80;
  if (name.size() <= kLongest) return absl::StrCat("\"", Escaped(name), "\"");
  size_t end = 0;
  while (end < kLongest - 4) end += std::max(1, SequenceLength(name.substr(end)));
  return absl::StrCat("\"", Escaped(name.substr(0, end)), "...\"");
}

std::string Nearest(absl::string_view name, const std::vector<std::string>& candidates) {
  std::string nearest;
  int fewest = static_cast<int>(std::min<size_t>(name.size(), 64)) / 3 + 1;
  for (const std::string& candidate : candidates) {
    const int difference =
        std::abs(static_cast<int>(candidate.size()) - static_cast<int>(name.size()));
    if (name.size() > 64 || difference >= fewest) continue;
    const int distance = EditDistance(name, candidate);
    if (distance < fewest) {
      fewest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(name, candidates);
  return nearest.empty() ? "" : absl::StrCat("; did you mean ", Quoted(nearest), "?");
}

std::string Number(double value) { return ShortestNumber(value); }
std::string Number(float value) { return ShortestNumber(value); }

}  // namespace flowgrad
