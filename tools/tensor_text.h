// Tensors as JSON and as text in tables.

#ifndef FLOWGRAD_TOOLS_TENSOR_TEXT_H_
#define FLOWGRAD_TOOLS_TENSOR_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "ops/tensor.h"

namespace flowgrad {

// `text` as JSON, with its quotes.
std::string JsonString(absl::string_view text);

// {"dtype": "float", "shape": [2,1], "values": [0.1,"nan"]}: values in row-major order, with as few
// digits as read back to the same bits; what JSON has no numbers for as "nan", "inf" and "-inf".
std::string JsonTensor(const Tensor& tensor);

// "[[0.1 0.4] [0.8 0.6]]" with eight digits; of a large tensor the shape and some values:
// "[128,10] 0.1 0.4 0.8 ... 0.6".
std::string ShortText(const Tensor& tensor);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_TENSOR_TEXT_H_
