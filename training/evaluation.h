// Measures a model on the samples of a data set.

#ifndef FLOWGRAD_TRAINING_EVALUATION_H_
#define FLOWGRAD_TRAINING_EVALUATION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/graph.h"
#include "ops/tensor.h"
#include "training/data/dataset.h"
#include "training/data_feeds.h"
#include "training/session.h"

namespace flowgrad {

class TrainingDef;

struct MetricResult {
  std::string name;   // "accuracy"
  double value = 0;   // NaN for a table
  std::string table;  // of a confusion matrix: text, a row a line
};

// " 0.8903", or a line break and the table without its last one.
std::string ValueText(const MetricResult& metric);

struct EvaluationOptions {
  int64_t batch_size = 1000;
  int64_t most_samples = 0;  // the first so many; 0: all
  // More values that `watch` gets, after every batch, for `samples` samples from `first` on.
  std::vector<std::string> fetches = {};
  std::function<absl::Status(int64_t first, int64_t samples, absl::Span<const Tensor> values)>
      watch = {};
  const std::atomic<bool>* cancel = nullptr;  // Cancelled, between two batches, where true
};

// OK unless a metric of `training` is none, or names what `model` does not have. InvalidArgument
// with all errors, one a line.
absl::Status CheckMetrics(const TrainingDef& training, const Graph& model);

// The names of the metrics that are numbers, no tables. Errors as CheckMetrics().
absl::StatusOr<std::vector<std::string>> NumberMetrics(const TrainingDef& training,
                                                       const Graph& model);

// OK unless a metric's label is a field of `data` that has values which are no class of its
// prediction: InvalidArgument, with the place in the file.
absl::Status CheckLabels(const TrainingDef& training, const Graph& model, const DataFeeds& feeds,
                         const DataSet& data);

// The metrics of `training`, of which `session` runs the model. Errors of the data and of ops.
absl::StatusOr<std::vector<MetricResult>> Evaluate(const TrainingDef& training, const Graph& model,
                                                   Session& session, const DataFeeds& feeds,
                                                   const DataSet& data,
                                                   const EvaluationOptions& options = {});

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_EVALUATION_H_
