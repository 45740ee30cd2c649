#include "training/evaluation.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "proto/model.pb.h"
#include "training/batch_loader.h"
#include "training/metrics.h"

namespace flowgrad {
namespace {

using Metrics = std::vector<std::unique_ptr<Metric>>;

absl::StatusOr<Metrics> MakeMetrics(const TrainingDef& training, const Graph& model) {
  Metrics metrics;
  std::vector<std::string> errors;
  for (const MetricDef& def : training.metric()) {
    absl::StatusOr<std::unique_ptr<Metric>> metric = Metric::Make(def, training, model);
    if (metric.ok()) {
      metrics.push_back(*std::move(metric));
    } else {
      errors.emplace_back(metric.status().message());
    }
  }
  if (errors.empty()) return metrics;
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

// A metric's name, with that of its prediction where another metric has the same: "accuracy/k5".
std::string NameOf(const Metrics& metrics, size_t m, const TrainingDef& training) {
  const std::string& name = metrics[m]->name();
  const auto same = std::count_if(metrics.begin(), metrics.end(),
                                  [&](const auto& metric) { return metric->name() == name; });
  return same == 1 ? name
                   : absl::StrCat(name, "/", training.metric(static_cast<int>(m)).prediction());
}

// Names of values, each once, in the order of their first use.
class Fetches {
 public:
  // The place of `name`.
  size_t Add(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return found - names_.begin();
    names_.push_back(name);
    return names_.size() - 1;
  }
  std::vector<size_t> Add(const std::vector<std::string>& names) {
    std::vector<size_t> places;
    for (const std::string& name : names) places.push_back(Add(name));
    return places;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

std::vector<Tensor> At(const std::vector<Tensor>& values, const std::vector<size_t>& places) {
  std::vector<Tensor> chosen;
  for (const size_t place : places) chosen.push_back(values[place]);
  return chosen;
}

// Names of the classes, where the field of the label has some.
std::vector<std::string> ClassNames(const MetricDef& def, const DataFeeds& feeds,
                                    const DataSet& data) {
  const std::string field = feeds.FieldOf(def.label());
  return field.empty() ? std::vector<std::string>() : data.Names(field);
}

}  // namespace

std::string ValueText(const MetricResult& metric) {
  if (!metric.table.empty()) return absl::StrCat("\n", absl::StripSuffix(metric.table, "\n"));
  return absl::StrCat(" ",
                      Number(static_cast<float>(metric.value)));  // as many digits as say something
}

absl::Status CheckMetrics(const TrainingDef& training, const Graph& model) {
  return MakeMetrics(training, model).status();
}

absl::StatusOr<std::vector<std::string>> NumberMetrics(const TrainingDef& training,
                                                       const Graph& model) {
  ASSIGN_OR_RETURN(const Metrics metrics, MakeMetrics(training, model));
  std::vector<std::string> names;
  for (size_t m = 0; m < metrics.size(); ++m) {
    if (!metrics[m]->is_table()) names.push_back(NameOf(metrics, m, training));
  }
  return names;
}

absl::Status CheckLabels(const TrainingDef& training, const Graph& model, const DataFeeds& feeds,
                         const DataSet& data) {
  for (const MetricDef& def : training.metric()) {
    const ValueId prediction = model.Find(def.prediction());
    const std::string field = feeds.FieldOf(def.label());
    if (field.empty() || !prediction.present()) continue;
    const TensorType& type = model.type(prediction);
    const ValueId label = model.Find(def.label());
    const bool classes = type.rank() == 2 && type.shape[1].known() && label.present() &&
                         model.type(label).rank() == 1 && !IsFloating(model.type(label).dtype);
    if (!classes) continue;
    RETURN_IF_ERROR(data.CheckIndices(field, type.shape[1].value()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MetricResult>> Evaluate(const TrainingDef& training, const Graph& model,
                                                   Session& session, const DataFeeds& feeds,
                                                   const DataSet& data,
                                                   const EvaluationOptions& options) {
  ASSIGN_OR_RETURN(const Metrics metrics, MakeMetrics(training, model));
  Fetches fetches;
  std::vector<std::vector<size_t>> places;
  for (const std::unique_ptr<Metric>& metric : metrics) {
    places.push_back(fetches.Add(metric->fetches()));
  }
  const std::vector<size_t> watched = fetches.Add(options.fetches);
  const int64_t all = data.num_samples();
  const int64_t samples = options.most_samples == 0 ? all : std::min(all, options.most_samples);
  const int64_t batch_size = std::max<int64_t>(1, options.batch_size);
  const int64_t batches = (samples + batch_size - 1) / batch_size;
  const auto end_of = [&](int64_t batch) { return std::min((batch + 1) * batch_size, samples); };
  BatchLoader loader(
      data, feeds,
      [&](int64_t batch, std::vector<int64_t>& chosen) {
        chosen.resize(end_of(batch) - batch * batch_size);
        std::iota(chosen.begin(), chosen.end(), batch * batch_size);
      },
      0, batches);
  for (int64_t batch = 0; batch < batches; ++batch) {
    if (options.cancel != nullptr && *options.cancel) return absl::CancelledError("interrupted");
    ASSIGN_OR_RETURN(const TensorMap* const feed, loader.Next());
    ASSIGN_OR_RETURN(const std::vector<Tensor> values, session.Run(*feed, fetches.names()));
    const int64_t first = batch * batch_size;
    for (size_t m = 0; m < metrics.size(); ++m) {
      RETURN_IF_ERROR(metrics[m]->Add(At(values, places[m]), end_of(batch) - first));
    }
    if (options.watch)
      RETURN_IF_ERROR(options.watch(first, end_of(batch) - first, At(values, watched)));
  }
  std::vector<MetricResult> results;
  for (size_t m = 0; m < metrics.size(); ++m) {
    const Metric& metric = *metrics[m];
    const MetricDef& def = training.metric(static_cast<int>(m));
    results.push_back(
        {NameOf(metrics, m, training), metric.value(),
         metric.is_table() ? metric.Table(ClassNames(def, feeds, data)) : std::string()});
  }
  return results;
}

}  // namespace flowgrad
