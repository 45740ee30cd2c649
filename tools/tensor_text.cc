#include "tools/tensor_text.h"

#include <cmath>
#include <type_traits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr int64_t kMostShown = 16;

template <class T>
std::string JsonNumber(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    return absl::StrCat(value);
  } else {
    return std::isfinite(value) ? Number(value) : absl::StrCat("\"", Number(value), "\"");
  }
}

// The element at `i` in row-major order.
std::string ElementText(const Tensor& tensor, int64_t i) {
  if (tensor.dtype() == DType::kBool) return tensor.at(i) != 0 ? "true" : "false";
  if (tensor.dtype() == DType::kInt64) return absl::StrCat(tensor.data<int64_t>()[i]);
  // Of a float its shortest digits, so that 0.35 does not read 0.34999999.
  double value = tensor.at(i);
  if (tensor.dtype() == DType::kFloat) {
    (void)absl::SimpleAtod(Number(static_cast<float>(value)), &value);
  }
  return absl::StrFormat("%.8g", value);
}

// The elements from `i` on, nested in brackets by the dims from `d` on.
std::string Nested(const Tensor& tensor, int d, int64_t& i) {
  if (d == tensor.rank()) return ElementText(tensor, i++);
  std::string text = "[";
  for (int64_t k = 0; k < tensor.dims()[d]; ++k) {
    absl::StrAppend(&text, k > 0 ? " " : "", Nested(tensor, d + 1, i));
  }
  return absl::StrCat(text, "]");
}

}  // namespace

std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      absl::StrAppendFormat(&json, "\\u%04x", c);
    } else {
      json += c;
    }
  }
  return json + '"';
}

std::string JsonTensor(const Tensor& tensor) {
  const Tensor values = tensor.Contiguous();
  std::string json = absl::StrCat("{\"dtype\": \"", DTypeName(values.dtype()),
                                  "\", \"shape\": ", DimsString(values.dims()), ", \"values\": [");
  VisitDType(values.dtype(), [&]<class T>(T) {
    const int64_t count = values.num_elements();
    for (int64_t i = 0; i < count; ++i) {
      absl::StrAppend(&json, i > 0 ? "," : "", JsonNumber(values.data<T>()[i]));
    }
  });
  return absl::StrCat(json, "]}");
}

std::string ShortText(const Tensor& tensor) {
  const Tensor values = tensor.Contiguous();
  const int64_t count = values.num_elements();
  int64_t i = 0;
  if (count <= kMostShown && (count > 0 || values.rank() == 1)) return Nested(values, 0, i);
  std::string text = DimsString(values.dims());
  for (; i < std::min<int64_t>(count, 3); ++i) {
    absl::StrAppend(&text, " ", ElementText(values, i));
  }
  return count == 0 ? text : absl::StrCat(text, " ... ", ElementText(values, count - 1));
}

}  // namespace flowgrad
