#include "graph/initializer.h"

#include <algorithm>
#include <cmath>

#include "Eigen/QR"
#include "absl/strings/str_cat.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/philox.h"
#include "ops/run_op.h"

namespace flowgrad {
namespace {

using Kind = Initializer::Kind;

struct Fans {
  double in = 1, out = 1;
};

Fans FansOf(absl::Span<const int64_t> dims) {
  if (dims.empty()) return {};
  const double first = static_cast<double>(dims[0]);
  if (dims.size() == 1) return {first, first};
  const double second = static_cast<double>(dims[1]);
  if (dims.size() == 2) return {first, second};
  const double spatial = static_cast<double>(NumElements(dims.subspan(2)));
  return {second * spatial, first * spatial};
}

// The factor Q of a normal matrix, with the signs that make it unique and uniform (Mezzadri 2007).
void FillOrthogonal(Tensor& tensor, double gain, absl::string_view name, uint64_t seed) {
  const int64_t rows = tensor.dims()[0];
  const int64_t columns = rows == 0 ? 0 : tensor.num_elements() / rows;
  const bool wide = columns > rows;
  const int64_t tall = std::max(rows, columns), narrow = std::min(rows, columns);
  if (narrow == 0) return;
  const Philox philox(seed, StreamOf(name));
  Eigen::MatrixXd matrix(tall, narrow);
  for (int64_t i = 0; i < tall * narrow; ++i)
    matrix(i / narrow, i % narrow) = philox.Normal(0, 0, i);
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(matrix);
  const Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(tall, narrow);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t i = wide ? c : r, j = wide ? r : c;
      const double sign = qr.matrixQR()(j, j) < 0 ? -1 : 1;
      tensor.set(r * columns + c, gain * sign * q(i, j));
    }
  }
}

// Whether every element can be exactly this, or for floats at least nearly.
bool Holds(DType dtype, double value) {
  return VisitDType(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T>) {
      return std::isfinite(static_cast<T>(value));
    } else {
      return static_cast<double>(CastTo<T>(value)) == value;
    }
  });
}

}  // namespace

Initializer Zeros() { return {}; }
Initializer ConstantValue(double value) { return {Kind::kConstant, value, 0, {}}; }
Initializer Uniform(double low, double high) { return {Kind::kUniform, low, high, {}}; }
Initializer Normal(double mean, double stddev) { return {Kind::kNormal, mean, stddev, {}}; }
Initializer GlorotUniform() { return {Kind::kGlorotUniform, 0, 0, {}}; }
Initializer GlorotNormal() { return {Kind::kGlorotNormal, 0, 0, {}}; }
Initializer HeUniform() { return {Kind::kHeUniform, 0, 0, {}}; }
Initializer HeNormal() { return {Kind::kHeNormal, 0, 0, {}}; }
Initializer Orthogonal(double gain) { return {Kind::kOrthogonal, gain, 0, {}}; }
Initializer Given(Tensor value) { return {Kind::kValue, 0, 0, std::move(value)}; }

std::string Initializer::ToString() const {
  switch (kind) {
    case Kind::kConstant:
      return first == 0 ? "zeros" : absl::StrCat("constant(", Number(first), ")");
    case Kind::kUniform:
      return absl::StrCat("uniform(", Number(first), ",", Number(second), ")");
    case Kind::kNormal:
      return absl::StrCat("normal(", Number(first), ",", Number(second), ")");
    case Kind::kGlorotUniform:
      return "glorot_uniform";
    case Kind::kGlorotNormal:
      return "glorot_normal";
    case Kind::kHeUniform:
      return "he_uniform";
    case Kind::kHeNormal:
      return "he_normal";
    case Kind::kOrthogonal:
      return absl::StrCat("orthogonal(", Number(first), ")");
    case Kind::kValue:
      break;
  }
  return "value";
}

absl::Status CheckInitializer(const Initializer& init, DType dtype, const SymbolicShape& shape) {
  if (!std::isfinite(init.first) || !std::isfinite(init.second)) {
    return absl::InvalidArgumentError(
        absl::StrCat("numbers must be finite, but are ", init.ToString()));
  }
  if (init.kind == Kind::kConstant && !Holds(dtype, init.first)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "constant must be a number of dtype ", DTypeName(dtype), ", but is ", Number(init.first)));
  }
  const bool random = init.kind != Kind::kConstant && init.kind != Kind::kValue;
  if (random && !IsFloating(dtype)) {
    return absl::InvalidArgumentError(
        absl::StrCat(init.ToString(), " needs float or double, but dtype is ", DTypeName(dtype)));
  }
  if (init.kind == Kind::kUniform && !(init.first < init.second)) {
    return absl::InvalidArgumentError(absl::StrCat("uniform needs low < high, but they are ",
                                                   Number(init.first), " and ",
                                                   Number(init.second)));
  }
  if (init.kind == Kind::kNormal && !(init.second > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("normal needs stddev above 0, but it is ", Number(init.second)));
  }
  if (init.kind == Kind::kOrthogonal && shape.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("orthogonal needs rank 2 or more, but shape is ", ShapeString(shape)));
  }
  const TensorType type{dtype, shape};
  if (init.kind == Kind::kValue && init.value.type() != type) {
    return absl::InvalidArgumentError(
        absl::StrCat("value must be ", type.ToString(), ", but is ", init.value.type().ToString()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> Initialize(const Initializer& init, absl::string_view name, DType dtype,
                                  absl::Span<const int64_t> dims, uint64_t seed) {
  RETURN_IF_ERROR(CheckInitializer(init, dtype, ToSymbolic(dims)));
  const TensorType type{dtype, ToSymbolic(dims)};
  RETURN_IF_ERROR(CheckFitsMemory(type.ToString(), NumElements(dims) * DTypeSize(dtype)));
  if (init.kind == Kind::kValue) return init.value.Contiguous();
  if (init.kind == Kind::kConstant) return Tensor::Filled(dtype, dims, init.first);
  Tensor tensor(dtype, dims);
  const Fans fans = FansOf(dims);
  double low = 0, high = 0, mean = 0, stddev = 0;
  const auto within = [&](double limit) { low = -limit, high = limit; };
  switch (init.kind) {
    case Kind::kUniform:
      low = init.first, high = init.second;
      break;
    case Kind::kGlorotUniform:
      within(std::sqrt(6 / (fans.in + fans.out)));
      break;
    case Kind::kHeUniform:
      within(std::sqrt(6 / fans.in));
      break;
    case Kind::kNormal:
      mean = init.first, stddev = init.second;
      break;
    case Kind::kGlorotNormal:
      stddev = std::sqrt(2 / (fans.in + fans.out));
      break;
    case Kind::kHeNormal:
      stddev = std::sqrt(2 / fans.in);
      break;
    default:
      FillOrthogonal(tensor, init.first, name, seed);
      return tensor;
  }
  const Philox philox(seed, StreamOf(name));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    tensor.set(i, low < high ? low + (high - low) * philox.UniformDouble(0, 0, i)
                             : mean + stddev * philox.Normal(0, 0, i));
  }
  return tensor;
}

}  // namespace flowgrad
