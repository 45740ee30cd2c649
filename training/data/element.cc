#include "training/data/element.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace flowgrad {

std::string DTypeSet::ToString() const {
  std::vector<absl::string_view> names;
  for (int i = 0; i < kNumDTypes; ++i) {
    if (Has(static_cast<DType>(i))) names.push_back(DTypeName(static_cast<DType>(i)));
  }
  const absl::string_view last = names.back();
  names.pop_back();
  return names.empty() ? std::string(last) : absl::StrCat(absl::StrJoin(names, ", "), " or ", last);
}

absl::string_view ElementName(Element element) {
  constexpr absl::string_view kNames[] = {"uint8", "int8",  "uint16", "int16",  "uint32",
                                          "int32", "int64", "float",  "double", "bool"};
  return kNames[static_cast<int>(element)];
}

int64_t ElementSize(Element element) {
  return VisitElement(element, [](auto zero) { return static_cast<int64_t>(sizeof(zero)); });
}

DType NaturalDType(Element element) {
  if (element == Element::kFloat) return DType::kFloat;
  if (element == Element::kDouble) return DType::kDouble;
  if (element == Element::kBool) return DType::kBool;
  return element == Element::kInt32 ? DType::kInt32 : DType::kInt64;
}

DTypeSet DTypesOf(Element element) {
  const DType natural = NaturalDType(element);
  if (IsFloating(natural)) return {DType::kFloat, DType::kDouble};
  DTypeSet numbers = {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64};
  if (natural == DType::kBool) numbers.Add(DType::kBool);
  return numbers;
}

Element ElementOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
      return Element::kFloat;
    case DType::kDouble:
      return Element::kDouble;
    case DType::kInt32:
      return Element::kInt32;
    case DType::kInt64:
      return Element::kInt64;
    case DType::kBool:
      break;
  }
  return Element::kBool;
}

}  // namespace flowgrad
