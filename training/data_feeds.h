// Which fields of a data set feed which inputs of a graph, and the batches that come of it.

#ifndef FLOWGRAD_TRAINING_DATA_FEEDS_H_
#define FLOWGRAD_TRAINING_DATA_FEEDS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "graph/graph.h"
#include "ops/tensor.h"
#include "scheduler/reference_run.h"
#include "training/data/dataset.h"

namespace flowgrad {

class DataDef;

// Immutable, so that any number of threads may use it.
class DataFeeds {
 public:
  // `feed`s of a model's data section whose inputs are of `graph`. What every batch has alike, the
  // first samples, is taken from `train`. InvalidArgument with all feeds that do not fit, one a
  // line: a field that does not exist, or of another type than its input.
  static absl::StatusOr<DataFeeds> Make(const DataDef& data, const Graph& graph,
                                        const DataSet& train);

  // The values of these samples of `data` by the name of the input. Tensors that are in `batch`
  // already are written over if they have the right size, and replaced if not.
  absl::Status Fill(const DataSet& data, absl::Span<const int64_t> samples, TensorMap& batch) const;

  // Types of what Fill() puts into a batch of so many samples.
  std::map<std::string, TensorType> TypesOf(int64_t samples) const;

  // OK if `data` has every field that feeds an input; NotFound otherwise.
  absl::Status CheckFields(const DataSet& data) const;
  // The feeds of fields that `data` has, for data without labels.
  DataFeeds Within(const DataSet& data) const;

  // The field that feeds an input batch by batch; "" if none does.
  std::string FieldOf(absl::string_view input) const;

 private:
  struct Feed {
    std::string input, field;
    DType dtype;
    Dims sample_dims;
  };

  std::vector<Feed> feeds_;
  TensorMap fixed_;  // the same in every batch
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_FEEDS_H_
