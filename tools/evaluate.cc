#include "tools/evaluate.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "base/text_table.h"
#include "scheduler/workers.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/predictions.h"
#include "training/data/known_sets.h"
#include "training/data/load_data.h"
#include "training/data_feeds.h"
#include "training/evaluation.h"
#include "training/metrics.h"
#include "training/session.h"

namespace flowgrad {
namespace {

constexpr size_t kWidestInput = 16;  // of the table of answers

// A model, its data and what is asked of it.
class Evaluator {
 public:
  Evaluator(const EvaluateOptions& options, const Model& model)
      : options_(options), model_(model), training_(model.def.training()) {}

  absl::Status Run() {
    RETURN_IF_ERROR(Prepare());
    Predictions predictions(fetches_), shown(shown_);
    if (!options_.predictions.empty()) {
      RETURN_IF_ERROR(predictions.CheckPath(options_.predictions));
      RETURN_IF_ERROR(CheckWritable(options_.predictions));
    }
    EvaluationOptions evaluation;
    if (options_.batch) evaluation.batch_size = static_cast<int64_t>(*options_.batch);
    if (options_.samples) evaluation.most_samples = static_cast<int64_t>(*options_.samples);
    if (!options_.predictions.empty()) evaluation.fetches = fetches_;
    if (options_.answers) {
      evaluation.fetches.insert(evaluation.fetches.end(), shown_.begin(), shown_.end());
    }
    evaluation.watch = [&](int64_t first, int64_t samples,
                           absl::Span<const Tensor> values) -> absl::Status {
      if (!options_.predictions.empty()) {
        RETURN_IF_ERROR(predictions.Add(values.subspan(0, fetches_.size()), samples));
        values.remove_prefix(fetches_.size());
      }
      const bool more = options_.answers && first < static_cast<int64_t>(*options_.answers);
      return more ? shown.Add(values, samples) : absl::OkStatus();
    };
    const absl::StatusOr<std::vector<MetricResult>> results =
        Evaluate(training_, model_.graph, *session_, feeds_, *data_, evaluation);
    if (!results.ok()) return model_.Blame(results.status());
    if (!options_.predictions.empty()) RETURN_IF_ERROR(predictions.Write(options_.predictions));
    return Print(absl::StrCat(options_.answers ? Answers(shown) : "", Text(*results)));
  }

 private:
  absl::Status Prepare() {
    if (options_.metrics && training_.metric().empty()) {
      return model_.Blame(absl::InvalidArgumentError(
          "training.metric names no metric, so there is nothing to measure"));
    }
    RETURN_IF_ERROR(model_.Blame(CheckMetrics(training_, model_.graph)));
    RETURN_IF_ERROR(ReadData());
    absl::StatusOr<DataFeeds> feeds = DataFeeds::Make(training_.data(), model_.graph, parts_.train);
    if (!feeds.ok()) return model_.Blame(feeds.status());
    feeds_ = *std::move(feeds);
    RETURN_IF_ERROR(DropLabels());
    RETURN_IF_ERROR(model_.Blame(CheckLabels(training_, model_.graph, feeds_, *data_)));
    SessionOptions session;
    session.workers = Workers(static_cast<int>(options_.threads.value_or(0)));
    session.seed = options_.seed.value_or(SeedOf(model_));
    session.registry = model_.registry;
    session.check_numerics = options_.check_numerics;
    session.memory_limit = options_.memory_limit;
    absl::StatusOr<std::unique_ptr<Session>> made = Session::Make(model_.graph, session);
    if (!made.ok()) return model_.Blame(made.status());
    session_ = *std::move(made);
    if (!options_.weights.empty()) RETURN_IF_ERROR(session_->Load(options_.weights));
    fetches_ = options_.fetches;
    if (fetches_.empty()) {
      for (const GraphOutput& output : model_.graph.outputs()) fetches_.push_back(output.name);
    }
    return options_.answers ? ChooseShown() : absl::OkStatus();
  }

  // New data may have no labels: then there are outputs, but nothing is measured.
  absl::Status DropLabels() {
    const absl::Status status = feeds_.CheckFields(*data_);
    if (status.ok()) return absl::OkStatus();
    if (options_.metrics || options_.answers) return model_.Blame(status);
    training_.clear_metric();
    feeds_ = feeds_.Within(*data_);
    return absl::OkStatus();
  }

  absl::Status ReadData() {
    DataPlaces places;
    places.model_folder = ModelFolder(model_.path);
    places.path = options_.data;
    if (IsKnownSet(options_.data)) {
      training_.mutable_data()->set_set(options_.data);
      places.path.clear();
    }
    if (training_.data().source_case() == DataDef::SOURCE_NOT_SET) {
      return model_.Blame(absl::InvalidArgumentError(
          "training.data says no source, so there is nothing to measure the model on; name a set "
          "with --data"));
    }
    absl::StatusOr<DataParts> parts = LoadData(training_.data(), places);
    if (!parts.ok()) return model_.Blame(parts.status());
    parts_ = *std::move(parts);
    if (options_.part == "test" && !parts_.test) {
      return model_.Blame(absl::InvalidArgumentError("the data have no test part"));
    }
    tests_ = options_.part != "train" && parts_.test.has_value();
    data_ = tests_ ? &*parts_.test : &parts_.train;
    return absl::OkStatus();
  }

  // The first metric that has an answer and a truth, with the inputs that are small.
  absl::Status ChooseShown() {
    for (const MetricDef& metric : training_.metric()) {
      if (metric.label().empty()) continue;
      label_ = metric.label();
      for (const GraphInput& input : model_.graph.inputs()) {
        const TensorType& type = model_.graph.type(input.value);
        const bool small = type.rank() == 1 || (type.rank() == 2 && type.shape[1].known() &&
                                                type.shape[1].value() <= int64_t{kWidestInput});
        if (input.name == label_ || feeds_.FieldOf(input.name).empty() || !small) continue;
        shown_.push_back(input.name);
      }
      shown_.push_back(metric.prediction());
      shown_.push_back(metric.label());
      return absl::OkStatus();
    }
    return model_.Blame(absl::InvalidArgumentError(
        "no metric has a prediction and a label, so there is no answer to show"));
  }

  static std::string Numbers(const std::vector<double>& row) {
    return absl::StrJoin(row, " ", [](std::string* out, double value) {
      absl::StrAppendFormat(out, "%.5g", value);
    });
  }

  std::string ClassName(double number) const {
    const std::string field = feeds_.FieldOf(label_);
    const std::vector<std::string> names =
        field.empty() ? std::vector<std::string>() : data_->Names(field);
    const bool named = number >= 0 && number < static_cast<double>(names.size());
    return named ? Escaped(names[static_cast<size_t>(number)]) : Number(number);
  }

  // Inputs, answer, truth, and whether they are the same class.
  std::string Answers(const Predictions& shown) const {
    const size_t p = shown_.size() - 2, l = shown_.size() - 1;
    std::vector<std::string> head = {"sample"};
    for (size_t v = 0; v < p; ++v) head.push_back(Escaped(shown_[v]));
    head.insert(head.end(), {"answer", "truth"});
    if (!shown.IsFloat(l)) head.push_back("right");
    TextTable table(head);
    const int64_t rows =
        std::min<int64_t>(static_cast<int64_t>(*options_.answers), shown.num_samples());
    for (int64_t sample = 0; sample < rows; ++sample) {
      std::vector<std::string> cells = {absl::StrCat(sample)};
      for (size_t v = 0; v < p; ++v) cells.push_back(Numbers(shown.Row(v, sample)));
      const std::vector<double> answer = shown.Row(p, sample), truth = shown.Row(l, sample);
      if (shown.IsFloat(l)) {
        cells.insert(cells.end(), {Numbers(answer), Numbers(truth)});
      } else {
        const double chosen =
            answer.size() == 1
                ? answer[0]
                : static_cast<double>(std::max_element(answer.begin(), answer.end()) -
                                      answer.begin());
        cells.insert(cells.end(),
                     {ClassName(chosen), ClassName(truth[0]), chosen == truth[0] ? "yes" : "no"});
      }
      table.AddRow(cells);
    }
    return absl::StrCat(table.ToString(), "\n");
  }

  std::string Text(const std::vector<MetricResult>& results) const {
    std::string text;
    if (!options_.predictions.empty()) {
      absl::StrAppend(&text, "predictions: ", options_.predictions, "\n");
    }
    for (const MetricResult& result : results) {
      absl::StrAppend(&text, tests_ ? "test_" : "train_", result.name, ":", ValueText(result),
                      "\n");
    }
    return text;
  }

  const EvaluateOptions& options_;
  const Model& model_;
  TrainingDef training_;
  DataParts parts_;
  const DataSet* data_ = nullptr;  // the part that is measured
  bool tests_ = false;             // it is the test part
  DataFeeds feeds_;
  std::unique_ptr<Session> session_;
  std::vector<std::string> fetches_;  // of predictions
  std::vector<std::string> shown_;    // of answers: inputs, then prediction and label
  std::string label_;
};

}  // namespace

absl::Status EvaluateModel(const EvaluateOptions& options, const OpRegistry& registry) {
  if (!options.predictions.empty()) {
    RETURN_IF_ERROR(
        CheckNotAnInput(options.predictions, {options.model, options.weights, options.data}));
  }
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.limits, registry));
  return Evaluator(options, model).Run();
}

}  // namespace flowgrad
