#include "scheduler/fetches.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "ops/fetch_ahead.h"
#include "ops/odometer.h"

namespace flowgrad {
namespace {

// Of neighbours in memory. Less is not worth setting out for.
constexpr int64_t kLeastLines = 8;
// Of one operand.
constexpr int64_t kMostRuns = 64;
// By one step.
constexpr int64_t kMostLines = (512 << 10) / kCacheLine;

using Place = std::tuple<Space, int32_t, int64_t, int32_t>;

Place PlaceOf(const Operand& operand) {
  return {operand.space, operand.slot, operand.offset, operand.dims};
}

void AddRuns(int32_t index, bool shared, bool to_write, Plan& plan, int64_t& left) {
  const Operand& operand = plan.operands[index];
  const int64_t* const dims = plan.numbers.data() + operand.dims;
  const int64_t* const strides = dims + operand.rank;
  const int64_t element = DTypeSize(operand.dtype);
  int64_t elements = 1, runs = 1;
  int d = operand.rank - 1;
  for (; d >= 0 && (dims[d] == 1 || strides[d] == elements); --d) elements *= dims[d];
  Odometer<1> outer;
  for (int i = 0; i <= d; ++i) {
    if (strides[i] == 0) continue;
    outer.AddDim(dims[i], {strides[i]});
    runs *= dims[i];
  }
  if (runs > kMostRuns || elements * element < kLeastLines * kCacheLine || outer.empty()) return;
  do {
    const int64_t offset = outer.offset(0) * element;
    const int64_t in_line = (operand.offset + offset) % kCacheLine;
    const int64_t lines = (in_line + elements * element + kCacheLine - 1) / kCacheLine;
    if (lines > left) return;
    left -= lines;
    plan.soon.push_back({index, static_cast<int32_t>(lines), offset - in_line, shared, to_write});
  } while (outer.Next());
}

std::set<Place> PlacesWritten(const Plan& plan, const Task& task) {
  std::set<Place> places;
  for (int32_t s = task.first_step; s < task.end_step; ++s) {
    const Step& step = plan.steps[s];
    for (int32_t i = 0; i < step.num_outputs; ++i) {
      places.insert(PlaceOf(plan.operands[step.operands + step.num_inputs + i]));
    }
  }
  return places;
}

}  // namespace

void AddFetches(Plan& plan) {
  for (const Task& task : plan.tasks) {
    const std::set<Place> written = PlacesWritten(plan, task);
    std::set<Place> touched;
    Step* fetching = nullptr;
    int64_t left = 0;
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      Step& step = plan.steps[s];
      for (int32_t i = 0; i < step.num_inputs + step.num_outputs; ++i) {
        const int32_t index = step.operands + i;
        const Operand& operand = plan.operands[index];
        if (operand.space != Space::kArena && operand.space != Space::kState) continue;
        const Place place = PlaceOf(operand);
        if (!touched.insert(place).second || fetching == nullptr) continue;
        AddRuns(index, step.shared && i >= step.num_inputs, written.contains(place), plan, left);
      }
      if (fetching != nullptr) {
        fetching->num_soon = static_cast<int32_t>(plan.soon.size()) - fetching->first_soon;
      }
      if (step.fetches_ahead) {
        fetching = &step;
        step.first_soon = static_cast<int32_t>(plan.soon.size());
        left = kMostLines;
      }
    }
  }
  plan.soon.shrink_to_fit();
}

}  // namespace flowgrad
