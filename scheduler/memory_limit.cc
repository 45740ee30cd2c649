#include "scheduler/memory_limit.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/memory.h"
#include "base/text.h"

namespace flowgrad {
namespace {

constexpr size_t kNamed = 5;  // owners in a message

std::string LimitText(int64_t total, MemoryLimit limit) {
  if (limit) return absl::StrCat("the memory limit of ", *limit);
  if (total > MemoryOfMachine()) return "this machine's memory";
  return absl::StrCat("the ", MemoryOfProcess(), " that this process may have");
}

}  // namespace

absl::string_view MemoryKindName(MemoryKind kind) {
  switch (kind) {
    case MemoryKind::kParameter:
      return "parameter";
    case MemoryKind::kOptimizer:
      return "optimizer state";
    case MemoryKind::kVariable:
      return "variable";
    case MemoryKind::kPacked:
      return "packed weight";
    case MemoryKind::kConstant:
      return "constant";
    case MemoryKind::kActivation:
      return "activation";
    case MemoryKind::kGradient:
      return "gradient";
    case MemoryKind::kUpdate:
      return "update";
    case MemoryKind::kScratch:
      return "scratch";
    case MemoryKind::kRest:
      return "rest of pages";
    case MemoryKind::kTable:
      return "table";
    case MemoryKind::kInput:
      return "input";
    case MemoryKind::kOutput:
      break;
  }
  return "output";
}

MemoryKind KindOf(const State& state) {
  if (state.trained) return MemoryKind::kParameter;
  return absl::StartsWith(state.name, kOptimizerPrefix) ? MemoryKind::kOptimizer
                                                        : MemoryKind::kVariable;
}

void SortOwners(std::vector<MemoryOwner>& owners) {
  std::sort(owners.begin(), owners.end(), [](const MemoryOwner& a, const MemoryOwner& b) {
    if (a.bytes != b.bytes) return a.bytes > b.bytes;
    if (a.scratch_bytes != b.scratch_bytes) return a.scratch_bytes > b.scratch_bytes;
    return a.name < b.name;
  });
}

absl::Status CheckMemoryLimit(absl::string_view what, int64_t total, MemoryLimit limit,
                              const std::vector<MemoryPart>& parts,
                              const std::vector<MemoryOwner>& owners) {
  if (total <= limit.value_or(MemoryOfProcess())) return absl::OkStatus();
  std::vector<std::string> held, largest;
  for (const MemoryPart& part : parts) {
    held.push_back(absl::StrCat(MemoryKindName(part.kind), " ", part.held));
  }
  for (size_t i = 0; i < std::min(owners.size(), kNamed); ++i) {
    largest.push_back(absl::StrCat(Quoted(owners[i].name), " (", MemoryKindName(owners[i].kind),
                                   ") ", owners[i].bytes));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", total, " bytes, more than ", LimitText(total, limit), ": ",
                   absl::StrJoin(held, ", "), "; the largest ",
                   largest.size() == 1 ? "is " : "are ", absl::StrJoin(largest, ", ")));
}

absl::Status CheckStatesLimit(const Graph& graph, MemoryLimit limit) {
  int64_t total = 0;
  std::map<MemoryKind, MemoryPart> by_kind;
  std::vector<MemoryOwner> owners;
  for (const State& state : graph.states()) {
    const TensorType& type = graph.type(state.now);
    MemoryOwner owner;
    owner.name = state.name;
    owner.kind = KindOf(state);
    owner.bytes = NumElements(KnownDims(type.shape)) * DTypeSize(type.dtype);
    MemoryPart& part = by_kind[owner.kind];
    part.kind = owner.kind;
    part.held = AddBytes(part.held, owner.bytes);
    total = AddBytes(total, owner.bytes);
    owners.push_back(std::move(owner));
  }
  std::vector<MemoryPart> parts;
  for (const auto& [kind, part] : by_kind) parts.push_back(part);
  SortOwners(owners);
  return CheckMemoryLimit("parameters and variables need", total, limit, parts, owners);
}

}  // namespace flowgrad
