#include "ops/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr absl::string_view kDTypeNames[kNumDTypes] = {"float", "double", "int32", "int64", "bool"};
constexpr int64_t kMostElements = int64_t{1} << 59;  // so that their bytes can be counted too

// Offset of row-major element `i` in a tensor of these dims and strides.
int64_t OffsetOf(int64_t i, const Dims& dims, const Dims& strides) {
  int64_t offset = 0;
  for (int d = static_cast<int>(dims.size()) - 1; d >= 0; --d) {
    offset += i % dims[d] * strides[d];
    i /= dims[d];
  }
  return offset;
}

bool IsSymbolName(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

}  // namespace

const int64_t kNoDims[1] = {0};

absl::string_view DTypeName(DType dtype) { return kDTypeNames[static_cast<int>(dtype)]; }

int64_t DTypeSize(DType dtype) {
  return VisitDType(dtype, [](auto zero) { return static_cast<int64_t>(sizeof(zero)); });
}

bool IsFloating(DType dtype) { return dtype == DType::kFloat || dtype == DType::kDouble; }

absl::StatusOr<DType> ParseDType(absl::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i) {
    if (name == kDTypeNames[i]) return static_cast<DType>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "dtype must be one of ", absl::StrJoin(kDTypeNames, ", "), ", but is ", Quoted(name),
      DidYouMean(name, {std::begin(kDTypeNames), std::end(kDTypeNames)})));
}

std::string DimsString(absl::Span<const int64_t> dims) {
  return absl::StrCat("[", absl::StrJoin(dims, ","), "]");
}

// The dims beside a 0 must be countable, too: strides and sizes of lines are made of them.
int64_t NumElements(absl::Span<const int64_t> dims) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t dim : dims) {
    empty = empty || dim == 0;
    if (dim < 0 || count > kMostElements / std::max<int64_t>(dim, 1)) return -1;
    count *= std::max<int64_t>(dim, 1);
  }
  return empty ? 0 : count;
}

Dims ContiguousStrides(absl::Span<const int64_t> dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (int d = static_cast<int>(dims.size()) - 1; d >= 0; --d) {
    strides[d] = stride;
    // Only a tensor without elements can have dims whose product does not fit; its strides are
    // never used.
    if (__builtin_mul_overflow(stride, std::max<int64_t>(dims[d], 1), &stride)) stride = 0;
  }
  return strides;
}

Dim Dim::Symbol(absl::string_view name) {
  Dim dim(-1);
  dim.symbol_ = std::string(name);
  return dim;
}

std::string Dim::ToString() const { return is_symbol() ? symbol_ : absl::StrCat(value_); }

namespace {

// A product of a number and symbols. It is written as the number followed by the symbols in order,
// "4*N*T"; a sum in "(" ")" counts as one symbol.
struct Monomial {
  int64_t number = 1;
  std::vector<std::string> symbols;  // sorted

  explicit Monomial(const Dim& dim) {
    if (!dim.is_symbol()) {
      number = dim.value();
      return;
    }
    const std::string text = dim.ToString();
    int depth = 0;
    std::string part;
    const auto take = [&] {
      if (int64_t value; absl::SimpleAtoi(part, &value)) {
        number *= value;
      } else {
        symbols.push_back(part);
      }
      part.clear();
    };
    for (const char c : text) {
      depth += (c == '(') - (c == ')');
      if (c == '*' && depth == 0) {
        take();
      } else {
        part += c;
      }
    }
    take();
  }
  Dim ToDim() {
    if (symbols.empty() || number == 0) return Dim(number);
    std::sort(symbols.begin(), symbols.end());
    const std::string product = absl::StrJoin(symbols, "*");
    return Dim::Symbol(number == 1 ? product : absl::StrCat(number, "*", product));
  }
};

}  // namespace

Dim operator*(const Dim& a, const Dim& b) {
  Monomial product(a);
  const Monomial factor(b);
  if (__builtin_mul_overflow(product.number, factor.number, &product.number))
    product.number = kMostElements * 2;
  product.symbols.insert(product.symbols.end(), factor.symbols.begin(), factor.symbols.end());
  return product.ToDim();
}

std::optional<Dim> Quotient(const Dim& a, const Dim& b) {
  Monomial quotient(a);
  const Monomial divisor(b);
  if (divisor.number == 0 || quotient.number % divisor.number != 0) return std::nullopt;
  quotient.number /= divisor.number;
  for (const std::string& symbol : divisor.symbols) {
    const auto found = std::find(quotient.symbols.begin(), quotient.symbols.end(), symbol);
    if (found == quotient.symbols.end()) return std::nullopt;
    quotient.symbols.erase(found);
  }
  return quotient.ToDim();
}

Dim operator+(const Dim& a, const Dim& b) {
  int64_t sum;
  if (a.known() && b.known()) {
    const bool overflows = __builtin_add_overflow(a.value(), b.value(), &sum);
    return Dim(overflows ? kMostElements * 2 : std::min(sum, kMostElements * 2));
  }
  if (a == Dim(0)) return b;
  if (b == Dim(0)) return a;
  if (a == b) return a * Dim(2);
  return Dim::Symbol(absl::StrCat("(", a.ToString(), "+", b.ToString(), ")"));
}

std::string ShapeString(const SymbolicShape& shape) {
  return absl::StrCat(
      "[",
      absl::StrJoin(shape, ",",
                    [](std::string* out, const Dim& dim) { absl::StrAppend(out, dim.ToString()); }),
      "]");
}

bool IsKnown(const SymbolicShape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& dim) { return dim.known(); });
}

SymbolicShape ToSymbolic(absl::Span<const int64_t> dims) {
  return SymbolicShape(dims.begin(), dims.end());
}

Dims KnownDims(const SymbolicShape& shape) {
  Dims dims;
  for (const Dim& dim : shape) dims.push_back(dim.value());
  return dims;
}

std::string TensorType::ToString() const {
  return absl::StrCat(DTypeName(dtype), ShapeString(shape));
}

absl::StatusOr<TensorType> ParseTensorType(absl::string_view text) {
  const size_t open = text.find('[');
  if (open == absl::string_view::npos || !absl::EndsWith(text, "]")) {
    return absl::InvalidArgumentError(
        absl::StrCat("type must look like \"float[N,784]\", but is ", Quoted(text)));
  }
  TensorType type;
  ASSIGN_OR_RETURN(type.dtype, ParseDType(text.substr(0, open)));
  const absl::string_view inside = text.substr(open + 1, text.size() - open - 2);
  Dims known;
  if (absl::StripAsciiWhitespace(inside).empty()) return type;
  for (const absl::string_view part : absl::StrSplit(inside, ',')) {
    const absl::string_view dim = absl::StripAsciiWhitespace(part);
    int64_t value;
    if (IsSymbolName(dim)) {
      type.shape.push_back(Dim::Symbol(dim));
    } else if (absl::SimpleAtoi(dim, &value) && value >= 0 && absl::ascii_isdigit(dim[0])) {
      type.shape.push_back(Dim(value));
      known.push_back(value);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("each dim of a type must be a number from 0 on or a symbol, but ",
                       Quoted(text), " has ", Quoted(dim)));
    }
    if (type.rank() > kMaxRank) {
      return absl::InvalidArgumentError(
          absl::StrCat("type ", Quoted(text), " has more than ", kMaxRank, " dims"));
    }
  }
  const int64_t count = NumElements(known);
  if (count < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("type ", Quoted(text), " has more elements than can be counted"));
  }
  return type;
}

Tensor::Tensor(DType dtype, absl::Span<const int64_t> dims)
    : dtype_(dtype), dims_(dims.begin(), dims.end()), strides_(ContiguousStrides(dims)) {
  AlignedBytes memory = AllocateAligned(std::max<int64_t>(num_bytes(), 1));
  if (memory == nullptr) throw std::bad_alloc();
  buffer_ = std::move(memory);
}

Tensor::Tensor(DType dtype, absl::Span<const int64_t> dims, std::shared_ptr<std::byte> memory)
    : buffer_(std::move(memory)),
      dtype_(dtype),
      dims_(dims.begin(), dims.end()),
      strides_(ContiguousStrides(dims)) {}

Tensor Tensor::Filled(DType dtype, absl::Span<const int64_t> dims, double value) {
  Tensor tensor(dtype, dims);
  VisitDType(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(tensor.data<T>(), tensor.num_elements(), CastTo<T>(value));
  });
  return tensor;
}

Tensor Tensor::Borrow(DType dtype, absl::Span<const int64_t> dims, void* data) {
  return Tensor(
      dtype, dims,
      std::shared_ptr<std::byte>(static_cast<std::byte*>(data), [](std::byte* /*not ours*/) {}));
}

View Tensor::view() const {
  View view;
  view.data = bytes();
  view.dtype = dtype_;
  view.rank = static_cast<int8_t>(rank());
  view.dims = dims_.empty() ? kNoDims : dims_.data();
  view.strides = strides_.empty() ? kNoDims : strides_.data();
  return view;
}

bool Tensor::is_contiguous() const {
  if (num_elements() == 0) return true;
  const Dims packed = ContiguousStrides(dims_);
  for (int d = 0; d < rank(); ++d) {
    if (dims_[d] != 1 && strides_[d] != packed[d]) return false;
  }
  return true;
}

Tensor Tensor::Contiguous() const { return is_contiguous() ? *this : Cast(dtype_); }

Tensor Tensor::WithLayout(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides,
                          int64_t offset) const {
  Tensor tensor = *this;
  tensor.dims_.assign(dims.begin(), dims.end());
  tensor.strides_.assign(strides.begin(), strides.end());
  tensor.offset_ += offset;
  return tensor;
}

Tensor Tensor::Cast(DType dtype) const {
  Tensor result(dtype, dims_);
  const int64_t count = num_elements();
  const bool contiguous = is_contiguous();
  VisitDType(dtype_, [&](auto from) {
    using From = decltype(from);
    VisitDType(dtype, [&](auto to) {
      using To = decltype(to);
      for (int64_t i = 0; i < count; ++i) {
        const int64_t offset = contiguous ? i : OffsetOf(i, dims_, strides_);
        result.data<To>()[i] = CastTo<To>(data<From>()[offset]);
      }
    });
  });
  return result;
}

double Tensor::at(int64_t i) const {
  const int64_t offset = OffsetOf(i, dims_, strides_);
  return VisitDType(dtype_,
                    [&](auto zero) { return static_cast<double>(data<decltype(zero)>()[offset]); });
}

void Tensor::set(int64_t i, double value) {
  VisitDType(dtype_, [&](auto zero) {
    using T = decltype(zero);
    data<T>()[i] = CastTo<T>(value);
  });
}

}  // namespace flowgrad
