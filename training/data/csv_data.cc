#include "training/data/csv_data.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/data/csv_table.h"
#include "training/data/data_field.h"
#include "training/data/field_files.h"
#include "training/data/record_field.h"

namespace flowgrad {
namespace {

constexpr int64_t kRowsTogether = 1024;

// What of a row becomes numbers of a field.
struct Output {
  enum class Kind { kNumber, kIndex, kOneHot };
  Kind kind = Kind::kNumber;
  size_t column = 0;
  double mean = 0, deviation = 1;    // of kNumber: (x - mean) / deviation
  std::vector<int32_t> places = {};  // of names by their number: that among the sorted ones

  int64_t width() const { return kind == Kind::kOneHot ? places.size() : 1; }
};

// Numbers of rows of a table.
class CsvField : public DataField {
 public:
  CsvField(FieldInfo info, std::vector<Output> outputs, std::shared_ptr<const CsvRows> rows,
           int64_t record_bytes)
      : DataField(std::move(info)),
        outputs_(std::move(outputs)),
        rows_(std::move(rows)),
        record_bytes_(record_bytes) {}

  absl::Status Fill(absl::Span<const int64_t> samples, Tensor& batch) const override {
    return VisitDType(batch.dtype(), [&](auto zero) {
      using T = decltype(zero);
      T* out = batch.data<T>();
      return VisitRecords(*rows_->records, 0, record_bytes_, record_bytes_, samples,
                          [&](int64_t, const char* record) {
                            for (const Output& output : outputs_) Put(output, record, out);
                            return absl::OkStatus();
                          });
    });
  }

  std::string Where(int64_t sample) const override {
    const std::string path = PathText(rows_->records->name());
    int64_t line;
    const bool read =
        sample >= 0 && rows_->records->ReadAt(sample * record_bytes_, &line, sizeof(line)).ok();
    return read ? absl::StrCat(path, ":", line) : path;
  }

  const std::vector<Output>& outputs() const { return outputs_; }

  // The same of other means and deviations.
  std::shared_ptr<const DataField> With(std::vector<Output> outputs) const {
    return std::make_shared<CsvField>(info(), std::move(outputs), rows_, record_bytes_);
  }

 private:
  template <class T>
  static void Put(const Output& output, const char* record, T*& out) {
    double value;
    std::memcpy(&value, record + CsvRecordBytes(output.column), sizeof(value));
    switch (output.kind) {
      case Output::Kind::kNumber:
        *out++ = CastTo<T>((value - output.mean) / output.deviation);
        break;
      case Output::Kind::kIndex:
        *out++ = CastTo<T>(output.places[static_cast<size_t>(value)]);
        break;
      case Output::Kind::kOneHot:
        std::fill_n(out, output.places.size(), T(0));
        out[output.places[static_cast<size_t>(value)]] = T(1);
        out += output.places.size();
        break;
    }
  }

  const std::vector<Output> outputs_;
  const std::shared_ptr<const CsvRows> rows_;
  const int64_t record_bytes_;
};

std::vector<std::string> SortedNames(const CsvColumn& column) {
  std::vector<std::string> names;
  for (const auto& [name, number] : column.numbers) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

// The place among the sorted names of each name, by its number.
std::vector<int32_t> Places(const CsvColumn& column, const std::vector<std::string>& sorted) {
  std::vector<int32_t> places(sorted.size());
  for (size_t place = 0; place < sorted.size(); ++place) {
    places[column.numbers.at(sorted[place])] = static_cast<int32_t>(place);
  }
  return places;
}

bool FitsFloat(const CsvColumn& column) {
  return column.least >= -FLT_MAX && column.most <= FLT_MAX;
}

// Makes the fields of rows of a table.
class FieldMaker {
 public:
  FieldMaker(const CsvTable& table, CsvRows rows)
      : table_(table),
        rows_(std::make_shared<const CsvRows>(std::move(rows))),
        record_bytes_(CsvRecordBytes(table.columns().size())) {}

  absl::StatusOr<DataSet> Make() const {
    const auto& columns = table_.columns();
    DataFields fields = {Features()};
    if (rows_->labelled) fields.push_back(Column("label", table_.label()));
    for (size_t c = 0; c < columns.size(); ++c) {
      const bool taken = columns[c].name == "features" || columns[c].name == "label";
      const bool absent = columns[c].ignored || (c == table_.label() && !rows_->labelled);
      if (!absent && !taken) fields.push_back(Column(columns[c].name, c));
    }
    return DataSet::OfFields(std::move(fields));
  }

 private:
  std::shared_ptr<const DataField> Features() const {
    const auto& columns = table_.columns();
    FieldInfo info = {.name = "features", .num_samples = rows_->count, .dtypes = {DType::kDouble}};
    std::vector<Output> outputs;
    int64_t width = 0;
    bool fits_float = true;
    for (size_t c = 0; c < columns.size(); ++c) {
      if (columns[c].ignored || c == table_.label()) continue;
      Output output = {.column = c};
      if (columns[c].categorical) {
        output.kind = Output::Kind::kOneHot;
        output.places = Places(columns[c], SortedNames(columns[c]));
      } else {
        fits_float = fits_float && FitsFloat(columns[c]);
      }
      width += output.width();
      outputs.push_back(std::move(output));
    }
    info.sample_dims = {width};
    info.natural = fits_float ? DType::kFloat : DType::kDouble;
    info.dtypes.Add(info.natural);
    return std::make_shared<CsvField>(std::move(info), std::move(outputs), rows_, record_bytes_);
  }

  std::shared_ptr<const DataField> Column(const std::string& name, size_t c) const {
    const CsvColumn& column = table_.columns()[c];
    FieldInfo info = {.name = name, .num_samples = rows_->count, .natural = DType::kInt64};
    Output output = {.column = c};
    if (column.categorical) {
      info.names = SortedNames(column);
      info.dtypes = {DType::kInt32, DType::kInt64};
      output.kind = Output::Kind::kIndex;
      output.places = Places(column, info.names);
    } else {
      info.dtypes = {DType::kDouble};
      if (FitsFloat(column)) info.dtypes.Add(DType::kFloat);
      if (!column.whole) info.natural = FitsFloat(column) ? DType::kFloat : DType::kDouble;
      if (column.whole) info.dtypes.Add(DType::kInt64);
      if (column.whole && column.least >= INT32_MIN && column.most <= INT32_MAX) {
        info.dtypes.Add(DType::kInt32);
      }
    }
    return std::make_shared<CsvField>(std::move(info), std::vector<Output>{std::move(output)},
                                      rows_, record_bytes_);
  }

  const CsvTable& table_;
  const std::shared_ptr<const CsvRows> rows_;
  const int64_t record_bytes_;
};

// Calls visit(row) with each row of "features", in order.
absl::Status VisitFeatures(const DataSet& data, absl::FunctionRef<void(const double*)> visit) {
  std::vector<int64_t> rows;
  for (int64_t begin = 0; begin < data.num_samples(); begin += kRowsTogether) {
    rows.resize(std::min(kRowsTogether, data.num_samples() - begin));
    std::iota(rows.begin(), rows.end(), begin);
    ASSIGN_OR_RETURN(const Tensor batch, data.Batch("features", rows, DType::kDouble));
    for (size_t i = 0; i < rows.size(); ++i) visit(batch.data<double>() + i * batch.dims()[1]);
  }
  return absl::OkStatus();
}

// Gives the numbers of "features" the mean and the deviation of the training part.
absl::Status Standardize(DataParts& parts) {
  const auto* features = static_cast<const CsvField*>(parts.train.FieldNamed("features"));
  const int64_t width = features->info().sample_dims[0];
  const double count = static_cast<double>(parts.train.num_samples());
  std::vector<double> mean(width), variance(width);
  RETURN_IF_ERROR(VisitFeatures(parts.train, [&](const double* row) {
    for (int64_t i = 0; i < width; ++i) mean[i] += row[i] / count;
  }));
  RETURN_IF_ERROR(VisitFeatures(parts.train, [&](const double* row) {
    for (int64_t i = 0; i < width; ++i) {
      variance[i] += (row[i] - mean[i]) * (row[i] - mean[i]) / count;
    }
  }));
  std::vector<Output> outputs = features->outputs();
  int64_t i = 0;
  for (Output& output : outputs) {
    if (output.kind == Output::Kind::kNumber) {
      if (!std::isfinite(variance[i])) {
        return InFile(features->Where(-1),
                      absl::InvalidArgumentError(
                          absl::StrCat("feature ", i + 1, " is too large to be standardized")));
      }
      output.mean = mean[i];
      output.deviation = variance[i] > 0 ? std::sqrt(variance[i]) : 1;
    }
    i += output.width();
  }
  parts.train = parts.train.With(features->With(outputs));
  if (!parts.test) return absl::OkStatus();
  const auto* test = static_cast<const CsvField*>(parts.test->FieldNamed("features"));
  parts.test = parts.test->With(test->With(std::move(outputs)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DataParts> ReadCsv(InputFile file, std::optional<InputFile> test_file,
                                  const CsvOptions& options, MemoryBudget& memory) {
  const char separator = options.separator;
  if (separator == '"' || separator == '\n' || separator == '\r') {
    return absl::InvalidArgumentError(
        absl::StrCat("separator must not be ", Quoted(absl::string_view(&separator, 1))));
  }
  CsvTable table(options);
  ASSIGN_OR_RETURN(CsvRows train_rows, table.Read(std::move(file), memory));
  std::optional<CsvRows> test_rows;
  if (test_file) {
    ASSIGN_OR_RETURN(test_rows, table.Read(*std::move(test_file), memory));
  }
  ASSIGN_OR_RETURN(DataSet train, FieldMaker(table, std::move(train_rows)).Make());
  ASSIGN_OR_RETURN(DataParts parts, Divide(train, options.split));
  if (test_rows) {
    ASSIGN_OR_RETURN(parts.test, FieldMaker(table, *std::move(test_rows)).Make());
  }
  if (options.standardize) RETURN_IF_ERROR(Standardize(parts));
  return parts;
}

absl::StatusOr<DataParts> OpenCsv(absl::string_view path, const CsvOptions& options) {
  constexpr int64_t kAnySize = std::numeric_limits<int64_t>::max();
  ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path, kAnySize));
  std::optional<InputFile> test_file;
  if (!options.test_file.empty()) {
    ASSIGN_OR_RETURN(InputFile test, InputFile::Open(options.test_file, kAnySize));
    test_file.emplace(std::move(test));
  }
  MemoryBudget memory(options.memory_bytes);
  return ReadCsv(std::move(file), std::move(test_file), options, memory);
}

}  // namespace flowgrad
