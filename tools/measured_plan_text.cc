#include "tools/measured_plan_text.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "scheduler/measured_plan.h"
#include "scheduler/plan_text.h"
#include "scheduler/trace.h"
#include "tools/planned_steps.h"

namespace flowgrad {
namespace {

// Of each of three measurements, after one run that is not looked at.
constexpr absl::Duration kTime = absl::Milliseconds(300);
constexpr int64_t kLeastRuns = 3;

absl::Status RunTraced(PlannedSteps& steps, Tracer& tracer) {
  steps.set_observer(nullptr);
  RETURN_IF_ERROR(steps.Step());
  steps.set_observer(&tracer);
  const absl::Time end = absl::Now() + kTime;
  while (tracer.num_runs() < kLeastRuns || (absl::Now() < end && !tracer.full())) {
    RETURN_IF_ERROR(steps.Step());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Measure(const Model& model, const Workload& workload,
                                    const Workers& workers, MemoryLimit memory_limit) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Plan> plan,
                   PlanWorkload(workload, workers, memory_limit));
  ASSIGN_OR_RETURN(const TensorMap inputs, DrawInputs(model, workload));
  const uint64_t seed = SeedOf(model);
  ASSIGN_OR_RETURN(const std::unique_ptr<PlannedSteps> alone,
                   PlannedSteps::Make(workload, plan, inputs, seed, Workers(1)));
  Tracer steps_alone(TraceGrain::kSteps), tasks_alone(TraceGrain::kTasks);
  RETURN_IF_ERROR(RunTraced(*alone, steps_alone));
  RETURN_IF_ERROR(RunTraced(*alone, tasks_alone));
  MeasuredPlan measured;
  measured.work = WorkOf(steps_alone.runs(), tasks_alone.runs());
  measured.alone = measured.run = FastestRun(tasks_alone.runs(), 1);
  measured.num_runs = static_cast<int>(tasks_alone.runs().size());
  if (workers.threads() > 1) {
    ASSIGN_OR_RETURN(const std::unique_ptr<PlannedSteps> together,
                     PlannedSteps::Make(workload, plan, inputs, seed, workers));
    Tracer tasks(TraceGrain::kTasks);
    RETURN_IF_ERROR(RunTraced(*together, tasks));
    measured.run = FastestRun(tasks.runs(), workers.threads());
    measured.num_runs = static_cast<int>(tasks.runs().size());
  }
  return PlanText(*plan, workers.threads(), &measured);
}

}  // namespace

absl::StatusOr<std::string> MeasuredPlanText(const Model& model, const Workload& workload,
                                             const Workers& workers, MemoryLimit memory_limit) {
  absl::StatusOr<std::string> text = Measure(model, workload, workers, memory_limit);
  return text.ok() ? text : model.Blame(text.status());
}

}  // namespace flowgrad
