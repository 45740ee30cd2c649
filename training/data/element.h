// How numbers stand in files, and what they can become.

#ifndef FLOWGRAD_TRAINING_DATA_ELEMENT_H_
#define FLOWGRAD_TRAINING_DATA_ELEMENT_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "ops/tensor.h"

namespace flowgrad {

// A set of dtypes.
class DTypeSet {
 public:
  DTypeSet(std::initializer_list<DType> dtypes) {
    for (const DType dtype : dtypes) Add(dtype);
  }
  void Add(DType dtype) { bits_ |= 1 << static_cast<int>(dtype); }
  bool Has(DType dtype) const { return bits_ >> static_cast<int>(dtype) & 1; }
  // "int32 or int64". REQUIRES: not empty
  std::string ToString() const;

 private:
  int bits_ = 0;
};

enum class Element : uint8_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kInt64,
  kFloat,
  kDouble,
  kBool,
};

absl::string_view ElementName(Element element);  // "uint8"

// Calls f(T()) with the type that holds such a number; that of a bool is uint8_t.
template <class F>
decltype(auto) VisitElement(Element element, F f) {
  switch (element) {
    case Element::kInt8:
      return f(int8_t());
    case Element::kUint16:
      return f(uint16_t());
    case Element::kInt16:
      return f(int16_t());
    case Element::kUint32:
      return f(uint32_t());
    case Element::kInt32:
      return f(int32_t());
    case Element::kInt64:
      return f(int64_t());
    case Element::kFloat:
      return f(float());
    case Element::kDouble:
      return f(double());
    case Element::kUint8:
    case Element::kBool:
      break;
  }
  return f(uint8_t());
}

int64_t ElementSize(Element element);

// The dtype that suits such numbers.
DType NaturalDType(Element element);

// What batches of them can be: of floating ones only that, of whole ones any number, of bools
// everything.
DTypeSet DTypesOf(Element element);

// How the elements of a tensor stand in its memory.
Element ElementOf(DType dtype);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_DATA_ELEMENT_H_
