// Values and how ops are called: what gradient rules, compositions and users of the C++ API write.
//
//   Value h = Relu(MatMul(x, w) + b);
//
// A Value is a handle of one output of one node of the graph under construction. Calling an op
// never fails on the spot: a wrong call gives an absent Value and leaves an error in the builder,
// and an op called on absent required inputs gives an absent Value in turn, so that one mistake is
// reported once.

#ifndef FLOWGRAD_OPS_BUILDER_H_
#define FLOWGRAD_OPS_BUILDER_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "ops/attributes.h"
#include "ops/tensor.h"

namespace flowgrad {

class Builder;

struct Value {
  Builder* builder = nullptr;
  int32_t node = -1;
  int32_t port = 0;

  explicit operator bool() const { return node >= 0; }
  friend bool operator==(const Value& a, const Value& b) {
    return a.node == b.node && a.port == b.port;
  }

  // dtype and shape. REQUIRES: present
  const TensorType& type() const;

  // Gives the node that makes this value a name. Returns the value.
  Value As(absl::string_view name) const;
};

class Builder {
 public:
  virtual ~Builder() = default;

  // One node. Absent Values stand for optional inputs left out.
  virtual std::vector<Value> CallMany(absl::string_view op, std::vector<Value> inputs,
                                      Attributes attributes, int num_outputs) = 0;
  virtual const TensorType& type(Value value) const = 0;
  virtual void Rename(Value value, absl::string_view name) = 0;

  // One node with one output.
  Value Call(absl::string_view op, std::vector<Value> inputs, Attributes attributes = {});
  Value Constant(Tensor tensor);
  Value Scalar(DType dtype, double value);
};

// Calls `op` in the builder of the first present input.
Value Call(absl::string_view op, std::vector<Value> inputs, Attributes attributes = {});
std::vector<Value> CallMany(absl::string_view op, std::vector<Value> inputs, Attributes attributes,
                            int num_outputs);

// Element by element, with ONNX's broadcasting. A number takes the other side's dtype.
Value operator+(Value a, Value b);
Value operator-(Value a, Value b);
Value operator*(Value a, Value b);
Value operator/(Value a, Value b);
Value operator+(Value a, double b);
Value operator-(Value a, double b);
Value operator*(Value a, double b);
Value operator/(Value a, double b);
Value operator+(double a, Value b);
Value operator-(double a, Value b);
Value operator*(double a, Value b);
Value operator/(double a, Value b);
Value operator-(Value a);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_BUILDER_H_
