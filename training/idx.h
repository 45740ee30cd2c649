// Reads IDX files, the format of MNIST and its relatives: bytes in up to 4 dimensions.
//
//   2 bytes 0, 1 byte type (8: unsigned byte, the only one read), 1 byte rank, each dim as 4 bytes
//   big-endian, then the values row-major
//
// Errors begin with the file's name: InvalidArgument for a file of another kind, DataLoss for a
// damaged one, and what base/file.h says for the file itself.

#ifndef FLOWGRAD_TRAINING_IDX_H_
#define FLOWGRAD_TRAINING_IDX_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ops/tensor.h"

namespace flowgrad {

struct IdxData {
  Dims dims;          // rank 1 to 4
  std::string bytes;  // header and values
  absl::string_view values() const { return absl::string_view(bytes).substr(4 + 4 * dims.size()); }
};

// Reads a plain or a gzip file of at most `max_bytes` (unpacked).
absl::StatusOr<IdxData> ReadIdx(absl::string_view path, int64_t max_bytes = int64_t{1} << 30);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_IDX_H_
