#include "scheduler/planner.h"

#include <random>
#include <utility>

#include "base/memory.h"
#include "base/status_macros.h"
#include "scheduler/draft.h"
#include "scheduler/emit.h"
#include "scheduler/fuse.h"
#include "scheduler/memory_layout.h"
#include "scheduler/merge_ops.h"

namespace flowgrad {

absl::StatusOr<std::shared_ptr<const Plan>> MakePlan(std::shared_ptr<const Graph> graph,
                                                     const FedTypes& fed,
                                                     const std::vector<std::string>& fetches,
                                                     bool update_states,
                                                     const PlanOptions& options) {
  std::mt19937_64 random(options.random_seed.value_or(0));
  Draft draft;
  draft.options = &options;
  draft.random = options.random_seed ? &random : nullptr;
  ASSIGN_OR_RETURN(draft.bound, BindGraph(std::move(graph), fed, fetches, update_states, options));
  if (options.merge) MergeEqualOps(draft.bound);
  DropCopies(draft.bound);
  if (options.fuse) RETURN_IF_ERROR(SimplifySums(draft.bound));
  RETURN_IF_ERROR(SpreadConstants(draft.bound));
  if (options.fuse) FuseElementwise(draft.bound);
  RETURN_IF_ERROR(PackMatrices(draft.bound, options));
  RETURN_IF_ERROR(FindHomes(draft.bound, options, draft.homes));
  RETURN_IF_ERROR(ChooseCuts(draft.bound, options, draft.random, draft.cuts));
  draft.homes.resize(draft.bound.storages.size());
  MakeSteps(draft);
  RETURN_IF_ERROR(MakeTasks(draft));
  const MemoryLayout memory = LayOutMemory(draft);
  RETURN_IF_ERROR(CheckFitsMemory("the plan of a run", memory.arena_bytes));
  return EmitPlan(draft, memory);
}

}  // namespace flowgrad
