// Reads and writes .npy files, NumPy's format for one array.
//
// Read: versions 1.0 to 3.0, dtypes f4, f8, i4, i8 (little-endian) and b1, rank at most 8; arrays
// in Fortran order are laid out row-major. Written: version 1.0, byte for byte as NumPy does.
// Everything is checked before memory is taken. Errors begin with the file's name; codes as in
// training/safetensors.h.

#ifndef FLOWGRAD_TRAINING_DATA_NPY_H_
#define FLOWGRAD_TRAINING_DATA_NPY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ops/tensor.h"

namespace flowgrad {

absl::StatusOr<Tensor> ReadNpy(absl::string_view path, int64_t max_bytes = int64_t{64} << 30);

absl::Status WriteNpy(absl::string_view path, const Tensor& tensor);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_NPY_H_
