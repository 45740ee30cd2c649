// Samples to train on and to test with: named fields, each with a value for every sample.
//
//   ASSIGN_OR_RETURN(DataParts parts, OpenCsv("iris.csv", {.label = "species"}));  // csv_data.h
//   parts.train.FieldType("features")->ToString();                                 // float[N,4]
//   ASSIGN_OR_RETURN(Tensor rows, parts.train.Batch("features", {5, 0, 7}, DType::kFloat));
//
// Values stay as their file has them, in memory or, where they are large, in a file, and become
// numbers batch by batch. csv_data.h, idx_data.h, npy_data.h and text_data.h make data sets of
// files, known_sets.h those that have a name, load_data.h what a model's training section says.

#ifndef FLOWGRAD_TRAINING_DATA_DATASET_H_
#define FLOWGRAD_TRAINING_DATA_DATASET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ops/tensor.h"

namespace flowgrad {

class DataField;

// Immutable, so that any number of threads may read it. Copies share their values.
class DataSet {
 public:
  DataSet() = default;  // without fields and samples

  // A data set of tensors in memory (shared, not copied), whose first dim is the samples.
  // InvalidArgument without tensors or samples, and if numbers of samples differ.
  static absl::StatusOr<DataSet> OfTensors(std::vector<std::pair<std::string, Tensor>> fields);

  // The same of fields, for readers of files.
  static absl::StatusOr<DataSet> OfFields(std::vector<std::shared_ptr<const DataField>> fields);

  int64_t num_samples() const { return num_samples_; }

  // Sorted.
  std::vector<std::string> field_names() const;

  // The type that suits the field, with the symbol N for the samples: "float[N,784]". NotFound if
  // there is no such field.
  absl::StatusOr<TensorType> FieldType(absl::string_view field) const;

  // Whether batches of the field can be of this dtype.
  bool CanBe(absl::string_view field, DType dtype) const;

  // The field's values for the samples of these numbers, in this order: [samples,...].
  // InvalidArgument for a dtype that the field cannot be, a sample that does not exist or a number
  // that the dtype cannot hold; DataLoss if a file has changed.
  absl::StatusOr<Tensor> Batch(absl::string_view field, absl::Span<const int64_t> samples,
                               DType dtype) const;

  // The same into memory that exists: `batch` is contiguous, of the shape and dtype that Batch()
  // would give.
  absl::Status FillBatch(absl::string_view field, absl::Span<const int64_t> samples,
                         Tensor& batch) const;

  // Where a sample's value stands, for messages: "iris.csv:18", "labels.idx: byte 25".
  std::string Where(absl::string_view field, int64_t sample) const;

  // InvalidArgument, with Where(), for the first sample whose value of an integer field is not from
  // 0 to bound - 1.
  absl::Status CheckIndices(absl::string_view field, int64_t bound) const;

  // What an integer stands for: the values of a categorical column, characters; empty if it has no
  // names.
  std::vector<std::string> Names(absl::string_view field) const;

  // These samples of it alone. REQUIRES: they exist
  DataSet Select(std::vector<int64_t> samples) const;

  // For readers of files: a field, or null; and the set with `field` in the place of the one of its
  // name.
  const DataField* FieldNamed(absl::string_view name) const;
  DataSet With(std::shared_ptr<const DataField> field) const;

 private:
  absl::StatusOr<const DataField*> Find(absl::string_view name) const;
  absl::Status CheckSamples(absl::Span<const int64_t> samples) const;

  int64_t num_samples_ = 0;
  std::vector<std::shared_ptr<const DataField>> fields_;   // sorted by name
  std::shared_ptr<const std::vector<int64_t>> selection_;  // absent: all samples of the fields
};

struct DataParts {
  DataSet train = {};
  std::optional<DataSet> test = {};
};

// How samples are divided where a source has no test part of its own: each is put into one of the
// parts by a hash of (seed, its number).
struct DataSplit {
  double test = 0;  // share of the test part, about: from 0 to less than 1; 0: no test part
  uint64_t seed = 1;
};

// Divides `data`; runs of `run` samples stay together. InvalidArgument if a part would be empty.
absl::StatusOr<DataParts> Divide(const DataSet& data, const DataSplit& split, int64_t run = 1);

// Data of files up to this size, all together, are held in memory; what does not fit stays in its
// file or, if it must be unpacked or parsed, in a temporary file without a name in $TMPDIR or /tmp.
inline constexpr int64_t kDataMemoryBytes = int64_t{1} << 30;

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_DATASET_H_
