// Models that would take more memory than they may are refused before any of it is taken.

#ifndef FLOWGRAD_SCHEDULER_MEMORY_LIMIT_H_
#define FLOWGRAD_SCHEDULER_MEMORY_LIMIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"

namespace flowgrad {

// In bytes; absent: MemoryOfProcess().
using MemoryLimit = std::optional<int64_t>;

enum class MemoryKind : uint8_t {
  kParameter,
  kOptimizer,  // the optimizer's states
  kVariable,   // other states
  kPacked,     // weights, packed once for many products
  kConstant,
  kActivation,  // what forward nodes write
  kGradient,    // what backward nodes write
  kUpdate,      // what nodes that read gradients write: of the optimizer, beside its states
  kScratch,
  kRest,    // of lines and pages, where blocks lie together: base/memory.h
  kTable,   // of nodes, steps and operands
  kInput,   // in memory of the caller
  kOutput,  // in memory of the caller
};
absl::string_view MemoryKindName(MemoryKind kind);  // "parameter"

MemoryKind KindOf(const State& state);

struct MemoryPart {
  MemoryKind kind = MemoryKind::kParameter;
  int64_t count = 0;  // of buffers
  int64_t bytes = 0;  // of them all
  // Of the total. Buffers that are never alive together share bytes of the arena: activations hold
  // all that any of them lies in, gradients what is left of theirs, and so on.
  int64_t held = 0;
};

// A state, a packed weight, an input, or what a node writes.
struct MemoryOwner {
  std::string name;
  std::string op = {};  // "" where no node wrote it
  MemoryKind kind = MemoryKind::kParameter;
  int64_t bytes = 0;
  int64_t scratch_bytes = 0;                // the largest piece of each value in scratch memory
  int32_t first_step = -1, last_step = -1;  // that touch it; -1: it stays
};

// Those of most bytes first, then by name.
void SortOwners(std::vector<MemoryOwner>& owners);

// OK unless `total` is over the limit. Else InvalidArgument: `what` "needs", the parts, and the
// five largest of `owners`, which are sorted.
absl::Status CheckMemoryLimit(absl::string_view what, int64_t total, MemoryLimit limit,
                              const std::vector<MemoryPart>& parts,
                              const std::vector<MemoryOwner>& owners);

// The same for what the states of `graph` hold: before they are made.
absl::Status CheckStatesLimit(const Graph& graph, MemoryLimit limit);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_MEMORY_LIMIT_H_
