#include "ops/op_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace flowgrad {

void OpRegistry::Add(OpDef op) {
  std::string defect = op.Defect();
  const std::string name = op.name();
  if (defect.empty()) {
    if (ops_.emplace(name, std::make_unique<const OpDef>(std::move(op))).second) return;
    defect = "op is registered twice";
  }
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(absl::StrCat("op ", Quoted(name), ": ", defect));
  }
}

const OpDef* OpRegistry::Find(absl::string_view name) const {
  const auto found = ops_.find(std::string(name));
  return found == ops_.end() ? nullptr : found->second.get();
}

std::vector<std::string> OpRegistry::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, op] : ops_) names.push_back(name);
  return names;
}

}  // namespace flowgrad
