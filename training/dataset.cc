#include "training/dataset.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "training/idx.h"

namespace flowgrad {
namespace {

constexpr int kNumClasses = 10;
constexpr int64_t kImageSide = 28;

// Reads `folder`/`name`, or the same with ".gz".
absl::StatusOr<IdxData> ReadIdxIn(const std::string& folder, absl::string_view name) {
  const std::string path = absl::StrCat(folder, "/", name);
  absl::StatusOr<IdxData> data = ReadIdx(absl::StrCat(path, ".gz"));
  if (data.ok() || !absl::IsNotFound(data.status())) return data;
  data = ReadIdx(path);
  if (data.ok() || !absl::IsNotFound(data.status())) return data;
  return absl::NotFoundError(absl::StrCat(
      PathText(path), ".gz: data set \"fashion-mnist\" is not here; install the package ",
      "dataset-fashion-mnist, or name the folder that has it with --data"));
}

absl::Status CheckImages(const IdxData& images) {
  const Dims& dims = images.dims;
  if (dims.size() != 3 || dims[1] != kImageSide || dims[2] != kImageSide) {
    return absl::DataLossError(
        absl::StrCat("images must have the dims [samples,28,28], but have ", DimsString(dims)));
  }
  return dims[0] > 0 ? absl::OkStatus() : absl::DataLossError("must have an image, but has none");
}

absl::Status CheckLabels(const IdxData& labels, int64_t num_images) {
  if (labels.dims.size() != 1 || labels.dims[0] != num_images) {
    return absl::DataLossError(absl::StrCat("labels must have the dims ", DimsString({num_images}),
                                            " to match the images, but have ",
                                            DimsString(labels.dims)));
  }
  const absl::string_view values = labels.values();
  const auto bad = std::find_if(values.begin(), values.end(), [](char label) {
    return static_cast<uint8_t>(label) >= kNumClasses;
  });
  if (bad == values.end()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("labels must be from 0 to ", kNumClasses - 1,
                                          ", but that of sample ", bad - values.begin(), " is ",
                                          static_cast<uint8_t>(*bad)));
}

absl::Status InFile(const std::string& folder, absl::string_view name, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(PathText(absl::StrCat(folder, "/", name)), ": ",
                                                  status.message()));
}

// OK if every sample exists.
absl::Status CheckSamples(absl::Span<const int64_t> samples, int64_t num_samples) {
  for (const int64_t sample : samples) {
    if (sample < 0 || sample >= num_samples) {
      return absl::InvalidArgumentError(
          absl::StrCat("sample must be from 0 to ", num_samples - 1, ", but is ", sample));
    }
  }
  return absl::OkStatus();
}

// Row i of `out` becomes row samples[i] of `rows`, each byte converted.
template <class T, class Convert>
void CopyRows(absl::string_view rows, int64_t width, absl::Span<const int64_t> samples, T* out,
              Convert convert) {
  for (const int64_t sample : samples) {
    const auto* row = reinterpret_cast<const uint8_t*>(rows.data()) + sample * width;
    for (int64_t i = 0; i < width; ++i) *out++ = convert(row[i]);
  }
}

}  // namespace

absl::StatusOr<DataSet> DataSet::Load(absl::string_view name, absl::string_view folder, Part part) {
  constexpr char kFashionMnist[] = "fashion-mnist";
  if (name != kFashionMnist) {
    return absl::NotFoundError(
        absl::StrCat("data set ", Quoted(name), " is not known; known is ", Quoted(kFashionMnist)));
  }
  return LoadFashionMnist(
      folder.empty() ? absl::StrCat("/usr/share/datasets/", kFashionMnist) : std::string(folder),
      part);
}

absl::StatusOr<DataSet> DataSet::LoadFashionMnist(const std::string& folder, Part part) {
  const absl::string_view prefix = part == Part::kTrain ? "train" : "t10k";
  const std::string images_name = absl::StrCat(prefix, "-images-idx3-ubyte");
  const std::string labels_name = absl::StrCat(prefix, "-labels-idx1-ubyte");
  ASSIGN_OR_RETURN(IdxData images, ReadIdxIn(folder, images_name));
  RETURN_IF_ERROR(InFile(folder, images_name, CheckImages(images)));
  ASSIGN_OR_RETURN(IdxData labels, ReadIdxIn(folder, labels_name));
  RETURN_IF_ERROR(InFile(folder, labels_name, CheckLabels(labels, images.dims[0])));
  const int64_t width = kImageSide * kImageSide;
  const int64_t images_start = images.bytes.size() - images.values().size();
  const int64_t labels_start = labels.bytes.size() - labels.values().size();
  DataSet set;
  set.num_samples_ = images.dims[0];
  set.fields_ = {{"images", true, width, {width}, std::move(images.bytes), images_start},
                 {"labels", false, 1, {}, std::move(labels.bytes), labels_start}};
  return set;
}

std::vector<std::string> DataSet::field_names() const {
  std::vector<std::string> names;
  for (const Field& field : fields_) names.push_back(field.name);
  return names;
}

absl::StatusOr<const DataSet::Field*> DataSet::Find(absl::string_view name) const {
  for (const Field& field : fields_) {
    if (field.name == name) return &field;
  }
  return absl::NotFoundError(absl::StrCat("data set has no field ", Quoted(name), ", only ",
                                          absl::StrJoin(field_names(), ", ")));
}

absl::StatusOr<TensorType> DataSet::FieldType(absl::string_view field) const {
  ASSIGN_OR_RETURN(const Field* const found, Find(field));
  SymbolicShape shape = ToSymbolic(found->sample_dims);
  shape.insert(shape.begin(), Dim::Symbol("N"));
  return TensorType{found->pixels ? DType::kFloat : DType::kInt64, shape};
}

absl::StatusOr<Tensor> DataSet::Batch(absl::string_view field, absl::Span<const int64_t> samples,
                                      DType dtype) const {
  ASSIGN_OR_RETURN(const Field* const found, Find(field));
  Dims dims = found->sample_dims;
  dims.insert(dims.begin(), static_cast<int64_t>(samples.size()));
  Tensor batch(dtype, dims);
  RETURN_IF_ERROR(FillBatch(field, samples, batch));
  return batch;
}

absl::Status DataSet::FillBatch(absl::string_view field, absl::Span<const int64_t> samples,
                                Tensor& batch) const {
  ASSIGN_OR_RETURN(const Field* const found, Find(field));
  RETURN_IF_ERROR(CheckSamples(samples, num_samples_));
  Dims dims = found->sample_dims;
  dims.insert(dims.begin(), static_cast<int64_t>(samples.size()));
  if (batch.dims() != dims || !batch.is_contiguous()) {
    return absl::InvalidArgumentError(absl::StrCat("batch must have the dims ", DimsString(dims),
                                                   ", but has ", DimsString(batch.dims())));
  }
  const bool fits = found->pixels
                        ? IsFloating(batch.dtype())
                        : batch.dtype() == DType::kInt32 || batch.dtype() == DType::kInt64;
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "field ", Quoted(field), " can be ", found->pixels ? "float or double" : "int32 or int64",
        ", but not ", DTypeName(batch.dtype())));
  }
  VisitDType(batch.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const absl::string_view rows = absl::string_view(found->bytes).substr(found->start);
    T* out = batch.data<T>();
    if constexpr (std::is_floating_point_v<T>) {
      CopyRows(rows, found->width, samples, out, [](uint8_t pixel) { return T(pixel) / T(255); });
    } else {
      CopyRows(rows, found->width, samples, out,
               [](uint8_t label) { return static_cast<T>(label); });
    }
  });
  return absl::OkStatus();
}

}  // namespace flowgrad
