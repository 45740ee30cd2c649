#include "training/data/npy_data.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/data/npy_header.h"
#include "training/data/record_field.h"
#include "training/data/zip_file.h"

namespace flowgrad {
namespace {

using Source = std::shared_ptr<const ByteSource>;

// Samples of an array in Fortran order are laid out anew in blocks of about this size.
constexpr int64_t kBlockBytes = 4 << 20;

// The place in Fortran order of each number of a sample in row-major order.
std::vector<int64_t> FortranPlaces(const Dims& dims) {
  std::vector<int64_t> places(NumElements(dims));
  Dims index(dims.size(), 0);
  for (int64_t& place : places) {
    for (size_t d = dims.size(); d-- > 0;) place = place * dims[d] + index[d];
    for (size_t d = dims.size(); d-- > 0 && ++index[d] == dims[d];) index[d] = 0;
  }
  return places;
}

// The values of an array in Fortran order, row-major.
absl::StatusOr<Source> LaidOutAnew(const ByteSource& source, const NpyHeader& header,
                                   MemoryBudget& memory) {
  const int64_t num_samples = header.dims[0];
  const int64_t size = ElementSize(header.element);
  const std::vector<int64_t> places =
      FortranPlaces(Dims(header.dims.begin() + 1, header.dims.end()));
  const int64_t width = static_cast<int64_t>(places.size()) * size;
  const int64_t together = std::clamp<int64_t>(kBlockBytes / width, 1, num_samples);
  std::vector<char> run(together * size), block(together * width);
  Spool spool(source.name(), "byte of the array in row-major order,", memory);
  for (int64_t begin = 0; begin < num_samples; begin += together) {
    const int64_t count = std::min(together, num_samples - begin);
    for (size_t j = 0; j < places.size(); ++j) {
      const int64_t first = places[j] * num_samples + begin;
      RETURN_IF_ERROR(source.ReadAt(header.start + first * size, run.data(), count * size));
      for (int64_t s = 0; s < count; ++s) {
        std::memcpy(&block[s * width + j * size], &run[s * size], size);
      }
    }
    RETURN_IF_ERROR(spool.Append(absl::string_view(block.data(), count * width)));
  }
  return spool.Finish();
}

absl::StatusOr<std::shared_ptr<const DataField>> ArrayField(const std::string& name, Source source,
                                                            NpyHeader header,
                                                            MemoryBudget& memory) {
  if (header.dims.empty()) {
    return InFile(source->name(), absl::InvalidArgumentError(absl::StrCat(
                                      "field ", Quoted(name),
                                      " must have a first dim, the samples, but is a scalar")));
  }
  FieldInfo info = {.name = name,
                    .num_samples = header.dims[0],
                    .sample_dims = Dims(header.dims.begin() + 1, header.dims.end()),
                    .natural = NaturalDType(header.element),
                    .dtypes = DTypesOf(header.element)};
  const int64_t stride = NumElements(info.sample_dims) * ElementSize(header.element);
  if (header.fortran_order && header.dims.size() > 1 && NumElements(header.dims) > 0) {
    ASSIGN_OR_RETURN(source, LaidOutAnew(*source, header, memory));
    header.start = 0;
  }
  return RecordField(std::move(info),
                     {.element = header.element, .start = header.start, .stride = stride},
                     std::move(source));
}

absl::Status ReadArray(OpenFieldFile file, MemoryBudget& memory, DataFields& fields) {
  ASSIGN_OR_RETURN(Source source, OpenBytes(std::move(file.file), memory));
  const absl::StatusOr<NpyHeader> header = ReadNpyHeader(
      source->size(), kNpyTypes,
      [&](int64_t offset, void* to, int64_t bytes) { return source->ReadAt(offset, to, bytes); });
  if (!header.ok()) return InFile(source->name(), header.status());
  ASSIGN_OR_RETURN(fields.emplace_back(),
                   ArrayField(file.field, std::move(source), *header, memory));
  return absl::OkStatus();
}

absl::Status InMember(const ZipFile& zip, size_t member, const absl::Status& status) {
  return InFile(zip.path(), absl::Status(status.code(),
                                         absl::StrCat("member ", Quoted(zip.members()[member].name),
                                                      ": ", status.message())));
}

// The header is checked against the member's size before anything is unpacked to stay.
absl::StatusOr<NpyHeader> MemberHeader(ZipFile& zip, size_t member) {
  std::string head;
  RETURN_IF_ERROR(zip.Read(member, kMostNpyStart, [&](absl::string_view piece) {
    head.append(piece.data(), piece.size());
    return absl::OkStatus();
  }));
  absl::StatusOr<NpyHeader> header = ReadNpyHeader(
      zip.members()[member].size, kNpyTypes, [&](int64_t offset, void* to, int64_t bytes) {
        std::copy_n(head.data() + offset, bytes, static_cast<char*>(to));
        return absl::OkStatus();
      });
  if (!header.ok()) return InMember(zip, member, header.status());
  return header;
}

absl::Status ReadMember(ZipFile& zip, size_t member, MemoryBudget& memory, DataFields& fields) {
  const std::string& name = zip.members()[member].name;
  if (!absl::EndsWith(name, ".npy")) {
    return InMember(zip, member, absl::InvalidArgumentError("must be a .npy file"));
  }
  ASSIGN_OR_RETURN(const NpyHeader header, MemberHeader(zip, member));
  Spool spool(zip.path(), absl::StrCat("member ", Quoted(name), ", byte"), memory);
  RETURN_IF_ERROR(zip.Read(member, zip.members()[member].size,
                           [&](absl::string_view piece) { return spool.Append(piece); }));
  ASSIGN_OR_RETURN(Source source, spool.Finish());
  ASSIGN_OR_RETURN(fields.emplace_back(), ArrayField(std::string(absl::StripSuffix(name, ".npy")),
                                                     std::move(source), header, memory));
  return absl::OkStatus();
}

absl::Status ReadArchive(OpenFieldFile file, MemoryBudget& memory, DataFields& fields) {
  ASSIGN_OR_RETURN(ZipFile zip, ZipFile::Open(std::move(file.file)));
  std::vector<std::string> names;
  bool found = file.field.empty();
  for (size_t member = 0; member < zip.members().size(); ++member) {
    names.emplace_back(absl::StripSuffix(zip.members()[member].name, ".npy"));
    if (!file.field.empty() && names.back() != file.field) continue;
    found = true;
    RETURN_IF_ERROR(ReadMember(zip, member, memory, fields));
  }
  if (names.empty()) return InFile(zip.path(), absl::InvalidArgumentError("has no members"));
  if (found) return absl::OkStatus();
  return InFile(zip.path(),
                absl::NotFoundError(absl::StrCat("has no member ", Quoted(file.field + ".npy"),
                                                 DidYouMean(file.field, names))));
}

}  // namespace

absl::Status ReadNpyFields(OpenFieldFile file, MemoryBudget& memory, DataFields& fields) {
  const std::string path = file.file.path();
  const int64_t size = file.file.size();
  char magic[2] = {};
  RETURN_IF_ERROR(file.file.ReadAt(0, magic, std::min<int64_t>(size, 2)));
  try {
    if (absl::string_view(magic, 2) == "PK") return ReadArchive(std::move(file), memory, fields);
    if (file.field.empty()) {
      return InFile(path, absl::InvalidArgumentError(
                              "needs the name of its field, for a .npy file gives it none"));
    }
    return ReadArray(std::move(file), memory, fields);
  } catch (const std::exception&) {
    return InFile(path, absl::ResourceExhaustedError(
                            absl::StrCat("too little memory for its ", size, " bytes")));
  }
}

absl::StatusOr<DataParts> OpenNpy(const std::vector<FieldFile>& files,
                                  const FieldFilesOptions& options) {
  return OpenFieldFiles(files, options, ReadNpyFields);
}

}  // namespace flowgrad
