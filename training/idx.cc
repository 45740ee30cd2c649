#include "training/idx.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "training/gzip.h"

namespace flowgrad {
namespace {

constexpr int kMaxIdxRank = 4;
constexpr int kUnsignedByte = 8;

uint8_t ByteAt(absl::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

int64_t BigEndian32(absl::string_view bytes, size_t at) {
  int64_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8 | ByteAt(bytes, i);
  return value;
}

absl::StatusOr<Dims> ReadHeader(absl::string_view bytes) {
  if (bytes.size() < 4 || bytes[0] != 0 || bytes[1] != 0) {
    return absl::InvalidArgumentError("is not an IDX file: it must begin with two bytes 0");
  }
  if (ByteAt(bytes, 2) != kUnsignedByte) {
    return absl::InvalidArgumentError(absl::StrCat("must hold unsigned bytes (type ", kUnsignedByte,
                                                   "), but has type ", ByteAt(bytes, 2)));
  }
  const int rank = ByteAt(bytes, 3);
  if (rank < 1 || rank > kMaxIdxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have from 1 to ", kMaxIdxRank, " dims, but has ", rank));
  }
  const size_t header = 4 + 4 * rank;
  if (bytes.size() < header) {
    return absl::DataLossError(absl::StrCat("is cut off: its header of ", rank, " dims takes ",
                                            header, " bytes, but it has ", bytes.size()));
  }
  Dims dims;
  for (int d = 0; d < rank; ++d) dims.push_back(BigEndian32(bytes, 4 + 4 * d));
  const int64_t count = NumElements(dims);
  const int64_t present = bytes.size() - header;
  if (count != present) {
    const std::string expected = count < 0 ? "more than can be counted" : absl::StrCat(count);
    return absl::DataLossError(absl::StrCat("must have ", expected, " values for its dims ",
                                            DimsString(dims), ", but has ", present));
  }
  return dims;
}

absl::StatusOr<IdxData> ParseIdx(std::string bytes, int64_t max_bytes) {
  if (IsGzip(bytes)) {
    ASSIGN_OR_RETURN(bytes, Unzip(bytes, max_bytes));
  }
  IdxData data;
  ASSIGN_OR_RETURN(data.dims, ReadHeader(bytes));
  data.bytes = std::move(bytes);
  return data;
}

}  // namespace

absl::StatusOr<IdxData> ReadIdx(absl::string_view path, int64_t max_bytes) {
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, max_bytes));
  absl::StatusOr<IdxData> data = ParseIdx(std::move(bytes), max_bytes);
  if (data.ok()) return data;
  return absl::Status(data.status().code(),
                      absl::StrCat(PathText(path), ": ", data.status().message()));
}

}  // namespace flowgrad
