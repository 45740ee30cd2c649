// What a run was like: a row every so many steps, kept as a table (.csv).
//
//   step,epoch,seconds,learning_rate,loss,test_accuracy
//   100,0.213219616,1.52,0.1,0.731,
//   200,0.426439232,2.98,0.1,0.512,0.8312
//
// Numbers have at most 9 significant digits, and the same ones whatever the locale is; "nan", "inf"
// and "-inf" are numbers, too. A metric's cell is empty where it was not measured.

#ifndef FLOWGRAD_TRAINING_HISTORY_H_
#define FLOWGRAD_TRAINING_HISTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace flowgrad {

struct HistoryRow {
  int64_t step = 0;    // steps done so far
  double epoch = 0;    // the same in epochs
  double seconds = 0;  // since the run began
  double learning_rate = 0;
  double loss = 0;                                  // mean since the row before
  std::vector<std::optional<double>> metrics = {};  // one for each of History::metrics()
};

// Thread-compatible.
class History {
 public:
  // `metrics`: names without "test_".
  explicit History(std::vector<std::string> metrics = {}) : metrics_(std::move(metrics)) {}

  const std::vector<std::string>& metrics() const { return metrics_; }
  const std::vector<HistoryRow>& rows() const { return rows_; }

  // Metrics that `row` lacks at the end were not measured; those beyond metrics() are dropped.
  void Add(HistoryRow row);

  std::string ToCsv() const;
  // The old file or the new one is there, whatever happens.
  absl::Status WriteCsv(absl::string_view path) const;

  // InvalidArgument, with `name` and the line, for what ToCsv() could not have written.
  static absl::StatusOr<History> FromCsv(absl::string_view csv, absl::string_view name);
  static absl::StatusOr<History> ReadCsv(absl::string_view path);

 private:
  std::vector<std::string> metrics_;
  std::vector<HistoryRow> rows_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_HISTORY_H_
