// Types, shapes and tensors: what ops compute on.
//
// A Tensor is a strided view of a shared, 64-byte aligned buffer. Views made by Transpose, Slice
// and their like share the buffer of the tensor they look at. Nobody writes a buffer after the
// kernel that made it, so tensors may be read by any number of threads.

#ifndef FLOWGRAD_OPS_TENSOR_H_
#define FLOWGRAD_OPS_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace flowgrad {

enum class DType : uint8_t { kFloat, kDouble, kInt32, kInt64, kBool };
inline constexpr int kNumDTypes = 5;
inline constexpr int kMaxRank = 8;

absl::string_view DTypeName(DType dtype);  // "float", "double", "int32", "int64", "bool"
int64_t DTypeSize(DType dtype);            // bytes of one element
bool IsFloating(DType dtype);
absl::StatusOr<DType> ParseDType(absl::string_view name);

// The DType of a C++ type: kDType<float>.
template <class T>
inline constexpr DType kDType = DType::kFloat;
template <>
inline constexpr DType kDType<double> = DType::kDouble;
template <>
inline constexpr DType kDType<int32_t> = DType::kInt32;
template <>
inline constexpr DType kDType<int64_t> = DType::kInt64;
template <>
inline constexpr DType kDType<bool> = DType::kBool;

// Calls f(T()) with the C++ type of `dtype`.
template <class F>
decltype(auto) VisitDType(DType dtype, F f) {
  switch (dtype) {
    case DType::kDouble:
      return f(double());
    case DType::kInt32:
      return f(int32_t());
    case DType::kInt64:
      return f(int64_t());
    case DType::kBool:
      return f(bool());
    case DType::kFloat:
      break;
  }
  return f(float());
}

// Sizes or strides, one per dimension.
using Dims = absl::InlinedVector<int64_t, kMaxRank>;

std::string DimsString(absl::Span<const int64_t> dims);  // "[32,784]"

// Product of all dims; -1 if it does not fit in 62 bits or a dim is negative.
int64_t NumElements(absl::Span<const int64_t> dims);

// Row-major strides, in elements.
Dims ContiguousStrides(absl::Span<const int64_t> dims);

// A dimension: a number, or a symbol that stands for a number not known yet. Arithmetic on symbols
// gives new symbols ("2*N", "N*T", "N+M") of which only equality is known.
class Dim {
 public:
  Dim(int64_t value) : value_(value) {}  // NOLINT: a number is a Dim
  static Dim Symbol(absl::string_view name);

  bool known() const { return value_ >= 0; }
  int64_t value() const { return value_; }  // REQUIRES: known()
  bool is_symbol() const { return !symbol_.empty(); }
  std::string ToString() const;

  friend bool operator==(const Dim& a, const Dim& b) = default;
  friend Dim operator*(const Dim& a, const Dim& b);
  friend Dim operator+(const Dim& a, const Dim& b);
  // a / b where that is a whole dim: 784*N / 784 is N. Nothing where it is not, or b is 0.
  friend std::optional<Dim> Quotient(const Dim& a, const Dim& b);

 private:
  int64_t value_ = -1;
  std::string symbol_;  // canonical; empty if known
};

using SymbolicShape = absl::InlinedVector<Dim, 4>;

std::string ShapeString(const SymbolicShape& shape);  // "[N,784]"
bool IsKnown(const SymbolicShape& shape);
SymbolicShape ToSymbolic(absl::Span<const int64_t> dims);
Dims KnownDims(const SymbolicShape& shape);  // REQUIRES: IsKnown(shape)

// dtype and shape of a value: "float[N,784]".
struct TensorType {
  DType dtype = DType::kFloat;
  SymbolicShape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  std::string ToString() const;
  friend bool operator==(const TensorType& a, const TensorType& b) = default;
};

// Reads "float[N,784]". Errors say what is wrong with the text: unknown dtype, rank over 8, bad
// dim, size overflow.
absl::StatusOr<TensorType> ParseTensorType(absl::string_view text);

// A tensor as kernels see it: memory owned elsewhere, strides in elements (0: the same element
// again).
struct View {
  void* data = nullptr;
  DType dtype = DType::kFloat;
  int8_t rank = 0;
  const int64_t* dims = nullptr;
  const int64_t* strides = nullptr;

  bool present() const { return dims != nullptr; }  // false for an absent optional port
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  absl::Span<const int64_t> shape() const { return absl::MakeConstSpan(dims, rank); }
  int64_t num_elements() const { return NumElements(shape()); }
};

// Storage for View::dims of rank 0, where a null pointer would mean "absent".
extern const int64_t kNoDims[1];

class Tensor {
 public:
  Tensor() = default;  // absent

  // Uninitialised memory, or none when `dims` has a 0. REQUIRES: NumElements(dims) >= 0
  Tensor(DType dtype, absl::Span<const int64_t> dims);

  // In memory that may be shared with others: num_bytes() of it, aligned to 64.
  Tensor(DType dtype, absl::Span<const int64_t> dims, std::shared_ptr<std::byte> memory);

  template <class T>
  static Tensor Scalar(T value) {
    Tensor tensor(kDType<T>, {});
    tensor.data<T>()[0] = value;
    return tensor;
  }
  template <class T>
  static Tensor Of(absl::Span<const int64_t> dims, absl::Span<const T> values) {
    Tensor tensor(kDType<T>, dims);
    for (size_t i = 0; i < values.size(); ++i) tensor.data<T>()[i] = values[i];
    return tensor;
  }
  // Memory of the caller, row by row and aligned to its elements, which must outlive all tensors
  // that look at it.
  static Tensor Borrow(DType dtype, absl::Span<const int64_t> dims, void* data);
  // A scalar or tensor filled with `value`, converted to `dtype`.
  static Tensor Filled(DType dtype, absl::Span<const int64_t> dims, double value);

  bool present() const { return buffer_ != nullptr; }
  DType dtype() const { return dtype_; }
  int rank() const { return static_cast<int>(dims_.size()); }
  const Dims& dims() const { return dims_; }
  const Dims& strides() const { return strides_; }
  int64_t num_elements() const { return NumElements(dims_); }
  int64_t num_bytes() const { return num_elements() * DTypeSize(dtype_); }
  TensorType type() const { return {dtype_, ToSymbolic(dims_)}; }

  // First element. REQUIRES: T is the dtype's type
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(bytes());
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes());
  }
  std::byte* bytes() const { return buffer_.get() + offset_ * DTypeSize(dtype_); }
  View view() const;

  bool is_contiguous() const;
  Tensor Contiguous() const;  // itself, or a row-major copy
  // Another look at the same buffer; `offset` and `strides` in elements.
  Tensor WithLayout(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides,
                    int64_t offset) const;
  // Each element converted; bool from a number is `!= 0`, an integer from a float as CastTo() says.
  Tensor Cast(DType dtype) const;

  // Element `i` in row-major order, as a double (exact for all but int64 beyond 2^53).
  double at(int64_t i) const;
  // Sets element `i` in row-major order. REQUIRES: is_contiguous()
  void set(int64_t i, double value);

 private:
  std::shared_ptr<std::byte> buffer_;
  DType dtype_ = DType::kFloat;
  int64_t offset_ = 0;
  Dims dims_;
  Dims strides_;
};

// A number converted as the op Cast does: float to integer rounds towards zero, NaN gives 0, values
// out of range give the nearest end; to bool is `!= 0`; everything else is C++'s conversion.
template <class To, class From>
To CastTo(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr From kEnd = From(uint64_t{1} << (sizeof(To) * 8 - 1));  // 2^31 or 2^63, exact
    if (!(value == value)) return 0;
    if (value >= kEnd) return std::numeric_limits<To>::max();
    if (value < -kEnd) return std::numeric_limits<To>::min();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_TENSOR_H_
