#include "training/data/npy.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "training/data/npy_header.h"

namespace flowgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they are");

constexpr int64_t kAlignment = 64;

absl::StatusOr<NpyHeader> ReadHeader(const InputFile& file) {
  return ReadNpyHeader(file.size(), absl::MakeConstSpan(kNpyTypes, kNumDTypes),
                       [&](int64_t offset, void* memory, int64_t bytes) {
                         return file.ReadAt(offset, memory, bytes);
                       });
}

absl::StatusOr<Tensor> ReadTensor(const InputFile& file, const NpyHeader& header) {
  Dims dims = header.dims;
  if (header.fortran_order) std::reverse(dims.begin(), dims.end());
  Tensor tensor(NaturalDType(header.element), dims);
  RETURN_IF_ERROR(file.ReadAt(header.start, tensor.bytes(), tensor.num_bytes()));
  const auto is_no_bool = [](std::byte byte) { return byte > std::byte{1}; };
  if (header.element == Element::kBool &&
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
      absl::StrCat("{'descr': '", kNpyTypes[static_cast<int>(tensor.dtype())].descr,
                   "', 'fortran_order': False, 'shape': (", absl::StrJoin(tensor.dims(), ", "),
                   tensor.rank() == 1 ? "," : "", "), }");
  // NumPy leaves room for the first dim to grow to 21 digits.
  if (tensor.rank() > 0) {
    const size_t digits = absl::StrCat(tensor.dims()[0]).size();
    header.append(21 - digits, ' ');
  }
  constexpr absl::string_view kMagic = "\x93NUMPY";
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
