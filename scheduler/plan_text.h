// A plan as text, for people: what became of each op, tasks, memory.

#ifndef FLOWGRAD_SCHEDULER_PLAN_TEXT_H_
#define FLOWGRAD_SCHEDULER_PLAN_TEXT_H_

#include <string>

#include "scheduler/measured_plan.h"
#include "scheduler/plan.h"

namespace flowgrad {

// Memory is that of a run on so many threads; costs are the planner's estimates.
//
//   node  op      pieces               tasks  µs
//   ----  ------  -------------------  -----  -----
//   z1    MatMul  16 panels of 8 rows  16     812.5
//
// Ops that the planner added bear the name of the node they serve and stand in brackets. With
// `measured` there are columns with what ops took, and why more threads are not faster.
std::string PlanText(const Plan& plan, int threads, const MeasuredPlan* measured = nullptr);

// The part of all estimated work that is in ops that are not cut, from 0 to 1.
double ShareNotCut(const Plan& plan);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_PLAN_TEXT_H_
