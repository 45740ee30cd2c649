#include "tools/predictions.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/csv_cell.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/data/npy.h"

namespace flowgrad {
namespace {

int64_t WidthOf(const Tensor& rows) { return NumElements(rows.dims()) / rows.dims()[0]; }

// "logits[3]", of a row of several dims "scores[0 3]".
std::string ElementName(const std::string& name, const Dims& dims, int64_t element) {
  if (dims.size() == 1) return name;
  std::vector<int64_t> index;
  for (size_t d = dims.size() - 1; d > 0; --d) {
    index.insert(index.begin(), element % dims[d]);
    element /= dims[d];
  }
  return absl::StrCat(name, "[", absl::StrJoin(index, " "), "]");
}

std::string NumberAt(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kFloat) return Number(tensor.data<float>()[i]);
  if (tensor.dtype() == DType::kInt64) return absl::StrCat(tensor.data<int64_t>()[i]);
  return Number(tensor.at(i));
}

}  // namespace

absl::Status Predictions::Add(absl::Span<const Tensor> values, int64_t samples) {
  std::vector<Tensor> part;
  for (size_t v = 0; v < names_.size(); ++v) {
    if (values[v].rank() == 0 || values[v].dims()[0] != samples) {
      return absl::InvalidArgumentError(
          absl::StrCat("value ", Quoted(names_[v]), " must have a row for each of the ", samples,
                       " samples, but is ", values[v].type().ToString()));
    }
    // A fetched tensor is not written again, but may look at one that is: the batch.
    const Tensor rows = values[v].Contiguous();
    Tensor copy(rows.dtype(), rows.dims());
    if (rows.num_bytes() > 0) std::memcpy(copy.bytes(), rows.bytes(), rows.num_bytes());
    part.push_back(std::move(copy));
  }
  parts_.push_back(std::move(part));
  first_.push_back(num_samples_);
  num_samples_ += samples;
  return absl::OkStatus();
}

std::vector<double> Predictions::Row(size_t v, int64_t sample) const {
  const size_t batch = std::upper_bound(first_.begin(), first_.end(), sample) - first_.begin() - 1;
  const Tensor& rows = parts_[batch][v];
  std::vector<double> row(WidthOf(rows));
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = rows.at((sample - first_[batch]) * static_cast<int64_t>(row.size()) +
                     static_cast<int64_t>(i));
  }
  return row;
}

absl::Status Predictions::CheckPath(const std::string& path) const {
  if (absl::EndsWith(path, ".csv")) return absl::OkStatus();
  if (!absl::EndsWith(path, ".npy")) {
    return InFile(path, absl::InvalidArgumentError("predictions must go to a .csv or a .npy"));
  }
  if (names_.size() == 1) return absl::OkStatus();
  return InFile(path, absl::InvalidArgumentError(
                          absl::StrCat("a .npy has one array, but the model has the outputs ",
                                       absl::StrJoin(names_, ", ",
                                                     [](std::string* out, const std::string& name) {
                                                       absl::StrAppend(out, Quoted(name));
                                                     }),
                                       "; choose one with --fetch, or write a .csv")));
}

absl::Status Predictions::Write(const std::string& path) const {
  RETURN_IF_ERROR(CheckPath(path));
  return absl::EndsWith(path, ".csv") ? WriteFileAtomically(path, Csv())
                                      : WriteNpy(path, Joined(0));
}

std::string Predictions::Csv() const {
  std::vector<std::string> head = {"sample"};
  for (size_t v = 0; v < names_.size() && !parts_.empty(); ++v) {
    const Tensor& rows = parts_[0][v];
    for (int64_t i = 0; i < WidthOf(rows); ++i) {
      head.push_back(CsvCell(ElementName(names_[v], rows.dims(), i)));
    }
  }
  std::string csv = absl::StrCat(absl::StrJoin(head, ","), "\n");
  for (size_t batch = 0; batch < parts_.size(); ++batch) {
    for (int64_t row = 0; row < parts_[batch][0].dims()[0]; ++row) {
      absl::StrAppend(&csv, first_[batch] + row);
      for (const Tensor& rows : parts_[batch]) {
        const int64_t width = WidthOf(rows);
        for (int64_t i = 0; i < width; ++i) {
          absl::StrAppend(&csv, ",", NumberAt(rows, row * width + i));
        }
      }
      csv += "\n";
    }
  }
  return csv;
}

Tensor Predictions::Joined(size_t v) const {
  if (parts_.empty()) return Tensor(DType::kFloat, {0});
  Dims dims = parts_[0][v].dims();
  dims[0] = num_samples_;
  Tensor joined(parts_[0][v].dtype(), dims);
  std::byte* place = joined.bytes();
  for (const std::vector<Tensor>& part : parts_) {
    std::memcpy(place, part[v].bytes(), part[v].num_bytes());
    place += part[v].num_bytes();
  }
  return joined;
}

}  // namespace flowgrad
