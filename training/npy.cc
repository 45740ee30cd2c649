#include "training/npy.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they are");

constexpr absl::string_view kMagic = "\x93NUMPY";
constexpr absl::string_view kDTypes[kNumDTypes] = {"<f4", "<f8", "<i4", "<i8", "|b1"};
constexpr int64_t kMostHeaderBytes = 64 << 10;
constexpr int64_t kAlignment = 64;

struct NpyHeader {
  DType dtype;
  bool fortran_order;
  Dims dims;
  int64_t start;  // of the values in the file
};

// Reads the header's text, a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3),
// }
class DictReader {
 public:
  explicit DictReader(absl::string_view text) : text_(text) {}

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
    if (key == "descr") return ReadDType(header.dtype);
    if (key == "shape") return ReadShape(header.dims);
    if (key != "fortran_order") {
      return absl::DataLossError(absl::StrCat("has the unknown key ", Quoted(key)));
    }
    header.fortran_order = Take("True");
    return header.fortran_order || Take("False") ? absl::OkStatus() : NotADict();
  }

  absl::Status ReadDType(DType& dtype) {
    const std::optional<absl::string_view> text = TakeString();
    const auto* found = std::find(std::begin(kDTypes), std::end(kDTypes), text.value_or(""));
    if (found == std::end(kDTypes)) {
      return absl::InvalidArgumentError(absl::StrCat("must have dtype ",
                                                     absl::StrJoin(kDTypes, ", "), ", but has ",
                                                     text ? Quoted(*text) : "a structured one"));
    }
    dtype = static_cast<DType>(found - std::begin(kDTypes));
    return absl::OkStatus();
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
  std::set<std::string> keys_;
};

// OK if the dims, those beside a 0 included, can be counted and the file has exactly their values.
absl::Status CheckSize(const NpyHeader& header, int64_t file_bytes) {
  Dims dims = header.dims;
  for (int64_t& dim : dims) dim = std::max<int64_t>(dim, 1);
  const int64_t present = file_bytes - header.start;
  int64_t bytes;
  if (NumElements(dims) < 0 ||
      __builtin_mul_overflow(NumElements(dims), DTypeSize(header.dtype), &bytes)) {
    return absl::DataLossError(
        absl::StrCat("has the shape ", DimsString(header.dims), ", which cannot be counted"));
  }
  const int64_t expected = NumElements(header.dims) * DTypeSize(header.dtype);
  if (present == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(DTypeName(header.dtype), DimsString(header.dims),
                                          " takes ", expected, " bytes, but the file has ",
                                          present));
}

absl::StatusOr<NpyHeader> ReadHeader(const InputFile& file) {
  uint8_t begin[12] = {};
  const int64_t present = std::min<int64_t>(file.size(), sizeof(begin));
  RETURN_IF_ERROR(file.ReadAt(0, begin, present));
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
  if (header.start > file.size() || length > kMostHeaderBytes) {
    return absl::DataLossError(
        absl::StrCat("has a header of ", length, " bytes, but must have at most ",
                     std::min(kMostHeaderBytes, std::max<int64_t>(file.size() - length_end, 0))));
  }
  std::string text(length, '\0');
  RETURN_IF_ERROR(file.ReadAt(length_end, text.data(), length));
  RETURN_IF_ERROR(DictReader(text).Read(header));
  RETURN_IF_ERROR(CheckSize(header, file.size()));
  return header;
}

absl::StatusOr<Tensor> ReadTensor(const InputFile& file, const NpyHeader& header) {
  Dims dims = header.dims;
  if (header.fortran_order) std::reverse(dims.begin(), dims.end());
  Tensor tensor(header.dtype, dims);
  RETURN_IF_ERROR(file.ReadAt(header.start, tensor.bytes(), tensor.num_bytes()));
  const auto is_no_bool = [](std::byte byte) { return byte > std::byte{1}; };
  if (header.dtype == DType::kBool &&
      std::any_of(tensor.bytes(), tensor.bytes() + tensor.num_bytes(), is_no_bool)) {
    return absl::DataLossError("has a bool that is neither 0 nor 1");
  }
  if (!header.fortran_order) return tensor;
  Dims strides = tensor.strides();
  std::reverse(strides.begin(), strides.end());
  return tensor.WithLayout(header.dims, strides, 0).Contiguous();
}

// ReadAt() has put the file's name in its messages, we have not.
absl::Status WithPath(const InputFile& file, const absl::Status& status) {
  const std::string prefix = absl::StrCat(PathText(file.path()), ": ");
  if (absl::StartsWith(status.message(), prefix)) return status;
  return absl::Status(status.code(), absl::StrCat(prefix, status.message()));
}

}  // namespace

absl::StatusOr<Tensor> ReadNpy(absl::string_view path, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path, max_bytes));
  try {
    const absl::StatusOr<NpyHeader> header = ReadHeader(file);
    if (!header.ok()) return WithPath(file, header.status());
    absl::StatusOr<Tensor> tensor = ReadTensor(file, *header);
    if (!tensor.ok()) return WithPath(file, tensor.status());
    return tensor;
  } catch (const std::exception&) {
    return absl::ResourceExhaustedError(
        absl::StrCat(PathText(path), ": too little memory for its ", file.size(), " bytes"));
  }
}

absl::Status WriteNpy(absl::string_view path, const Tensor& tensor) {
  // A tuple of one has a comma in Python.
  std::string header =
      absl::StrCat("{'descr': '", kDTypes[static_cast<int>(tensor.dtype())],
                   "', 'fortran_order': False, 'shape': (", absl::StrJoin(tensor.dims(), ", "),
                   tensor.rank() == 1 ? "," : "", "), }");
  // NumPy leaves room for the first dim to grow to 21 digits.
  if (tensor.rank() > 0) {
    const size_t digits = absl::StrCat(tensor.dims()[0]).size();
    header.append(21 - digits, ' ');
  }
  const int64_t fixed = kMagic.size() + 4;
  const int64_t length =
      (fixed + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - fixed;
  header.resize(length - 1, ' ');
  const char version_and_length[] = {1, 0, static_cast<char>(length),
                                     static_cast<char>(length >> 8)};
  const Tensor values = tensor.Contiguous();
  return WriteFileAtomically(
      path, {kMagic, absl::string_view(version_and_length, 4), header, "\n",
             absl::string_view(reinterpret_cast<const char*>(values.bytes()), values.num_bytes())});
}

}  // namespace flowgrad
