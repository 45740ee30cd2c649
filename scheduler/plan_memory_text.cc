// The tables of MemoryText().

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/text_table.h"
#include "scheduler/plan_memory.h"

namespace flowgrad {
namespace {

constexpr size_t kMostRows = 24;  // of the table over time
constexpr int64_t kBarWidth = 40;

std::string PartTable(const PlanMemory& memory, int threads) {
  TextTable table({"memory", "buffers", "by themselves", "held"});
  int64_t count = 0, bytes = 0;
  for (const MemoryPart& part : memory.parts) {
    table.AddRow({std::string(MemoryKindName(part.kind)), absl::StrCat(part.count),
                  absl::StrCat(part.bytes), absl::StrCat(part.held)});
    count += part.count;
    bytes = AddBytes(bytes, part.bytes);
  }
  if (memory.gaps > 0) table.AddRow({"gaps in the arena", "", "", absl::StrCat(memory.gaps)});
  table.AddRow({"all", absl::StrCat(count), absl::StrCat(bytes), absl::StrCat(memory.total)});
  return absl::StrCat(
      table.ToString(), "arena: ", memory.arena_bytes,
      " bytes, which activations, gradients and updates share\nscratch of each worker: ",
      memory.scratch_bytes, " bytes\nall with ", threads,
      threads == 1 ? " thread: " : " threads: ", memory.total, " bytes\n");
}

std::string StepsText(int32_t first, int32_t last) {
  if (first < 0) return "all";
  return first == last ? absl::StrCat(first) : absl::StrCat(first, "-", last);
}

std::string OwnerTable(const PlanMemory& memory) {
  TextTable table({"memory of", "op", "kind", "bytes", "scratch", "steps"});
  for (const MemoryOwner& owner : memory.owners) {
    table.AddRow({Escaped(owner.name), owner.op, std::string(MemoryKindName(owner.kind)),
                  absl::StrCat(owner.bytes),
                  owner.scratch_bytes > 0 ? absl::StrCat(owner.scratch_bytes) : "",
                  StepsText(owner.first_step, owner.last_step)});
  }
  return table.ToString();
}

// In ranges of equally many steps: the most that is alive in each, and where.
std::string TimeTable(const PlanMemory& memory, const Plan& plan) {
  const std::vector<int64_t>& live = memory.live;
  const auto peak = std::max_element(live.begin(), live.end());
  if (peak == live.end() || *peak == 0) return "";
  const auto node_at = [&](size_t step) {
    const int32_t op = plan.steps[step].op;
    return op < 0 ? std::string("(the gate)") : Escaped(plan.ops[op].name);
  };
  const size_t each = (live.size() + kMostRows - 1) / kMostRows;
  TextTable table({"steps", "alive", "", "most at"});
  for (size_t first = 0; first < live.size(); first += each) {
    const size_t end = std::min(first + each, live.size());
    const auto most = std::max_element(live.begin() + first, live.begin() + end);
    const auto width = static_cast<size_t>(*most * kBarWidth / memory.arena_bytes);
    table.AddRow({StepsText(static_cast<int32_t>(first), static_cast<int32_t>(end) - 1),
                  absl::StrCat(*most), std::string(width, '#'), node_at(most - live.begin())});
  }
  const size_t step = peak - live.begin();
  return absl::StrCat("\n", table.ToString(), "peak: ", *peak, " bytes alive at step ", step, ", ",
                      node_at(step), ", in an arena of ", memory.arena_bytes, "\n");
}

}  // namespace

std::string MemoryText(const PlanMemory& memory, const Plan& plan, int threads) {
  return absl::StrCat(PartTable(memory, threads), "\n", OwnerTable(memory),
                      TimeTable(memory, plan));
}

}  // namespace flowgrad
