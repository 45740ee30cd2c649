#include "graph/graph.h"

namespace flowgrad {

ValueId Graph::Find(absl::string_view value_name) const {
  const auto found = values_.find(std::string(value_name));
  return found == values_.end() ? ValueId() : found->second;
}

std::vector<std::string> Graph::ValueNames() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

}  // namespace flowgrad
