#include "ops/attributes.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr int64_t kLongestList = 8;

std::string TensorString(const Tensor& tensor) {
  std::vector<std::string> values;
  const int64_t count = tensor.num_elements();
  for (int64_t i = 0; i < std::min(count, kLongestList); ++i) {
    const double value = tensor.at(i);
    values.push_back(tensor.dtype() == DType::kFloat ? Number(static_cast<float>(value))
                                                     : Number(value));
  }
  if (count > kLongestList) values.push_back("...");
  return absl::StrCat(tensor.type().ToString(), "{", absl::StrJoin(values, ","), "}");
}

bool SameTensor(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type()) return false;
  const Tensor left = a.Contiguous(), right = b.Contiguous();
  return std::memcmp(left.bytes(), right.bytes(), left.num_bytes()) == 0;
}

}  // namespace

absl::string_view AttributeTypeName(AttributeType type) {
  constexpr absl::string_view kNames[] = {"int", "float", "string", "ints", "floats", "tensor"};
  return kNames[static_cast<int>(type)];
}

const AttributeValue* Attributes::Find(absl::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

void Attributes::Set(absl::string_view name, AttributeValue value) {
  for (Entry& entry : entries_) {
    if (entry.first == name) {
      entry.second = std::move(value);
      return;
    }
  }
  entries_.emplace_back(std::string(name), std::move(value));
}

std::string AttributeString(const Attributes::Entry& entry) {
  struct Printer {
    std::string operator()(int64_t value) const { return absl::StrCat(value); }
    std::string operator()(double value) const { return Number(value); }
    std::string operator()(const std::string& value) const { return Quoted(value); }
    std::string operator()(const Ints& values) const {
      return absl::StrCat("[", absl::StrJoin(values, ","), "]");
    }
    std::string operator()(const Floats& values) const {
      return absl::StrCat(
          "[",
          absl::StrJoin(values, ",",
                        [](std::string* out, double value) { out->append(Number(value)); }),
          "]");
    }
    std::string operator()(const Tensor& value) const { return TensorString(value); }
  };
  using Variant = std::variant<int64_t, double, std::string, Ints, Floats, Tensor>;
  return absl::StrCat(entry.first, "=",
                      std::visit(Printer(), static_cast<const Variant&>(entry.second)));
}

bool SameAttributes(const Attributes& a, const Attributes& b) {
  return std::equal(a.entries().begin(), a.entries().end(), b.entries().begin(), b.entries().end(),
                    [](const Attributes::Entry& left, const Attributes::Entry& right) {
                      if (left.first != right.first) return false;
                      if (left.second.index() != right.second.index()) return false;
                      if (const Tensor* tensor = std::get_if<Tensor>(&left.second)) {
                        return SameTensor(*tensor, std::get<Tensor>(right.second));
                      }
                      return AttributeString(left) == AttributeString(right);
                    });
}

}  // namespace flowgrad
