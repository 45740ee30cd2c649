#include "training/data/npy_header.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr absl::string_view kMagic = "\x93NUMPY";

// Reads the header's text, a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3),
// }
class DictReader {
 public:
  DictReader(absl::string_view text, absl::Span<const NpyType> types)
      : text_(text), types_(types) {}

  absl::Status Read(NpyHeader& header) {
    if (!Take("{")) return NotADict();
    while (!Take("}")) {
      const std::optional<absl::string_view> key = TakeString();
      if (!key || !Take(":")) return NotADict();
      if (!keys_.insert(std::string(*key)).second) {
        return absl::DataLossError(absl::StrCat("has the key ", Quoted(*key), " twice"));
      }
      RETURN_IF_ERROR(ReadValue(*key, header));
      if (!Take(",") && !At("}")) return NotADict();
    }
    if (!absl::StripAsciiWhitespace(text_).empty()) return NotADict();
    if (keys_.size() == 3) return absl::OkStatus();
    return absl::DataLossError("must have descr, fortran_order and shape in its header");
  }

 private:
  static absl::Status NotADict() {
    return absl::DataLossError("has a header that is no Python dict as NumPy writes it");
  }

  absl::Status ReadValue(absl::string_view key, NpyHeader& header) {
    if (key == "descr") return ReadType(header.element);
    if (key == "shape") return ReadShape(header.dims);
    if (key != "fortran_order") {
      return absl::DataLossError(absl::StrCat("has the unknown key ", Quoted(key)));
    }
    header.fortran_order = Take("True");
    return header.fortran_order || Take("False") ? absl::OkStatus() : NotADict();
  }

  absl::Status ReadType(Element& element) {
    const std::optional<absl::string_view> text = TakeString();
    for (const NpyType& type : types_) {
      if (text != type.descr) continue;
      element = type.element;
      return absl::OkStatus();
    }
    const std::string known = absl::StrJoin(
        types_, ", ",
        [](std::string* out, const NpyType& type) { absl::StrAppend(out, type.descr); });
    return absl::InvalidArgumentError(absl::StrCat("must have dtype ", known, ", but has ",
                                                   text ? Quoted(*text) : "a structured one"));
  }

  absl::Status ReadShape(Dims& dims) {
    if (!Take("(")) return NotADict();
    while (!Take(")")) {
      const size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
      int64_t dim;
      if (!absl::SimpleAtoi(text_.substr(0, digits), &dim)) {
        return absl::DataLossError(
            absl::StrCat("has the dim ", Quoted(text_.substr(0, std::max<size_t>(digits, 1)))));
      }
      if (dims.size() == kMaxRank) {
        return absl::InvalidArgumentError(
            absl::StrCat("must have at most ", kMaxRank, " dims, but has more"));
      }
      dims.push_back(dim);
      text_.remove_prefix(digits);
      if (!Take(",") && !At(")")) return NotADict();
    }
    return absl::OkStatus();
  }

  void SkipSpace() { text_ = absl::StripLeadingAsciiWhitespace(text_); }
  bool At(absl::string_view token) {
    SkipSpace();
    return absl::StartsWith(text_, token);
  }
  bool Take(absl::string_view token) {
    SkipSpace();
    const bool taken = absl::ConsumePrefix(&text_, token);
    SkipSpace();
    return taken;
  }
  std::optional<absl::string_view> TakeString() {
    SkipSpace();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return std::nullopt;
    const size_t end = text_.find(text_[0], 1);
    if (end == absl::string_view::npos) return std::nullopt;
    const absl::string_view content = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return content;
  }

  absl::string_view text_;
  const absl::Span<const NpyType> types_;
  std::set<std::string> keys_;
};

// OK if the dims, those beside a 0 included, can be counted and the file has exactly their values.
absl::Status CheckSize(const NpyHeader& header, int64_t file_bytes) {
  Dims dims = header.dims;
  for (int64_t& dim : dims) dim = std::max<int64_t>(dim, 1);
  const int64_t present = file_bytes - header.start;
  int64_t bytes;
  if (NumElements(dims) < 0 ||
      __builtin_mul_overflow(NumElements(dims), ElementSize(header.element), &bytes)) {
    return absl::DataLossError(
        absl::StrCat("has the shape ", DimsString(header.dims), ", which cannot be counted"));
  }
  const int64_t expected = NumElements(header.dims) * ElementSize(header.element);
  if (present == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(ElementName(header.element), DimsString(header.dims),
                                          " takes ", expected, " bytes, but the file has ",
                                          present));
}

}  // namespace

absl::StatusOr<NpyHeader> ReadNpyHeader(
    int64_t size, absl::Span<const NpyType> types,
    absl::FunctionRef<absl::Status(int64_t, void*, int64_t)> read_at) {
  uint8_t begin[12] = {};
  const int64_t present = std::min<int64_t>(size, sizeof(begin));
  RETURN_IF_ERROR(read_at(0, begin, present));
  const absl::string_view magic(reinterpret_cast<const char*>(begin), kMagic.size());
  if (magic != kMagic) return absl::DataLossError("is not a .npy file");
  if (present < 10) return absl::DataLossError("is cut off in its first 10 bytes");
  const int version = begin[6];
  if (version < 1 || version > 3 || begin[7] != 0) {
    return absl::InvalidArgumentError(absl::StrCat("has version ", version, ".", begin[7],
                                                   ", but this program knows 1.0 to 3.0"));
  }
  int64_t length = begin[8] | begin[9] << 8;
  if (version > 1) length |= int64_t{begin[10]} << 16 | int64_t{begin[11]} << 24;
  NpyHeader header = {};
  const int64_t length_end = version == 1 ? 10 : 12;
  header.start = length_end + length;
  if (header.start > size || length > kMostNpyHeaderBytes) {
    return absl::DataLossError(
        absl::StrCat("has a header of ", length, " bytes, but must have at most ",
                     std::min(kMostNpyHeaderBytes, std::max<int64_t>(size - length_end, 0))));
  }
  std::string text(length, '\0');
  RETURN_IF_ERROR(read_at(length_end, text.data(), length));
  RETURN_IF_ERROR(DictReader(text, types).Read(header));
  RETURN_IF_ERROR(CheckSize(header, size));
  return header;
}

}  // namespace flowgrad
