// The JSON header of a safetensors file: its text from entries, and entries from its text.

#ifndef FLOWGRAD_TRAINING_SAFETENSORS_HEADER_H_
#define FLOWGRAD_TRAINING_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ops/tensor.h"
#include "training/safetensors.h"

namespace flowgrad {

// A tensor's place among the values: bytes `begin` to `end`.
struct TensorEntry {
  std::string name;
  DType dtype = DType::kFloat;
  Dims dims;
  int64_t begin = 0;
  int64_t end = 0;
};

struct TensorHeader {
  std::vector<TensorEntry> entries;
  Metadata metadata;
};

// JSON in the order of the entries, metadata first, without the spaces at the end.
std::string HeaderText(const TensorHeader& header);

// Reads a header for `num_bytes` of values; the entries come in the order of the values. Everything
// that the file's comment promises about spans, names and shapes has been checked.
absl::StatusOr<TensorHeader> ParseHeader(absl::string_view text, int64_t num_bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SAFETENSORS_HEADER_H_
