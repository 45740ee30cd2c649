// The header of .npy files, NumPy's format for one array: versions 1.0 to 3.0.

#ifndef FLOWGRAD_TRAINING_DATA_NPY_HEADER_H_
#define FLOWGRAD_TRAINING_DATA_NPY_HEADER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ops/tensor.h"
#include "training/data/element.h"

namespace flowgrad {

struct NpyType {
  absl::string_view descr;
  Element element;
};

// The types that are read, those of tensors first, in the order of DType.
inline constexpr NpyType kNpyTypes[] = {
    {"<f4", Element::kFloat},  {"<f8", Element::kDouble}, {"<i4", Element::kInt32},
    {"<i8", Element::kInt64},  {"|b1", Element::kBool},   {"|u1", Element::kUint8},
    {"|i1", Element::kInt8},   {"<u2", Element::kUint16}, {"<i2", Element::kInt16},
    {"<u4", Element::kUint32},
};

inline constexpr int64_t kMostNpyHeaderBytes = 64 << 10;
// The header and what comes before it.
inline constexpr int64_t kMostNpyStart = kMostNpyHeaderBytes + 12;

struct NpyHeader {
  Element element = Element::kFloat;
  bool fortran_order = false;
  Dims dims = {};     // rank at most 8
  int64_t start = 0;  // of the values
};

// Checks everything, the size of the file included. `read_at` reads bytes from an offset on, within
// the first kMostNpyStart. Errors without the file's name: InvalidArgument for types, ranks and
// versions that are not read, DataLoss for what NumPy does not write.
absl::StatusOr<NpyHeader> ReadNpyHeader(
    int64_t size, absl::Span<const NpyType> types,
    absl::FunctionRef<absl::Status(int64_t offset, void* memory, int64_t bytes)> read_at);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_NPY_HEADER_H_
