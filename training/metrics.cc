#include "training/metrics.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "base/text_table.h"
#include "proto/training.pb.h"

namespace flowgrad {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kDefaultK = 5;
// Predicted where all values are NaN.
constexpr int64_t kNoClass = std::numeric_limits<int64_t>::max();
// Of a confusion matrix that is shown as one.
constexpr size_t kMostClasses = 100;

bool IsInteger(DType dtype) { return dtype == DType::kInt32 || dtype == DType::kInt64; }

// Symbols may turn out to be any number.
bool MayBeEqual(const Dim& a, const Dim& b) { return !a.known() || !b.known() || a == b; }

template <class... Parts>
absl::Status Refused(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("training.metric", parts...));
}

absl::Status CheckNeeds(bool met, const std::string& metric, absl::string_view needs,
                        absl::Span<const TensorType> types) {
  if (met) return absl::OkStatus();
  return Refused(": ", metric, " needs a prediction ", needs, ", but they are ",
                 types[0].ToString(), " and ", types[1].ToString());
}

double MeanOf(double sum, int64_t count) {
  return count == 0 ? kNan : sum / static_cast<double>(count);
}

class LossMetric : public Metric {
 public:
  explicit LossMetric(const std::string& loss) : Metric("loss", {loss}) {}
  double value() const override { return MeanOf(sum_, samples_); }

 private:
  absl::Status CheckTypes(absl::Span<const TensorType> types) const override {
    if (IsFloating(types[0].dtype) && types[0].rank() == 0) return absl::OkStatus();
    return Refused(": loss needs a float or double scalar, but ", Quoted(fetches()[0]), " is ",
                   types[0].ToString());
  }
  absl::Status AddChecked(absl::Span<const Tensor> values, int64_t samples) override {
    sum_ += values[0].at(0) * static_cast<double>(samples);
    samples_ += samples;
    return absl::OkStatus();
  }

  double sum_ = 0;
  int64_t samples_ = 0;
};

// A row of predictions beside its label.
struct RowResult {
  int64_t label;
  int64_t prediction;  // or kNoClass
  int64_t before;      // values that come before the label's: larger ones, and equal ones before it
};

template <class T>
RowResult ResultOf(const T* row, int64_t classes, int64_t label) {
  const T own = row[label];
  RowResult result = {label, kNoClass, 0};
  for (int64_t c = 0; c < classes; ++c) {
    const T x = row[c];
    const bool largest = result.prediction == kNoClass ? x == x : x > row[result.prediction];
    if (largest) result.prediction = c;
    if (x > own || (x == own && c < label)) ++result.before;
  }
  if (!(own == own)) result.before = classes;
  return result;
}

std::vector<int64_t> Integers(const Tensor& tensor) {
  std::vector<int64_t> integers(tensor.num_elements());
  for (size_t i = 0; i < integers.size(); ++i) {
    integers[i] =
        tensor.dtype() == DType::kInt32 ? tensor.data<int32_t>()[i] : tensor.data<int64_t>()[i];
  }
  return integers;
}

// What looks at predicted classes, row by row: from values for each class, or, if `takes_classes`,
// the classes themselves.
class ClassMetric : public Metric {
 protected:
  ClassMetric(std::string name, std::vector<std::string> fetches, bool takes_classes)
      : Metric(std::move(name), std::move(fetches)), takes_classes_(takes_classes) {}

 private:
  absl::Status CheckTypes(absl::Span<const TensorType> types) const override {
    const TensorType &rows = types[0], &labels = types[1];
    const bool has_values = rows.rank() == 2 && rows.dtype != DType::kBool && rows.shape[1] != 0;
    const bool has_classes = takes_classes_ && rows.rank() == 1 && IsInteger(rows.dtype);
    const bool fits = (has_values || has_classes) && labels.rank() == 1 &&
                      IsInteger(labels.dtype) && MayBeEqual(rows.shape[0], labels.shape[0]);
    return CheckNeeds(fits, name(),
                      takes_classes_
                          ? "[N,classes], or [N] of integers, and a label [N] of integers"
                          : "[N,classes] and a label [N] of integers",
                      types);
  }

  absl::Status AddChecked(absl::Span<const Tensor> values, int64_t) override {
    const std::vector<int64_t> labels = Integers(values[1]);
    const auto num_rows = static_cast<int64_t>(labels.size());
    if (values[0].rank() == 1) {
      const std::vector<int64_t> predictions = Integers(values[0]);
      for (int64_t r = 0; r < num_rows; ++r) {
        AddRow({labels[r], predictions[r], predictions[r] == labels[r] ? 0 : 1});
      }
      return absl::OkStatus();
    }
    const int64_t classes = values[0].dims()[1];
    for (int64_t r = 0; r < num_rows; ++r) {
      if (labels[r] >= 0 && labels[r] < classes) continue;
      return Refused(": ", name(), ": label of row ", r, " of the batch must be from 0 to ",
                     classes - 1, ", but is ", labels[r]);
    }
    VisitDType(values[0].dtype(), [&](auto type) {
      const auto* rows = values[0].data<decltype(type)>();
      for (int64_t r = 0; r < num_rows; ++r) {
        AddRow(ResultOf(rows + r * classes, classes, labels[r]));
      }
    });
    return absl::OkStatus();
  }

  virtual void AddRow(const RowResult& row) = 0;

  const bool takes_classes_;
};

// Share of rows where fewer than k values come before the label's. Accuracy is that for k = 1.
class TopK : public ClassMetric {
 public:
  TopK(std::string name, std::vector<std::string> fetches, bool takes_classes, int64_t k)
      : ClassMetric(std::move(name), std::move(fetches), takes_classes), k_(k) {}
  double value() const override { return MeanOf(static_cast<double>(right_), rows_); }

 private:
  void AddRow(const RowResult& row) override {
    ++rows_;
    right_ += row.before < k_;
  }

  const int64_t k_;
  int64_t right_ = 0, rows_ = 0;
};

class ConfusionMatrix : public ClassMetric {
 public:
  explicit ConfusionMatrix(std::vector<std::string> fetches)
      : ClassMetric("confusion_matrix", std::move(fetches), /*takes_classes=*/true) {}
  double value() const override { return kNan; }
  bool is_table() const override { return true; }
  std::string Table(const std::vector<std::string>& class_names) const override;

 private:
  void AddRow(const RowResult& row) override { ++counts_[{row.label, row.prediction}]; }

  // By label and prediction. A map, since classes may be many and numbers large.
  std::map<std::pair<int64_t, int64_t>, int64_t> counts_;
};

// Of the classes that were a label or a prediction. Where they are too many for a screen, of the
// pairs that were.
std::string ConfusionMatrix::Table(const std::vector<std::string>& class_names) const {
  const auto name_of = [&](int64_t c) -> std::string {
    if (c == kNoClass) return "nan";
    if (c >= 0 && c < static_cast<int64_t>(class_names.size())) return Escaped(class_names[c]);
    return absl::StrCat(c);
  };
  std::set<int64_t> classes;
  for (const auto& [pair, count] : counts_) classes.insert({pair.first, pair.second});
  if (classes.size() > kMostClasses) {
    TextTable table({"label", "predicted", "samples"});
    for (const auto& [pair, count] : counts_) {
      table.AddRow({name_of(pair.first), name_of(pair.second), absl::StrCat(count)});
    }
    return table.ToString();
  }
  std::vector<std::string> head = {"label \\ predicted"};
  for (const int64_t c : classes) head.push_back(name_of(c));
  TextTable table(head);
  for (const int64_t label : classes) {
    if (label == kNoClass) continue;
    std::vector<std::string> row = {name_of(label)};
    for (const int64_t c : classes) {
      const auto found = counts_.find({label, c});
      row.push_back(absl::StrCat(found == counts_.end() ? 0 : found->second));
    }
    table.AddRow(row);
  }
  return table.ToString();
}

// What compares numbers, element by element.
class NumberMetric : public Metric {
 protected:
  using Metric::Metric;

 private:
  absl::Status CheckTypes(absl::Span<const TensorType> types) const override {
    const TensorType &predictions = types[0], &labels = types[1];
    bool fits = predictions.dtype != DType::kBool && labels.dtype != DType::kBool &&
                predictions.rank() == labels.rank();
    for (int d = 0; fits && d < predictions.rank(); ++d) {
      fits = MayBeEqual(predictions.shape[d], labels.shape[d]);
    }
    return CheckNeeds(fits, name(), "and a label of one shape, both of numbers", types);
  }

  absl::Status AddChecked(absl::Span<const Tensor> values, int64_t) override {
    const int64_t count = values[0].num_elements();
    VisitDType(values[0].dtype(), [&](auto prediction) {
      VisitDType(values[1].dtype(), [&](auto label) {
        const auto* predictions = values[0].data<decltype(prediction)>();
        const auto* labels = values[1].data<decltype(label)>();
        for (int64_t i = 0; i < count; ++i) {
          AddPair(static_cast<double>(predictions[i]), static_cast<double>(labels[i]));
        }
      });
    });
    return absl::OkStatus();
  }

  virtual void AddPair(double prediction, double label) = 0;
};

class MeanAbsoluteError : public NumberMetric {
 public:
  explicit MeanAbsoluteError(std::vector<std::string> fetches)
      : NumberMetric("mean_absolute_error", std::move(fetches)) {}
  double value() const override { return MeanOf(sum_, count_); }

 private:
  void AddPair(double prediction, double label) override {
    sum_ += std::abs(prediction - label);
    ++count_;
  }

  double sum_ = 0;
  int64_t count_ = 0;
};

// The squares around the mean label are summed as Welford 1962 does, in one pass and without taking
// one large number from another; labels that are all the same give exactly 0.
class R2 : public NumberMetric {
 public:
  explicit R2(std::vector<std::string> fetches) : NumberMetric("r2", std::move(fetches)) {}
  double value() const override {
    if (count_ == 0) return kNan;
    if (spread_ == 0) return std::isnan(residual_) ? kNan : 0;
    return 1 - residual_ / spread_;
  }

 private:
  void AddPair(double prediction, double label) override {
    residual_ += (label - prediction) * (label - prediction);
    const double from_old = label - mean_;
    mean_ += from_old / static_cast<double>(++count_);
    spread_ += from_old * (label - mean_);
  }

  double residual_ = 0, mean_ = 0, spread_ = 0;
  int64_t count_ = 0;
};

// Null: there is no such metric.
std::unique_ptr<Metric> MakeUnchecked(const MetricDef& def, const TrainingDef& training) {
  const std::string& name = def.name();
  const std::vector<std::string> fetches = {def.prediction(), def.label()};
  if (name == "loss") return std::make_unique<LossMetric>(training.loss());
  if (name == "accuracy") return std::make_unique<TopK>(name, fetches, /*takes_classes=*/true, 1);
  if (name == "top_k") {
    const int64_t k = def.k() == 0 ? kDefaultK : def.k();
    return std::make_unique<TopK>(absl::StrCat("top_", k), fetches, /*takes_classes=*/false, k);
  }
  if (name == "confusion_matrix") return std::make_unique<ConfusionMatrix>(fetches);
  if (name == "mean_absolute_error") return std::make_unique<MeanAbsoluteError>(fetches);
  if (name == "r2") return std::make_unique<R2>(fetches);
  return nullptr;
}

// What is wrong with the fields but for the types of the values that they name.
std::vector<std::string> FieldErrors(const MetricDef& def, const TrainingDef& training,
                                     const Graph& model) {
  std::vector<std::string> errors;
  const auto check_value = [&](absl::string_view field, const std::string& name) {
    if (name.empty()) {
      errors.push_back(absl::StrCat("training.", field, " is missing: ", def.name(), " needs one"));
    } else if (!model.Find(name).present()) {
      errors.push_back(absl::StrCat("training.", field, ": no value is named ", Quoted(name),
                                    DidYouMean(name, model.ValueNames())));
    }
  };
  if (def.name() == "loss") {
    check_value("loss", training.loss());
    if (!def.prediction().empty() || !def.label().empty()) {
      errors.push_back("training.metric: loss takes no prediction and no label");
    }
  } else {
    check_value("metric.prediction", def.prediction());
    check_value("metric.label", def.label());
  }
  if (def.k() < 0) {
    errors.push_back(absl::StrCat("training.metric.k must be 1 or more, but is ", def.k()));
  } else if (def.k() != 0 && def.name() != "top_k") {
    errors.push_back(
        absl::StrCat("training.metric.k is of top_k only, but is given for ", def.name()));
  }
  return errors;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Metric>> Metric::Make(const MetricDef& def,
                                                     const TrainingDef& training,
                                                     const Graph& model) {
  std::unique_ptr<Metric> metric = MakeUnchecked(def, training);
  if (metric == nullptr) {
    return Refused(
        ": metric must be loss, accuracy, top_k, confusion_matrix, mean_absolute_error or r2, but "
        "is ",
        Quoted(def.name()));
  }
  const std::vector<std::string> errors = FieldErrors(def, training, model);
  if (!errors.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
  std::vector<TensorType> types;
  for (const std::string& name : metric->fetches()) types.push_back(model.type(model.Find(name)));
  RETURN_IF_ERROR(metric->CheckTypes(types));
  return metric;
}

absl::Status Metric::Add(absl::Span<const Tensor> values, int64_t samples) {
  if (values.size() != fetches_.size()) {
    return Refused(": ", name_, " takes ", fetches_.size(), " values, but gets ", values.size());
  }
  std::vector<TensorType> types;
  std::vector<Tensor> contiguous;
  for (const Tensor& value : values) {
    types.push_back(value.type());
    contiguous.push_back(value.Contiguous());
  }
  RETURN_IF_ERROR(CheckTypes(types));
  return AddChecked(contiguous, samples);
}

std::string Metric::Table(const std::vector<std::string>&) const { return ""; }

}  // namespace flowgrad
