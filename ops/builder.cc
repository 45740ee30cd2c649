#include "ops/builder.h"

#include <utility>

namespace flowgrad {
namespace {

Builder* BuilderOf(const std::vector<Value>& inputs) {
  for (const Value& input : inputs) {
    if (input.builder != nullptr) return input.builder;
  }
  return nullptr;
}

// `number` with the dtype of `value`, or absent like it.
Value NumberLike(Value value, double number) {
  return value ? value.builder->Scalar(value.type().dtype, number) : Value{value.builder};
}

}  // namespace

const TensorType& Value::type() const { return builder->type(*this); }

Value Value::As(absl::string_view name) const {
  if (*this) builder->Rename(*this, name);
  return *this;
}

Value Builder::Call(absl::string_view op, std::vector<Value> inputs, Attributes attributes) {
  return CallMany(op, std::move(inputs), std::move(attributes), 1)[0];
}

Value Builder::Constant(Tensor tensor) {
  return Call("Constant", {}, {{"value", std::move(tensor)}});
}

Value Builder::Scalar(DType dtype, double value) {
  return Constant(Tensor::Filled(dtype, {}, value));
}

Value Call(absl::string_view op, std::vector<Value> inputs, Attributes attributes) {
  return CallMany(op, std::move(inputs), std::move(attributes), 1)[0];
}

std::vector<Value> CallMany(absl::string_view op, std::vector<Value> inputs, Attributes attributes,
                            int num_outputs) {
  Builder* builder = BuilderOf(inputs);
  if (builder == nullptr) return std::vector<Value>(num_outputs);
  return builder->CallMany(op, std::move(inputs), std::move(attributes), num_outputs);
}

Value operator+(Value a, Value b) { return Call("Add", {a, b}); }
Value operator-(Value a, Value b) { return Call("Sub", {a, b}); }
Value operator*(Value a, Value b) { return Call("Mul", {a, b}); }
Value operator/(Value a, Value b) { return Call("Div", {a, b}); }
Value operator+(Value a, double b) { return a + NumberLike(a, b); }
Value operator-(Value a, double b) { return a - NumberLike(a, b); }
Value operator*(Value a, double b) { return a * NumberLike(a, b); }
Value operator/(Value a, double b) { return a / NumberLike(a, b); }
Value operator+(double a, Value b) { return NumberLike(b, a) + b; }
Value operator-(double a, Value b) { return NumberLike(b, a) - b; }
Value operator*(double a, Value b) { return NumberLike(b, a) * b; }
Value operator/(double a, Value b) { return NumberLike(b, a) / b; }
Value operator-(Value a) { return Call("Neg", {a}); }

}  // namespace flowgrad
