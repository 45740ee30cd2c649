// Whether memory that a caller lends to a run can be read and written where it is.

#ifndef FLOWGRAD_TRAINING_SESSION_MEMORY_H_
#define FLOWGRAD_TRAINING_SESSION_MEMORY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ops/tensor.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

// InvalidArgument, naming the tensor, for elements that are not aligned to their size, and for
// outputs that share memory with a feed or with each other. `outputs` are those of `fetches`, by
// place; absent tensors are left to others. Asks for no memory unless it fails.
absl::Status CheckMemory(const TensorMap& feeds, const std::vector<std::string>& fetches = {},
                         absl::Span<const Tensor> outputs = {});

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SESSION_MEMORY_H_
