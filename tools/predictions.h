// What a model says of every sample: kept for a file, and shown beside the truth.

#ifndef FLOWGRAD_TOOLS_PREDICTIONS_H_
#define FLOWGRAD_TOOLS_PREDICTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/tensor.h"

namespace flowgrad {

// Values by sample: batches of them, one tensor for each of some names, the first dim the samples.
class Predictions {
 public:
  explicit Predictions(std::vector<std::string> names) : names_(std::move(names)) {}

  // The values of the next samples. InvalidArgument for a value that has not one row a sample.
  absl::Status Add(absl::Span<const Tensor> values, int64_t samples);

  // The file that the ending says: .csv, a column "sample", then one for each element of a value
  // ("logits[3]"); .npy, of a single value. InvalidArgument for another ending, or several values
  // in a .npy. CheckPath() says so before there are values.
  absl::Status Write(const std::string& path) const;
  absl::Status CheckPath(const std::string& path) const;

  int64_t num_samples() const { return num_samples_; }
  // The numbers of one sample of value `v`.
  std::vector<double> Row(size_t v, int64_t sample) const;
  bool IsFloat(size_t v) const { return IsFloating(parts_[0][v].dtype()); }

 private:
  std::string Csv() const;
  Tensor Joined(size_t v) const;

  std::vector<std::string> names_;
  std::vector<std::vector<Tensor>> parts_;  // by batch, by name
  std::vector<int64_t> first_;              // sample of each batch
  int64_t num_samples_ = 0;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_PREDICTIONS_H_
