#include "training/data/idx_data.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "training/data/record_field.h"

namespace flowgrad {
namespace {

std::optional<Element> ElementOfType(int type) {
  switch (type) {
    case 8:
      return Element::kUint8;
    case 9:
      return Element::kInt8;
    case 11:
      return Element::kInt16;
    case 12:
      return Element::kInt32;
    case 13:
      return Element::kFloat;
    case 14:
      return Element::kDouble;
    default:
      return std::nullopt;
  }
}

int64_t BigEndian32(const uint8_t* bytes) {
  return int64_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

absl::Status CheckSize(const IdxHeader& header, int64_t present) {
  Dims dims = header.dims;
  for (int64_t& dim : dims) dim = std::max<int64_t>(dim, 1);
  if (NumElements(dims) < 0) {
    return absl::DataLossError(
        absl::StrCat("has the dims ", DimsString(header.dims), ", which cannot be counted"));
  }
  const int64_t expected = NumElements(header.dims) * ElementSize(header.element);
  if (present == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("must have ", expected, " bytes after its header for ",
                                          ElementName(header.element), DimsString(header.dims),
                                          ", but has ", present));
}

absl::StatusOr<std::shared_ptr<const DataField>> IdxField(
    const std::string& name, std::shared_ptr<const ByteSource> source) {
  ASSIGN_OR_RETURN(const IdxHeader header, ReadIdxHeader(*source));
  FieldInfo info = {.name = name,
                    .num_samples = header.dims[0],
                    .sample_dims = Dims(header.dims.begin() + 1, header.dims.end()),
                    .natural = NaturalDType(header.element),
                    .dtypes = DTypesOf(header.element)};
  const bool pixels = header.element == Element::kUint8;
  if (pixels && !info.sample_dims.empty()) info.natural = DType::kFloat;
  const int64_t stride = NumElements(info.sample_dims) * ElementSize(header.element);
  return RecordField(std::move(info),
                     {.element = header.element,
                      .big_endian = true,
                      .pixels = pixels,
                      .start = header.start,
                      .stride = stride},
                     std::move(source));
}

}  // namespace

absl::StatusOr<IdxHeader> ReadIdxHeader(const ByteSource& source) {
  uint8_t bytes[4 + 4 * kMaxRank] = {};
  const int64_t present = std::min<int64_t>(source.size(), sizeof(bytes));
  RETURN_IF_ERROR(source.ReadAt(0, bytes, present));
  if (present < 4 || bytes[0] != 0 || bytes[1] != 0) {
    return absl::InvalidArgumentError("is not an IDX file: it must begin with two bytes 0");
  }
  const std::optional<Element> element = ElementOfType(bytes[2]);
  if (!element) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have type 8, 9, 11, 12, 13 or 14 in byte 2, but has ", bytes[2]));
  }
  const int rank = bytes[3];
  if (rank < 1 || rank > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have from 1 to ", kMaxRank, " dims, but has ", rank));
  }
  IdxHeader header = {.element = *element, .start = 4 + 4 * rank};
  if (present < header.start) {
    return absl::DataLossError(absl::StrCat("is cut off: its header of ", rank, " dims takes ",
                                            header.start, " bytes, but it has ", present));
  }
  for (int d = 0; d < rank; ++d) header.dims.push_back(BigEndian32(bytes + 4 + 4 * d));
  RETURN_IF_ERROR(CheckSize(header, source.size() - header.start));
  return header;
}

absl::Status ReadIdxField(OpenFieldFile file, MemoryBudget& memory, DataFields& fields) {
  const std::string path = file.file.path();
  ASSIGN_OR_RETURN(std::shared_ptr<const ByteSource> source,
                   OpenBytes(std::move(file.file), memory));
  absl::StatusOr<std::shared_ptr<const DataField>> field = IdxField(file.field, std::move(source));
  if (!field.ok()) return InFile(path, field.status());
  fields.push_back(*std::move(field));
  return absl::OkStatus();
}

absl::StatusOr<DataParts> OpenIdx(const std::vector<FieldFile>& files,
                                  const FieldFilesOptions& options) {
  return OpenFieldFiles(files, options, ReadIdxField);
}

}  // namespace flowgrad
