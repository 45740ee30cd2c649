// Tensors in model files.

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/model_graph.h"

namespace flowgrad {
namespace {

template <class List>
absl::Status CheckCount(const List& list, absl::string_view name, const TensorType& type,
                        int64_t count) {
  if (list.size() == count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tensor of type ", type.ToString(), " must have ",
                                                 count, " numbers in \"", name, "\", but has ",
                                                 list.size()));
}

absl::Status ReadInts(const TensorDef& def, Tensor& tensor) {
  for (int64_t i = 0; i < def.ints_size(); ++i) {
    const int64_t value = def.ints(i);
    switch (tensor.dtype()) {
      case DType::kInt32:
        if (value != static_cast<int32_t>(value)) {
          return absl::InvalidArgumentError(
              absl::StrCat("number ", value, " does not fit in int32"));
        }
        tensor.data<int32_t>()[i] = static_cast<int32_t>(value);
        break;
      case DType::kBool:
        if (value != 0 && value != 1) {
          return absl::InvalidArgumentError(absl::StrCat("a bool must be 0 or 1, but is ", value));
        }
        tensor.data<bool>()[i] = value != 0;
        break;
      default:
        tensor.data<int64_t>()[i] = value;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Tensor> ParseTensor(const TensorDef& def, const TensorType* fallback) {
  TensorType type;
  if (!def.type().empty()) {
    ASSIGN_OR_RETURN(type, ParseTensorType(def.type()));
  } else if (fallback != nullptr) {
    type = *fallback;
  } else {
    return absl::InvalidArgumentError("tensor has no type");
  }
  const int64_t given = def.values_size() + def.ints_size();
  const int lists = (def.values_size() > 0) + (def.ints_size() > 0) + !def.raw().empty();
  if (lists > 1) {
    return absl::InvalidArgumentError(
        "tensor must use one of \"values\", \"ints\" and \"raw\", but uses several");
  }
  if (!IsKnown(type.shape)) {
    // A symbol takes the number that makes the counts agree.
    int64_t known = 1, symbols = 0;
    for (const Dim& dim : type.shape) dim.known() ? known *= dim.value() : ++symbols;
    if (fallback == nullptr || !def.type().empty() || symbols != 1 || known == 0 ||
        given % known != 0 || given == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor must have a type without symbols, but has ", type.ToString()));
    }
    for (Dim& dim : type.shape) {
      if (!dim.known()) dim = Dim(given / known);
    }
  }
  const Dims dims = KnownDims(type.shape);
  const int64_t count = NumElements(dims);
  const bool is_float = IsFloating(type.dtype);
  if (def.raw().empty()) {
    RETURN_IF_ERROR(CheckCount(def.values(), "values", type, is_float ? count : 0));
    RETURN_IF_ERROR(CheckCount(def.ints(), "ints", type, is_float ? 0 : count));
  } else if (count > static_cast<int64_t>(def.raw().size()) ||
             count * DTypeSize(type.dtype) != static_cast<int64_t>(def.raw().size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor of type ", type.ToString(), " must have ", count,
                     " elements in \"raw\", but has ", def.raw().size(), " bytes"));
  }
  Tensor tensor(type.dtype, dims);
  if (!def.raw().empty()) {
    if (type.dtype == DType::kBool) {
      for (const char byte : def.raw()) {
        if (byte != 0 && byte != 1)
          return absl::InvalidArgumentError("a bool must be 0 or 1 in \"raw\"");
      }
    }
    std::memcpy(tensor.bytes(), def.raw().data(), def.raw().size());
  } else if (is_float) {
    for (int64_t i = 0; i < count; ++i) tensor.set(i, def.values(i));
  } else {
    RETURN_IF_ERROR(ReadInts(def, tensor));
  }
  return tensor;
}

TensorDef ToTensorDef(const Tensor& tensor) {
  TensorDef def;
  def.set_type(tensor.type().ToString());
  const Tensor packed = tensor.Contiguous();
  for (int64_t i = 0; i < packed.num_elements(); ++i) {
    if (IsFloating(packed.dtype())) {
      def.add_values(packed.at(i));
    } else if (packed.dtype() == DType::kInt64) {
      def.add_ints(packed.data<int64_t>()[i]);
    } else {
      def.add_ints(static_cast<int64_t>(packed.at(i)));
    }
  }
  return def;
}

}  // namespace flowgrad
