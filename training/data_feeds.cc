#include "training/data_feeds.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "proto/model.pb.h"

namespace flowgrad {
namespace {

// The types that an input may have to take batches of this field: "float[N,784] or double[N,784]".
std::string FittingTypes(const DataSet& data, const std::string& field, TensorType type) {
  std::vector<std::string> types;
  for (const DType dtype :
       {DType::kFloat, DType::kDouble, DType::kInt64, DType::kInt32, DType::kBool}) {
    type.dtype = dtype;
    if (data.CanBe(field, dtype)) types.push_back(type.ToString());
  }
  return absl::StrJoin(types, " or ");
}

// OK if an input of this type can take samples of this field. `first`: a number of samples that is
// known, or 0 for batches of any number.
absl::Status CheckFeed(const TensorType& type, const std::string& field, int64_t first,
                       const DataSet& data) {
  if (first < 0 || first > data.num_samples()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"first\" must be from 0 to the ", data.num_samples(),
                     " samples of the training part, but is ", first));
  }
  ASSIGN_OR_RETURN(TensorType natural, data.FieldType(field));
  bool fits = data.CanBe(field, type.dtype) && type.rank() == natural.rank();
  if (fits) {
    const Dim& rows = type.shape[0];
    fits = first == 0 ? !rows.known() : !rows.known() || rows.value() == first;
  }
  for (int d = 1; fits && d < type.rank(); ++d) fits = type.shape[d] == natural.shape[d];
  if (fits) return absl::OkStatus();
  if (first > 0) natural.shape[0] = first;
  return absl::InvalidArgumentError(absl::StrCat("must be ", FittingTypes(data, field, natural),
                                                 " to take field ", Quoted(field), ", but is ",
                                                 type.ToString()));
}

std::optional<TensorType> InputType(const Graph& graph, const std::string& name) {
  for (const GraphInput& input : graph.inputs()) {
    if (input.name == name) return graph.type(input.value);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<DataFeeds> DataFeeds::Make(const DataDef& data, const Graph& graph,
                                          const DataSet& train) {
  DataFeeds feeds;
  std::vector<std::string> errors;
  for (const FeedDef& def : data.feed()) {
    const std::optional<TensorType> type = InputType(graph, def.input());
    if (!type) continue;
    const std::string& field = def.field().empty() ? def.input() : def.field();
    if (absl::Status status = CheckFeed(*type, field, def.first(), train); !status.ok()) {
      errors.push_back(
          absl::StrCat("training.data.feed: input ", Quoted(def.input()), ": ", status.message()));
    } else if (def.first() > 0) {
      std::vector<int64_t> samples(def.first());
      std::iota(samples.begin(), samples.end(), 0);
      ASSIGN_OR_RETURN(feeds.fixed_[def.input()], train.Batch(field, samples, type->dtype));
    } else {
      const SymbolicShape sample(type->shape.begin() + 1, type->shape.end());
      feeds.feeds_.push_back({def.input(), field, type->dtype, KnownDims(sample)});
    }
  }
  if (errors.empty()) return feeds;
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

absl::Status DataFeeds::Fill(const DataSet& data, absl::Span<const int64_t> samples,
                             TensorMap& batch) const {
  for (const auto& [input, tensor] : fixed_) batch[input] = tensor;
  for (const Feed& feed : feeds_) {
    Tensor& tensor = batch[feed.input];
    Dims dims = feed.sample_dims;
    dims.insert(dims.begin(), static_cast<int64_t>(samples.size()));
    if (!tensor.present() || tensor.dims() != dims) tensor = Tensor(feed.dtype, dims);
    RETURN_IF_ERROR(data.FillBatch(feed.field, samples, tensor));
  }
  return absl::OkStatus();
}

std::map<std::string, TensorType> DataFeeds::TypesOf(int64_t samples) const {
  std::map<std::string, TensorType> types;
  for (const Feed& feed : feeds_) {
    Dims dims = feed.sample_dims;
    dims.insert(dims.begin(), samples);
    types[feed.input] = {feed.dtype, ToSymbolic(dims)};
  }
  for (const auto& [input, tensor] : fixed_) types[input] = tensor.type();
  return types;
}

absl::Status DataFeeds::CheckFields(const DataSet& data) const {
  for (const Feed& feed : feeds_) RETURN_IF_ERROR(data.FieldType(feed.field).status());
  return absl::OkStatus();
}

DataFeeds DataFeeds::Within(const DataSet& data) const {
  DataFeeds feeds = *this;
  feeds.feeds_.erase(std::remove_if(feeds.feeds_.begin(), feeds.feeds_.end(),
                                    [&](const Feed& f) { return !data.FieldType(f.field).ok(); }),
                     feeds.feeds_.end());
  return feeds;
}

std::string DataFeeds::FieldOf(absl::string_view input) const {
  const auto feed =
      std::find_if(feeds_.begin(), feeds_.end(), [&](const Feed& f) { return f.input == input; });
  return feed == feeds_.end() ? "" : feed->field;
}

}  // namespace flowgrad
