// Reads and writes named tensors in the safetensors format of Hugging Face, which Python opens as
// it is.
//
//   8 bytes length of the header, little-endian; the header, JSON, filled up with spaces to a
//   multiple of 8; then the values of all tensors without gaps, each row-major and little-endian
//   header: {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2,3],
//   "data_offsets": [0,24]}}
//
// What is written is what the reference implementation writes, byte for byte: by dtype (I64, F64,
// F32, I32, BOOL), so that every tensor is aligned, and within one by name. The same tensors give
// the same bytes.
//
// A file is checked whole before memory is taken for a tensor: the header's length against the file
// and 100 MB, its syntax, no name twice, spans that fit their shapes and follow each other from the
// first to the last byte, rank at most 8. Values are taken bit for bit, NaN included. Errors begin
// with the file's name; DataLoss: the file breaks the format; InvalidArgument: it has something
// that this program does not take (dtype F16, rank 9).

#ifndef FLOWGRAD_TRAINING_SAFETENSORS_H_
#define FLOWGRAD_TRAINING_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ops/tensor.h"

namespace flowgrad {

using NamedTensor = std::pair<std::string, Tensor>;

// Texts about the file as a whole, by key.
using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  Metadata metadata;
};

// Writes the file by base/file.h's WriteFileAtomically(). InvalidArgument for a name that is empty,
// twice there,
// "__metadata__", not UTF-8 or longer than 1,024 bytes, and for text that is not UTF-8.
absl::Status SaveTensors(absl::string_view path, absl::Span<const NamedTensor> tensors,
                         const Metadata& metadata);

// Such a file in pieces that lie one after the other. Tensors are copied only where they have to be
// laid out anew, and must not change meanwhile.
struct TensorPieces {
  std::string header;
  std::vector<Tensor> tensors;  // contiguous, in the order of the file

  std::vector<absl::string_view> views() const;
};
absl::StatusOr<TensorPieces> PiecesOfTensors(absl::Span<const NamedTensor> tensors,
                                             const Metadata& metadata);

// The bytes of such a file.
absl::StatusOr<std::string> TensorsToBytes(absl::Span<const NamedTensor> tensors,
                                           const Metadata& metadata);

struct TensorLimits {
  int64_t file_bytes = int64_t{64} << 30;
  int64_t header_bytes = 100'000'000;
};

// ResourceExhausted if the machine has too little memory for the tensors.
absl::StatusOr<TensorFile> LoadTensors(absl::string_view path, const TensorLimits& limits = {});

// The tensors in `bytes`; messages call them `name`.
absl::StatusOr<TensorFile> TensorsFromBytes(absl::string_view bytes, absl::string_view name);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SAFETENSORS_H_
