// Samples to train on and to test with: named fields, each with a value for every sample.
//
// A known set is found by its name in a folder: the one given, or the one that its Debian package
// installs.
//
//   name           field   type per sample  package
//   fashion-mnist  images  float[784]       dataset-fashion-mnist    28 x 28 pixels, row-major,
//   divided by 255
//                  labels  int64[]                                   class, 0 to 9
//
// Pixels stay bytes in memory and become numbers batch by batch.
//
//   ASSIGN_OR_RETURN(DataSet train, DataSet::Load("fashion-mnist", "", DataSet::Part::kTrain));
//   ASSIGN_OR_RETURN(Tensor images, train.Batch("images", {5, 0, 7}, DType::kFloat));  // [3,784]

#ifndef FLOWGRAD_TRAINING_DATASET_H_
#define FLOWGRAD_TRAINING_DATASET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ops/tensor.h"

namespace flowgrad {

// Immutable once loaded, so that any number of threads may read it.
class DataSet {
 public:
  enum class Part { kTrain, kTest };

  // Reads the part of the set `name` from `folder`; "" stands for the folder of the set's package.
  // NotFound if there is no such set or file; the errors of training/idx.h; DataLoss if the files
  // do not fit together.
  static absl::StatusOr<DataSet> Load(absl::string_view name, absl::string_view folder, Part part);

  int64_t num_samples() const { return num_samples_; }

  // In order of their names.
  std::vector<std::string> field_names() const;

  // The type that Batch() gives by nature, with the symbol N for the samples: "float[N,784]".
  // NotFound if there is no such field.
  absl::StatusOr<TensorType> FieldType(absl::string_view field) const;

  // The field's values for the samples of these numbers, in this order: [samples,...]. `dtype` is
  // float or double for pixels, int32 or int64 for labels. InvalidArgument for another dtype or a
  // sample that does not exist.
  absl::StatusOr<Tensor> Batch(absl::string_view field, absl::Span<const int64_t> samples,
                               DType dtype) const;

  // The same into memory that exists: `batch` is contiguous, of the shape and dtype that Batch()
  // would give.
  absl::Status FillBatch(absl::string_view field, absl::Span<const int64_t> samples,
                         Tensor& batch) const;

 private:
  struct Field {
    std::string name;
    bool pixels;       // divided by 255, or else an integer
    int64_t width;     // values per sample
    Dims sample_dims;  // their shape
    std::string bytes;
    int64_t start;  // of the first value in `bytes`
  };

  static absl::StatusOr<DataSet> LoadFashionMnist(const std::string& folder, Part part);

  absl::StatusOr<const Field*> Find(absl::string_view name) const;

  int64_t num_samples_ = 0;
  std::vector<Field> fields_;  // sorted by name
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATASET_H_
