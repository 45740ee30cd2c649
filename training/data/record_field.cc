#include "training/data/record_field.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flowgrad {
namespace {

// Samples that follow each other are read together up to this size.
constexpr int64_t kRunBytes = 1 << 20;

template <class T>
T Load(const char* bytes, bool big_endian) {
  std::array<char, sizeof(T)> raw;
  std::memcpy(raw.data(), bytes, sizeof(T));
  if (big_endian) std::reverse(raw.begin(), raw.end());
  T value;
  std::memcpy(&value, raw.data(), sizeof(T));
  return value;
}

// Converts `count` numbers; false if one does not fit.
template <class From, class To>
bool Convert(const char* bytes, bool big_endian, int64_t count, To* out) {
  if (!big_endian && std::is_same_v<From, To>) {
    std::memcpy(out, bytes, count * sizeof(To));
    return true;
  }
  bool fits = true;
  for (int64_t i = 0; i < count; ++i) {
    const From value = Load<From>(bytes + i * sizeof(From), big_endian);
    if constexpr (std::is_integral_v<From> && std::is_same_v<To, int32_t> &&
                  sizeof(From) >= sizeof(To)) {
      fits &= static_cast<int64_t>(value) == static_cast<int32_t>(value);
    }
    out[i] = CastTo<To>(value);
  }
  return fits;
}

template <class To>
void ConvertPixels(const char* bytes, int64_t count, To* out) {
  const auto* pixels = reinterpret_cast<const uint8_t*>(bytes);
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<To>(pixels[i]) / To(255);
}

class RecordFieldOf : public DataField {
 public:
  RecordFieldOf(FieldInfo info, const RecordLayout& layout,
                std::shared_ptr<const ByteSource> source)
      : DataField(std::move(info)),
        layout_(layout),
        source_(std::move(source)),
        count_(NumElements(this->info().sample_dims)) {}

  absl::Status Fill(absl::Span<const int64_t> samples, Tensor& batch) const override {
    return VisitDType(batch.dtype(), [&](auto zero) {
      using To = decltype(zero);
      To* const out = batch.data<To>();
      const int64_t width = count_ * ElementSize(layout_.element);
      return VisitRecords(*source_, layout_.start, layout_.stride, width, samples,
                          [&](int64_t i, const char* bytes) {
                            return FillSample(samples[i], bytes, out + i * count_);
                          });
    });
  }

  std::string Where(int64_t sample) const override {
    return source_->Where((layout_.start + std::max<int64_t>(sample, 0) * layout_.stride) /
                          layout_.unit);
  }

 private:
  template <class To>
  absl::Status FillSample(int64_t sample, const char* bytes, To* out) const {
    if constexpr (std::is_floating_point_v<To>) {
      if (layout_.pixels) {
        ConvertPixels(bytes, count_, out);
        return absl::OkStatus();
      }
    }
    const bool fits = VisitElement(layout_.element, [&](auto zero) {
      return Convert<decltype(zero)>(bytes, layout_.big_endian, count_, out);
    });
    if (fits) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(Where(sample), ": has a number that does not fit into int32"));
  }

  const RecordLayout layout_;
  const std::shared_ptr<const ByteSource> source_;
  const int64_t count_;  // numbers of a sample
};

}  // namespace

absl::Status VisitRecords(const ByteSource& source, int64_t start, int64_t stride, int64_t width,
                          absl::Span<const int64_t> samples,
                          absl::FunctionRef<absl::Status(int64_t, const char*)> visit) {
  const int64_t size = static_cast<int64_t>(samples.size());
  if (source.memory() != nullptr) {
    for (int64_t i = 0; i < size; ++i) {
      RETURN_IF_ERROR(visit(i, source.memory() + start + samples[i] * stride));
    }
    return absl::OkStatus();
  }
  std::vector<char> bytes;
  for (int64_t begin = 0; begin < size;) {
    int64_t end = begin + 1;
    while (end < size && samples[end] == samples[end - 1] + 1 &&
           (end - begin) * stride + width <= kRunBytes) {
      ++end;
    }
    bytes.resize((end - begin - 1) * stride + width);
    RETURN_IF_ERROR(source.ReadAt(start + samples[begin] * stride, bytes.data(), bytes.size()));
    for (int64_t i = begin; i < end; ++i) {
      RETURN_IF_ERROR(visit(i, bytes.data() + (i - begin) * stride));
    }
    begin = end;
  }
  return absl::OkStatus();
}

std::shared_ptr<const DataField> RecordField(FieldInfo info, const RecordLayout& layout,
                                             std::shared_ptr<const ByteSource> source) {
  return std::make_shared<RecordFieldOf>(std::move(info), layout, std::move(source));
}

}  // namespace flowgrad
