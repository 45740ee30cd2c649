#include "training/data/dataset.h"

#include <algorithm>
#include <exception>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/philox.h"
#include "ops/run_op.h"
#include "training/data/data_field.h"
#include "training/data/record_field.h"

namespace flowgrad {
namespace {

// Samples that CheckIndices() looks at together.
constexpr int64_t kCheckedTogether = 4096;

// A field of numbers in a tensor's memory.
std::shared_ptr<const DataField> TensorField(const std::string& name, const Tensor& tensor) {
  const auto values = std::make_shared<const Tensor>(tensor.Contiguous());
  const Element element = ElementOf(tensor.dtype());
  FieldInfo info = {.name = name,
                    .num_samples = tensor.dims()[0],
                    .sample_dims = Dims(tensor.dims().begin() + 1, tensor.dims().end()),
                    .natural = tensor.dtype(),
                    .dtypes = DTypesOf(element)};
  const int64_t stride = NumElements(info.sample_dims) * DTypeSize(tensor.dtype());
  const absl::string_view bytes(reinterpret_cast<const char*>(values->bytes()),
                                values->num_bytes());
  return RecordField(std::move(info),
                     {.element = element, .stride = stride, .unit = std::max<int64_t>(stride, 1)},
                     BytesInMemory(absl::StrCat("tensor ", name), "sample", bytes, values));
}

Dims BatchDims(const DataField& field, absl::Span<const int64_t> samples) {
  Dims dims = field.info().sample_dims;
  dims.insert(dims.begin(), static_cast<int64_t>(samples.size()));
  return dims;
}

absl::Status TooMuchMemory(absl::string_view field, const Dims& dims) {
  return absl::ResourceExhaustedError(absl::StrCat("too little memory for a batch ",
                                                   DimsString(dims), " of field ", Quoted(field)));
}

}  // namespace

absl::StatusOr<DataSet> DataSet::OfTensors(std::vector<std::pair<std::string, Tensor>> fields) {
  std::vector<std::shared_ptr<const DataField>> made;
  for (const auto& [name, tensor] : fields) {
    if (!tensor.present() || tensor.rank() == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", Quoted(name), " must have a first dim, the samples, but has none"));
    }
    made.push_back(TensorField(name, tensor));
  }
  return OfFields(std::move(made));
}

absl::StatusOr<DataSet> DataSet::OfFields(std::vector<std::shared_ptr<const DataField>> fields) {
  if (fields.empty()) return absl::InvalidArgumentError("data must have a field, but have none");
  DataSet set;
  set.num_samples_ = fields[0]->info().num_samples;
  for (const std::shared_ptr<const DataField>& field : fields) {
    if (NumElements(field->info().sample_dims) <= 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          field->Where(-1), ": field ", Quoted(field->info().name),
          " must have a number in a sample, but has ", DimsString(field->info().sample_dims)));
    }
    if (field->info().num_samples == set.num_samples_) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field->Where(-1), ": field ", Quoted(field->info().name), " must have ",
                     set.num_samples_, " samples like field ", Quoted(fields[0]->info().name),
                     ", but has ", field->info().num_samples));
  }
  if (set.num_samples_ == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields[0]->Where(-1), ": must have a sample, but has none"));
  }
  const auto before = [](const auto& a, const auto& b) { return a->info().name < b->info().name; };
  const auto same = [](const auto& a, const auto& b) { return a->info().name == b->info().name; };
  std::stable_sort(fields.begin(), fields.end(), before);
  const auto twice = std::adjacent_find(fields.begin(), fields.end(), same);
  if (twice != fields.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", Quoted((*twice)->info().name), " is given twice"));
  }
  set.fields_ = std::move(fields);
  return set;
}

std::vector<std::string> DataSet::field_names() const {
  std::vector<std::string> names;
  for (const auto& field : fields_) names.push_back(field->info().name);
  return names;
}

const DataField* DataSet::FieldNamed(absl::string_view name) const {
  for (const auto& field : fields_) {
    if (field->info().name == name) return field.get();
  }
  return nullptr;
}

DataSet DataSet::With(std::shared_ptr<const DataField> field) const {
  DataSet set = *this;
  for (auto& old : set.fields_) {
    if (old->info().name == field->info().name) old = field;
  }
  return set;
}

absl::StatusOr<const DataField*> DataSet::Find(absl::string_view name) const {
  if (const DataField* const field = FieldNamed(name); field != nullptr) return field;
  const std::string names =
      absl::StrJoin(field_names(), ", ",
                    [](std::string* out, const std::string& known) { *out += Escaped(known); });
  return absl::NotFoundError(
      absl::StrCat("data set has no field ", Quoted(name), ", only ", names));
}

absl::StatusOr<TensorType> DataSet::FieldType(absl::string_view field) const {
  ASSIGN_OR_RETURN(const DataField* const found, Find(field));
  SymbolicShape shape = ToSymbolic(found->info().sample_dims);
  shape.insert(shape.begin(), Dim::Symbol("N"));
  return TensorType{found->info().natural, shape};
}

bool DataSet::CanBe(absl::string_view field, DType dtype) const {
  const absl::StatusOr<const DataField*> found = Find(field);
  return found.ok() && (*found)->info().dtypes.Has(dtype);
}

absl::StatusOr<Tensor> DataSet::Batch(absl::string_view field, absl::Span<const int64_t> samples,
                                      DType dtype) const {
  ASSIGN_OR_RETURN(const DataField* const found, Find(field));
  const Dims dims = BatchDims(*found, samples);
  if (NumElements(dims) < 0) return TooMuchMemory(field, dims);
  Tensor batch;
  try {
    batch = Tensor(dtype, dims);
  } catch (const std::exception&) {
    return TooMuchMemory(field, dims);
  }
  RETURN_IF_ERROR(FillBatch(field, samples, batch));
  return batch;
}

absl::Status DataSet::CheckSamples(absl::Span<const int64_t> samples) const {
  for (const int64_t sample : samples) {
    if (sample >= 0 && sample < num_samples_) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("sample must be from 0 to ", num_samples_ - 1, ", but is ", sample));
  }
  return absl::OkStatus();
}

absl::Status DataSet::FillBatch(absl::string_view field, absl::Span<const int64_t> samples,
                                Tensor& batch) const {
  ASSIGN_OR_RETURN(const DataField* const found, Find(field));
  RETURN_IF_ERROR(CheckSamples(samples));
  const Dims dims = BatchDims(*found, samples);
  if (batch.dims() != dims || !batch.is_contiguous()) {
    return absl::InvalidArgumentError(absl::StrCat("batch must have the dims ", DimsString(dims),
                                                   ", but has ", DimsString(batch.dims())));
  }
  const DTypeSet& dtypes = found->info().dtypes;
  if (!dtypes.Has(batch.dtype())) {
    return absl::InvalidArgumentError(absl::StrCat("field ", Quoted(field), " can be ",
                                                   dtypes.ToString(), ", but not ",
                                                   DTypeName(batch.dtype())));
  }
  try {
    if (selection_ == nullptr) return found->Fill(samples, batch);
    absl::InlinedVector<int64_t, 256> selected;
    for (const int64_t sample : samples) selected.push_back((*selection_)[sample]);
    return found->Fill(selected, batch);
  } catch (const std::exception&) {
    return TooMuchMemory(field, dims);
  }
}

std::string DataSet::Where(absl::string_view field, int64_t sample) const {
  const absl::StatusOr<const DataField*> found = Find(field);
  if (!found.ok() || !CheckSamples({sample}).ok()) return absl::StrCat("sample ", sample);
  return (*found)->Where(selection_ == nullptr ? sample : (*selection_)[sample]);
}

absl::Status DataSet::CheckIndices(absl::string_view field, int64_t bound) const {
  ASSIGN_OR_RETURN(const DataField* const found, Find(field));
  const int64_t num_names = static_cast<int64_t>(found->info().names.size());
  if (num_names > 0 && num_names <= bound) return absl::OkStatus();
  const int64_t width = std::max<int64_t>(NumElements(found->info().sample_dims), 1);
  const int64_t together = std::max<int64_t>(kCheckedTogether / width, 1);
  std::vector<int64_t> samples;
  for (int64_t begin = 0; begin < num_samples_; begin += together) {
    samples.resize(std::min(together, num_samples_ - begin));
    std::iota(samples.begin(), samples.end(), begin);
    ASSIGN_OR_RETURN(const Tensor batch, Batch(field, samples, DType::kInt64));
    const int64_t* const values = batch.data<int64_t>();
    const int64_t* const end = values + batch.num_elements();
    const int64_t* const bad =
        std::find_if(values, end, [bound](int64_t value) { return value < 0 || value >= bound; });
    if (bad == end) continue;
    return absl::InvalidArgumentError(absl::StrCat(Where(field, begin + (bad - values) / width),
                                                   ": field ", Quoted(field), " must be from 0 to ",
                                                   bound - 1, ", but is ", *bad));
  }
  return absl::OkStatus();
}

std::vector<std::string> DataSet::Names(absl::string_view field) const {
  const absl::StatusOr<const DataField*> found = Find(field);
  return found.ok() ? (*found)->info().names : std::vector<std::string>();
}

DataSet DataSet::Select(std::vector<int64_t> samples) const {
  if (selection_ != nullptr) {
    for (int64_t& sample : samples) sample = (*selection_)[sample];
  }
  DataSet set = *this;
  set.num_samples_ = static_cast<int64_t>(samples.size());
  set.selection_ = std::make_shared<const std::vector<int64_t>>(std::move(samples));
  return set;
}

absl::StatusOr<DataParts> Divide(const DataSet& data, const DataSplit& split, int64_t run) {
  if (!(split.test >= 0 && split.test < 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the share of the test part must be from 0 to less than 1, but is ", Number(split.test)));
  }
  if (split.test == 0) return DataParts{data, std::nullopt};
  const Philox philox(split.seed, StreamOf("split"));
  std::vector<int64_t> train, test;
  try {
    for (int64_t sample = 0; sample < data.num_samples(); ++sample) {
      const bool in_test = philox.UniformDouble(0, sample / run, 0) < split.test;
      (in_test ? test : train).push_back(sample);
    }
  } catch (const std::exception&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too little memory to divide ", data.num_samples(), " samples"));
  }
  if (train.empty() || test.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("with a share of ", Number(split.test), " and seed ", split.seed, " the ",
                     train.empty() ? "training" : "test", " part gets none of the ",
                     data.num_samples(), " samples; change the share or the seed"));
  }
  return DataParts{data.Select(std::move(train)), data.Select(std::move(test))};
}

}  // namespace flowgrad
