#include "tests/testing/wire.h"

#include "absl/strings/str_cat.h"

namespace flowgrad {

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

std::string Field(int number, absl::string_view content) {
  return absl::StrCat(Varint(number << 3 | 2), Varint(content.size()), content);
}

std::string WithGraph(absl::string_view graph) {
  return absl::StrCat(absl::string_view("\x08\x01", 2), Field(2, graph));
}

std::string Repeated(absl::string_view bytes, int count) {
  std::string all;
  all.reserve(bytes.size() * count);
  for (int i = 0; i < count; ++i) all.append(bytes.data(), bytes.size());
  return all;
}

}  // namespace flowgrad
