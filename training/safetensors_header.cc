// The header is read event by event, not into a tree of JSON values: so a name given twice is seen,
// nesting has an end at once, and 100 MB of "[" cost nothing.

#include "training/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "nlohmann/json.hpp"

namespace flowgrad {
namespace {

using Json = nlohmann::json;

constexpr char kMetadataKey[] = "__metadata__";
constexpr size_t kLongestName = 1024;
constexpr size_t kMostEntries = 1'000'000;  // of tensors, and of metadata
constexpr absl::string_view kDTypes[kNumDTypes] = {"F32", "F64", "I32", "I64", "BOOL"};

// The only numbers that the format has are counts from 0 to 2^63 - 1.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(TensorHeader& header) : header_(header) {}

  const absl::Status& status() const { return status_; }

  bool start_object(size_t) override {
    if (place_ == Place::kStart) return Enter(Place::kFile);
    if (place_ == Place::kFileValue) {
      return Enter(name_ == kMetadataKey ? Place::kMetadata : Place::kTensor);
    }
    return Unexpected("an object");
  }

  bool key(std::string& key) override {
    if (place_ == Place::kMetadata) {
      key_ = key;
      if (header_.metadata.size() == kMostEntries) return TooMany("metadata keys");
      return header_.metadata.count(key) == 0 || Twice("metadata key", key);
    }
    if (place_ == Place::kTensor) {
      if (!tensor_keys_.insert(key).second) return Twice("key", key);
      if (key == "dtype") return Enter(Place::kDType);
      if (key == "shape") return Enter(Place::kShape);
      if (key == "data_offsets") return Enter(Place::kOffsets);
      return Fail(absl::StrCat("has the unknown key ", Quoted(key)));
    }
    name_ = key;
    if (key.empty()) return Fail("has an empty name");
    if (key.size() > kLongestName)
      return Fail(absl::StrCat("has a name over ", kLongestName, " bytes"));
    if (!names_.insert(key).second) return Twice("name", key);
    if (names_.size() > kMostEntries) return TooMany("tensors");
    entry_ = TensorEntry{key, DType::kFloat, {}, 0, 0};
    tensor_keys_.clear();
    return Enter(Place::kFileValue);
  }

  bool end_object() override {
    if (place_ == Place::kTensor) {
      if (tensor_keys_.size() < 3) return Fail("must have dtype, shape and data_offsets");
      header_.entries.push_back(std::move(entry_));
    }
    name_.clear();
    return Enter(Place::kFile);
  }

  bool start_array(size_t) override {
    numbers_.clear();
    if (place_ == Place::kShape) return Enter(Place::kInShape);
    if (place_ == Place::kOffsets) return Enter(Place::kInOffsets);
    return Unexpected("a list");
  }

  bool end_array() override {
    if (place_ == Place::kInShape) {
      entry_.dims.assign(numbers_.begin(), numbers_.end());
    } else {
      if (numbers_.size() != 2) return Fail("must have two data_offsets");
      entry_.begin = numbers_[0];
      entry_.end = numbers_[1];
    }
    return Enter(Place::kTensor);
  }

  bool string(std::string& text) override {
    if (place_ == Place::kMetadata) {
      header_.metadata.emplace(std::move(key_), std::move(text));
      return true;
    }
    if (place_ != Place::kDType) return Unexpected("a text");
    const auto* found = std::find(std::begin(kDTypes), std::end(kDTypes), text);
    if (found == std::end(kDTypes)) {
      return Fail(
          absl::StrCat("must have dtype F32, F64, I32, I64 or BOOL, but has ", Quoted(text)),
          absl::StatusCode::kInvalidArgument);
    }
    entry_.dtype = static_cast<DType>(found - std::begin(kDTypes));
    return Enter(Place::kTensor);
  }

  bool number_unsigned(uint64_t number) override {
    if (place_ != Place::kInShape && place_ != Place::kInOffsets) return Unexpected("a number");
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Fail(absl::StrCat("has the number ", number, ", which is too large"));
    }
    if (place_ == Place::kInShape && numbers_.size() == kMaxRank) {
      return Fail(absl::StrCat("must have at most ", kMaxRank, " dims, but has more"),
                  absl::StatusCode::kInvalidArgument);
    }
    if (place_ == Place::kInOffsets && numbers_.size() == 2)
      return Fail("must have two data_offsets");
    numbers_.push_back(static_cast<int64_t>(number));
    return true;
  }

  bool number_integer(int64_t number) override {
    return Unexpected(absl::StrCat("the negative number ", number));
  }
  bool number_float(double, const std::string& text) override {
    return Unexpected(absl::StrCat("the number ", Quoted(text)));
  }
  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("true or false"); }
  bool binary(Json::binary_t&) override { return Unexpected("bytes"); }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    name_.clear();
    return Fail(absl::StrCat("the header is not JSON near byte ", position));
  }

 private:
  // Where the reader stands: what the next event belongs to.
  enum class Place {
    kStart,
    kFile,
    kFileValue,
    kMetadata,
    kTensor,
    kDType,
    kShape,
    kInShape,
    kOffsets,
    kInOffsets
  };

  bool Enter(Place place) {
    place_ = place;
    return true;
  }
  bool Fail(absl::string_view message, absl::StatusCode code = absl::StatusCode::kDataLoss) {
    const std::string subject = name_.empty() || message == "has an empty name"
                                    ? ""
                                    : absl::StrCat("tensor ", Quoted(name_), " ");
    status_ = absl::Status(code, absl::StrCat(subject, message));
    return false;
  }
  bool Unexpected(absl::string_view what) {
    return Fail(absl::StrCat("has ", what, " in the header where there must be none"));
  }
  bool Twice(absl::string_view what, absl::string_view key) {
    name_.clear();
    return Fail(absl::StrCat("has the ", what, " ", Quoted(key), " twice in the header"));
  }

  bool TooMany(absl::string_view what) {
    name_.clear();
    return Fail(absl::StrCat("has more than ", kMostEntries, " ", what),
                absl::StatusCode::kInvalidArgument);
  }

  TensorHeader& header_;
  absl::Status status_;
  Place place_ = Place::kStart;
  std::set<std::string> names_;
  std::string name_;  // of the tensor being read; "" outside
  std::string key_;   // of the metadata being read
  TensorEntry entry_;
  std::set<std::string> tensor_keys_;
  std::vector<int64_t> numbers_;
};

// Bytes of the entry's values, -1 if there are too many to count. The dims beside a 0 must be
// countable too, since strides are made of them.
int64_t NumBytes(const TensorEntry& entry) {
  Dims dims = entry.dims;
  for (int64_t& dim : dims) dim = std::max<int64_t>(dim, 1);
  int64_t bytes;
  const int64_t count = NumElements(dims);
  if (count < 0 || __builtin_mul_overflow(count, DTypeSize(entry.dtype), &bytes)) return -1;
  return NumElements(entry.dims) * DTypeSize(entry.dtype);
}

// Spans in order must follow each other without gap or overlap from 0 to `num_bytes`, and fit their
// shapes.
absl::Status CheckSpans(const std::vector<TensorEntry>& entries, int64_t num_bytes) {
  int64_t position = 0;
  for (const TensorEntry& entry : entries) {
    const std::string span =
        absl::StrCat("tensor ", Quoted(entry.name), " lies at ", entry.begin, " to ", entry.end);
    if (entry.end < entry.begin || entry.end > num_bytes) {
      return absl::DataLossError(
          absl::StrCat(span, ", but the file has ", num_bytes, " bytes of values"));
    }
    if (entry.begin != position) {
      return absl::DataLossError(
          absl::StrCat(span, ", but the tensor before it ends at ", position));
    }
    const int64_t bytes = NumBytes(entry);
    if (bytes != entry.end - entry.begin) {
      return absl::DataLossError(
          absl::StrCat(span, ", but ", DTypeName(entry.dtype), DimsString(entry.dims), " takes ",
                       bytes < 0 ? "more than can be counted" : absl::StrCat(bytes), " bytes"));
    }
    position = entry.end;
  }
  if (position == num_bytes) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the tensors end at ", position, ", but the file has ",
                                          num_bytes, " bytes of values"));
}

std::string JsonText(const std::string& text) { return Json(text).dump(); }

}  // namespace

std::string HeaderText(const TensorHeader& header) {
  std::string text;
  if (!header.metadata.empty())
    absl::StrAppend(&text, ",", JsonText(kMetadataKey), ":", Json(header.metadata).dump());
  for (const TensorEntry& entry : header.entries) {
    absl::StrAppend(&text, ",", JsonText(entry.name), ":{\"dtype\":\"",
                    kDTypes[static_cast<int>(entry.dtype)], "\",\"shape\":", DimsString(entry.dims),
                    ",\"data_offsets\":", DimsString({entry.begin, entry.end}), "}");
  }
  if (!text.empty()) text.erase(0, 1);
  return absl::StrCat("{", text, "}");
}

absl::StatusOr<TensorHeader> ParseHeader(absl::string_view text, int64_t num_bytes) {
  if (text.empty() || text[0] != '{') {
    return absl::DataLossError("is not a safetensors file: its header does not begin with {");
  }
  // The parser takes a NUL for the end.
  if (text.find('\0') != absl::string_view::npos)
    return absl::DataLossError("the header has a NUL byte");
  TensorHeader header;
  HeaderReader reader(header);
  const bool read = Json::sax_parse(text.begin(), text.end(), &reader);
  RETURN_IF_ERROR(reader.status());
  if (!read) return absl::DataLossError("the header is not JSON");
  std::sort(header.entries.begin(), header.entries.end(),
            [](const TensorEntry& a, const TensorEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  RETURN_IF_ERROR(CheckSpans(header.entries, num_bytes));
  return header;
}

}  // namespace flowgrad
