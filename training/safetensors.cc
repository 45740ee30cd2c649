#include "training/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/safetensors_header.h"

namespace flowgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they are");

constexpr int64_t kLengthBytes = 8;
constexpr size_t kLongestName = 1024;

// The order of the reference implementation: by dtype, largest first.
constexpr int kDTypeOrder[kNumDTypes] = {2, 1, 3, 0, 4};

absl::Status CheckNames(absl::Span<const NamedTensor> tensors, const Metadata& metadata) {
  std::vector<absl::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    names.push_back(name);
    if (name.empty() || name == "__metadata__" || name.size() > kLongestName || !IsUtf8(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("name of a tensor must be 1 to ", kLongestName,
                       " bytes of UTF-8 and not \"__metadata__\", but is ", Quoted(name)));
    }
    if (!tensor.present()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", Quoted(name), " has no value"));
    }
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", Quoted(*twice), " is there twice"));
  }
  for (const auto& [key, text] : metadata) {
    if (!IsUtf8(key) || !IsUtf8(text)) {
      return absl::InvalidArgumentError(absl::StrCat("metadata ", Quoted(key), " is not UTF-8"));
    }
  }
  return absl::OkStatus();
}

// Copies bytes of the file, from an offset on, into memory.
using Reader = absl::FunctionRef<absl::Status(int64_t offset, void* memory, int64_t bytes)>;

absl::Status CheckBools(const std::string& name, const Tensor& tensor) {
  const std::byte* bytes = tensor.bytes();
  const std::byte* end = bytes + tensor.num_bytes();
  const std::byte* bad = std::find_if(bytes, end, [](std::byte b) { return b > std::byte{1}; });
  if (bad == end) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("tensor ", Quoted(name), " of bools has the byte ",
                                          static_cast<int>(*bad), " at element ", bad - bytes));
}

absl::StatusOr<TensorFile> Read(int64_t size, int64_t most_header_bytes, Reader read) {
  if (size < kLengthBytes) {
    return absl::DataLossError(
        absl::StrCat("is not a safetensors file: it has ", size, " bytes, fewer than 8"));
  }
  uint64_t length;
  RETURN_IF_ERROR(read(0, &length, kLengthBytes));
  const uint64_t most = std::min(most_header_bytes, size - kLengthBytes);
  if (length > most) {
    return absl::DataLossError(
        absl::StrCat("is not a safetensors file, or cut off: header must have at most ", most,
                     " bytes, but its length is given as ", length));
  }
  std::string text(length, '\0');
  RETURN_IF_ERROR(read(kLengthBytes, text.data(), text.size()));
  const int64_t start = kLengthBytes + static_cast<int64_t>(length);
  ASSIGN_OR_RETURN(TensorHeader header, ParseHeader(text, size - start));
  TensorFile file;
  file.metadata = std::move(header.metadata);
  for (const TensorEntry& entry : header.entries) {
    Tensor tensor(entry.dtype, entry.dims);
    RETURN_IF_ERROR(read(start + entry.begin, tensor.bytes(), tensor.num_bytes()));
    if (entry.dtype == DType::kBool) RETURN_IF_ERROR(CheckBools(entry.name, tensor));
    file.tensors.emplace(entry.name, std::move(tensor));
  }
  return file;
}

absl::Status WithName(absl::string_view name, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(PathText(name), ": ", status.message()));
}

}  // namespace

std::vector<absl::string_view> TensorPieces::views() const {
  std::vector<absl::string_view> views = {header};
  for (const Tensor& tensor : tensors) {
    views.emplace_back(reinterpret_cast<const char*>(tensor.bytes()), tensor.num_bytes());
  }
  return views;
}

absl::StatusOr<TensorPieces> PiecesOfTensors(absl::Span<const NamedTensor> tensors,
                                             const Metadata& metadata) {
  RETURN_IF_ERROR(CheckNames(tensors, metadata));
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const int a_order = kDTypeOrder[static_cast<int>(a->second.dtype())];
    const int b_order = kDTypeOrder[static_cast<int>(b->second.dtype())];
    return a_order != b_order ? a_order < b_order : a->first < b->first;
  });
  TensorPieces pieces;
  TensorHeader header;
  header.metadata = metadata;
  int64_t position = 0;
  for (const NamedTensor* named : order) {
    const auto& [name, tensor] = *named;
    const int64_t end = position + tensor.num_bytes();
    header.entries.push_back({name, tensor.dtype(), tensor.dims(), position, end});
    pieces.tensors.push_back(tensor.Contiguous());
    position = end;
  }
  std::string text = HeaderText(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  pieces.header =
      absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&length), kLengthBytes), text);
  return pieces;
}

absl::Status SaveTensors(absl::string_view path, absl::Span<const NamedTensor> tensors,
                         const Metadata& metadata) {
  const absl::StatusOr<TensorPieces> pieces = PiecesOfTensors(tensors, metadata);
  if (!pieces.ok()) return WithName(path, pieces.status());
  return WriteFileAtomically(path, pieces->views());
}

absl::StatusOr<std::string> TensorsToBytes(absl::Span<const NamedTensor> tensors,
                                           const Metadata& metadata) {
  ASSIGN_OR_RETURN(const TensorPieces pieces, PiecesOfTensors(tensors, metadata));
  std::string bytes;
  for (const absl::string_view view : pieces.views()) absl::StrAppend(&bytes, view);
  return bytes;
}

absl::StatusOr<TensorFile> LoadTensors(absl::string_view path, const TensorLimits& limits) {
  ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path, limits.file_bytes));
  absl::Status failure;  // of the file itself, with its name
  const auto read = [&](int64_t offset, void* memory, int64_t bytes) {
    return failure = file.ReadAt(offset, memory, bytes);
  };
  try {
    absl::StatusOr<TensorFile> tensors = Read(file.size(), limits.header_bytes, read);
    if (tensors.ok()) return tensors;
    return failure.ok() ? WithName(path, tensors.status()) : failure;
  } catch (const std::exception&) {
    return absl::ResourceExhaustedError(absl::StrCat(PathText(path), ": too little memory for its ",
                                                     file.size(), " bytes of tensors"));
  }
}

absl::StatusOr<TensorFile> TensorsFromBytes(absl::string_view bytes, absl::string_view name) {
  const auto read = [&](int64_t offset, void* memory, int64_t count) {
    if (count > 0) std::memcpy(memory, bytes.data() + offset, count);
    return absl::OkStatus();
  };
  absl::StatusOr<TensorFile> tensors = Read(bytes.size(), TensorLimits().header_bytes, read);
  if (tensors.ok()) return tensors;
  return WithName(name, tensors.status());
}

}  // namespace flowgrad
