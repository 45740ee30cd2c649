// The first step of a workload, for other programs to compare theirs with.

#ifndef FLOWGRAD_TOOLS_FIRST_STEP_H_
#define FLOWGRAD_TOOLS_FIRST_STEP_H_

#include <string>

#include "absl/status/status.h"
#include "scheduler/reference_run.h"
#include "tools/model_source.h"
#include "tools/workload.h"

namespace flowgrad {

// Writes a file of safetensors: what is fed as "input/NAME", the states before the step as
// "weight/NAME", "loss", and the gradients of the loss as "gradient/NAME". InvalidArgument for a
// step without gradients.
absl::Status SaveFirstStep(const Model& model, const Workload& workload, const TensorMap& inputs,
                           const std::string& path);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_FIRST_STEP_H_
