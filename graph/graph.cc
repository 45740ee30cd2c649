#include "graph/graph.h"

#include <algorithm>

namespace flowgrad {

ValueId Graph::Find(absl::string_view value_name) const {
  const auto found = std::lower_bound(
      by_name_.begin(), by_name_.end(), value_name,
      [this](ValueId value, absl::string_view wanted) { return this->value_name(value) < wanted; });
  return found == by_name_.end() || this->value_name(*found) != value_name ? ValueId() : *found;
}

std::vector<std::string> Graph::ValueNames() const {
  std::vector<std::string> names;
  for (const ValueId value : by_name_) names.push_back(value_name(value));
  return names;
}

}  // namespace flowgrad
