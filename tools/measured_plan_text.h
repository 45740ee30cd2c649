// Runs the plan of a workload for a while, and shows what it took beside what was estimated.

#ifndef FLOWGRAD_TOOLS_MEASURED_PLAN_TEXT_H_
#define FLOWGRAD_TOOLS_MEASURED_PLAN_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "scheduler/workers.h"
#include "tools/model_source.h"
#include "tools/workload.h"

namespace flowgrad {

// PlanText() with measured columns, of runs on random data. Errors name the file of `model`.
absl::StatusOr<std::string> MeasuredPlanText(const Model& model, const Workload& workload,
                                             const Workers& workers, MemoryLimit memory_limit);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_MEASURED_PLAN_TEXT_H_
