// One field of a data set: a value for every sample. For readers of files; others use dataset.h.

#ifndef FLOWGRAD_TRAINING_DATA_DATA_FIELD_H_
#define FLOWGRAD_TRAINING_DATA_DATA_FIELD_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ops/tensor.h"
#include "training/data/element.h"

namespace flowgrad {

struct FieldInfo {
  std::string name;
  int64_t num_samples = 0;
  Dims sample_dims = {};
  DType natural = DType::kFloat;  // the dtype that suits it
  DTypeSet dtypes = {};           // all that it can be
  std::vector<std::string> names =
      {};  // what its integers stand for: all are less than their number
};

// Immutable: any number of threads may read it.
class DataField {
 public:
  virtual ~DataField() = default;

  const FieldInfo& info() const { return info_; }

  // Puts the values of these samples into `batch`, which is contiguous, of the right dims and of a
  // dtype that the field can be. REQUIRES: the samples exist
  virtual absl::Status Fill(absl::Span<const int64_t> samples, Tensor& batch) const = 0;

  // Where the value stands, for messages; of the field as a whole for sample -1.
  virtual std::string Where(int64_t sample) const = 0;

 protected:
  explicit DataField(FieldInfo info) : info_(std::move(info)) {}

 private:
  FieldInfo info_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_DATA_FIELD_H_
