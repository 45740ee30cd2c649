// What is measured over the samples of a test part. MetricDef in proto/training.proto says which
// there are, and what they mean.
//
//   ASSIGN_OR_RETURN(const auto metric, Metric::Make(def, training, model));
//   for (...) {
//     ASSIGN_OR_RETURN(const auto values, session->Run(batch, metric->fetches()));
//     RETURN_IF_ERROR(metric->Add(values, samples));
//   }
//   std::cout << metric->name() << ": " << metric->value();
//
// Numbers are added up in double, one after the other: the same batches in the same order give the
// same bits. A prediction that is not a number is never right: of the values of a row, NaN is below
// all others, and not the largest even where there are no others.

#ifndef FLOWGRAD_TRAINING_METRICS_H_
#define FLOWGRAD_TRAINING_METRICS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graph/graph.h"
#include "ops/tensor.h"

namespace flowgrad {

class MetricDef;
class TrainingDef;

class Metric {
 public:
  // InvalidArgument, with all that is wrong, one error a line: no such metric, values that `model`
  // does not have, or has with other types. A loss is only looked for: CheckLoss() says more.
  static absl::StatusOr<std::unique_ptr<Metric>> Make(const MetricDef& def,
                                                      const TrainingDef& training,
                                                      const Graph& model);
  virtual ~Metric() = default;
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;

  const std::string& name() const { return name_; }  // "accuracy", "top_5"
  // Values of the model, by name, that Add() takes.
  const std::vector<std::string>& fetches() const { return fetches_; }

  // The values of one batch, which has `samples` samples. InvalidArgument if their shapes do not
  // fit, or a label is no class, with its row in the batch; then nothing is added.
  absl::Status Add(absl::Span<const Tensor> values, int64_t samples);

  // Over all that was added; NaN before that, and of a table.
  virtual double value() const = 0;
  virtual bool is_table() const { return false; }
  // A text table, "" if this is none. Class c is called class_names[c], or c where there is no such
  // name.
  virtual std::string Table(const std::vector<std::string>& class_names) const;

 protected:
  Metric(std::string name, std::vector<std::string> fetches)
      : name_(std::move(name)), fetches_(std::move(fetches)) {}

 private:
  // OK if values of these types can be added; what the metric needs otherwise.
  virtual absl::Status CheckTypes(absl::Span<const TensorType> types) const = 0;
  // `values` are contiguous and passed CheckTypes().
  virtual absl::Status AddChecked(absl::Span<const Tensor> values, int64_t samples) = 0;

  const std::string name_;
  const std::vector<std::string> fetches_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_METRICS_H_
