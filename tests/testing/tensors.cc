#include "tests/testing/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace flowgrad {
namespace {

std::string Where(const Tensor& tensor, int64_t i) {
  Dims index(tensor.rank());
  for (int d = tensor.rank() - 1; d >= 0; --d) {
    index[d] = i % tensor.dims()[d];
    i /= tensor.dims()[d];
  }
  return DimsString(index);
}

}  // namespace

Tensor RandomTensor(DType dtype, absl::Span<const int64_t> dims, double low, double high,
                    Random& random) {
  Tensor tensor(dtype, dims);
  const int64_t count = tensor.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    tensor.set(i, static_cast<float>(random.Uniform(low, high)));
  }
  return tensor;
}

std::string TensorText(const Tensor& tensor) {
  if (!tensor.present()) return "absent";
  std::string text = absl::StrCat(tensor.type().ToString(), "{");
  const int64_t count = tensor.num_elements();
  for (int64_t i = 0; i < std::min<int64_t>(count, 16); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ",", Number(tensor.at(i)));
  }
  return absl::StrCat(text, count > 16 ? ",...}" : "}");
}

std::string BitDifference(const Tensor& actual, const Tensor& expected) {
  if (actual.present() != expected.present() ||
      (actual.present() && actual.type() != expected.type())) {
    return absl::StrCat("is ", TensorText(actual), " instead of ", TensorText(expected));
  }
  if (!actual.present()) return "";
  const Tensor a = actual.Contiguous(), b = expected.Contiguous();
  const int64_t size = DTypeSize(a.dtype()), count = a.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    if (std::memcmp(a.bytes() + i * size, b.bytes() + i * size, size) == 0) continue;
    return absl::StrCat("element ", Where(a, i), " of ", a.type().ToString(), " is ",
                        Number(a.at(i)), " instead of ", Number(b.at(i)), ", or has other bits");
  }
  return "";
}

std::string Difference(const Tensor& actual, const Tensor& expected, double relative,
                       double floor) {
  if (actual.present() != expected.present() ||
      (actual.present() && actual.dims() != expected.dims())) {
    return absl::StrCat("is ", TensorText(actual), " instead of ", TensorText(expected));
  }
  if (!actual.present()) return "";
  double largest = 0;
  const int64_t count = actual.num_elements();
  for (int64_t i = 0; i < count; ++i) {
    if (std::isfinite(expected.at(i))) largest = std::max(largest, std::fabs(expected.at(i)));
  }
  for (int64_t i = 0; i < count; ++i) {
    const double a = actual.at(i), e = expected.at(i);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    if (std::fabs(a - e) <= relative * std::max(std::fabs(e), floor * largest)) continue;
    return absl::StrCat("element ", Where(actual, i), " of ", actual.type().ToString(), " is ",
                        Number(a), " instead of ", Number(e), ", relative difference ",
                        Number(std::fabs(a - e) / std::max(std::fabs(e), floor * largest)));
  }
  return "";
}

}  // namespace flowgrad
