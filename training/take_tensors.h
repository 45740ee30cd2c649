// Tensors of a file against those that somebody wants.

#ifndef FLOWGRAD_TRAINING_TAKE_TENSORS_H_
#define FLOWGRAD_TRAINING_TAKE_TENSORS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ops/tensor.h"

namespace flowgrad {

// OK if `given` has the tensors `wanted`, of these types, and no other. InvalidArgument with every
// difference otherwise, one a line: at most ten, and the number of the rest.
absl::Status CompareTensors(const std::vector<std::pair<std::string, TensorType>>& wanted,
                            const std::map<std::string, Tensor, std::less<>>& given);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_TAKE_TENSORS_H_
