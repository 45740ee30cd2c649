// Attributes of a node: named constants that are fixed when the graph is built.

#ifndef FLOWGRAD_OPS_ATTRIBUTES_H_
#define FLOWGRAD_OPS_ATTRIBUTES_H_

#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "ops/tensor.h"

namespace flowgrad {

using Ints = std::vector<int64_t>;
using Floats = std::vector<double>;

// Attributes are held in double, so that a double model keeps all digits of an epsilon.
class AttributeValue : public std::variant<int64_t, double, std::string, Ints, Floats, Tensor> {
 public:
  using variant::variant;
  AttributeValue(int value) : variant(int64_t{value}) {}              // NOLINT
  AttributeValue(bool value) : variant(int64_t{value}) {}             // NOLINT
  AttributeValue(const char* value) : variant(std::string(value)) {}  // NOLINT
};

enum class AttributeType {
  kInt,
  kFloat,
  kString,
  kInts,
  kFloats,
  kTensor
};                                                        // in the variant's order
absl::string_view AttributeTypeName(AttributeType type);  // "int", "float", ...

class Attributes {
 public:
  using Entry = std::pair<std::string, AttributeValue>;

  Attributes() = default;
  Attributes(std::initializer_list<Entry> entries) : entries_(entries) {}

  bool has(absl::string_view name) const { return Find(name) != nullptr; }
  const AttributeValue* Find(absl::string_view name) const;
  void Set(absl::string_view name, AttributeValue value);

  // The value of an attribute that the op declares with that type. Ops see their defaults filled
  // in. REQUIRES: has(name)
  int64_t Int(absl::string_view name) const { return Get<int64_t>(name); }
  double Float(absl::string_view name) const { return Get<double>(name); }
  const std::string& String(absl::string_view name) const { return Get<std::string>(name); }
  const Ints& IntList(absl::string_view name) const { return Get<Ints>(name); }
  const Floats& FloatList(absl::string_view name) const { return Get<Floats>(name); }
  const Tensor& TensorValue(absl::string_view name) const { return Get<Tensor>(name); }

  const std::vector<Entry>& entries() const { return entries_; }  // in the order set
  bool empty() const { return entries_.empty(); }

 private:
  template <class T>
  const T& Get(absl::string_view name) const {
    return std::get<T>(*Find(name));
  }

  std::vector<Entry> entries_;
};

// `axis=1`, `perm=[1,0]`, `to="double"`, `value=double[2]{0.5,1}` (at most eight values, then
// "...").
std::string AttributeString(const Attributes::Entry& entry);

// Same names and values in the same order; tensors by type and bits.
bool SameAttributes(const Attributes& a, const Attributes& b);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_ATTRIBUTES_H_
