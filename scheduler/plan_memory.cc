#include "scheduler/plan_memory.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "base/memory.h"
#include "scheduler/run_state.h"

namespace flowgrad {
namespace {

int64_t BytesOf(DType dtype, const Dims& dims) { return NumElements(dims) * DTypeSize(dtype); }

// Of the nodes of a graph, of their names and of the map of these.
int64_t GraphBytes(const Graph& graph) {
  constexpr size_t kMapNode = 4 * sizeof(void*);
  size_t bytes = 0;
  const auto add_text = [&](const std::string& text) {
    if (text.capacity() > std::string().capacity()) bytes += text.capacity() + 1;
  };
  for (const Node& node : graph.nodes()) {
    bytes += sizeof(Node) + node.inputs.size() * sizeof(ValueId) +
             node.outputs.size() * sizeof(Node::Output) +
             node.attributes.entries().size() * sizeof(Attributes::Entry);
    add_text(node.name);
    add_text(node.forward);
    add_text(node.rule);
    for (const Node::Output& output : node.outputs) {
      add_text(output.name);
      add_text(output.name);  // in the map
      bytes += kMapNode + sizeof(std::string) + sizeof(ValueId);
    }
  }
  return static_cast<int64_t>(bytes);
}

// What each node writes. The optimizer's nodes are those that read gradients and are none.
std::vector<MemoryKind> KindsOfNodes(const Graph& graph) {
  std::vector<MemoryKind> kinds;
  for (const Node& node : graph.nodes()) {
    MemoryKind kind = MemoryKind::kActivation;
    for (const ValueId& input : node.inputs) {
      if (input.present() && kinds[input.node] != MemoryKind::kActivation) {
        kind = MemoryKind::kUpdate;
      }
    }
    kinds.push_back(node.forward.empty() ? kind : MemoryKind::kGradient);
  }
  return kinds;
}

// Bytes of the arena, as intervals that do not touch, by where they begin.
class Intervals {
 public:
  // How many of these bytes were not there.
  int64_t Add(int64_t begin, int64_t end) {
    const int64_t before = bytes_;
    auto next = ends_.upper_bound(begin);
    if (next != ends_.begin() && std::prev(next)->second >= begin) {
      --next;
      begin = next->first;
    }
    while (next != ends_.end() && next->first <= end) {
      end = std::max(end, next->second);
      bytes_ -= next->second - next->first;
      next = ends_.erase(next);
    }
    ends_[begin] = end;
    bytes_ += end - begin;
    return bytes_ - before;
  }
  int64_t bytes() const { return bytes_; }

 private:
  std::map<int64_t, int64_t> ends_;  // by beginning
  int64_t bytes_ = 0;
};

class Counter {
 public:
  Counter(const Plan& plan, int threads)
      : plan_(plan), threads_(threads), kinds_(KindsOfNodes(*plan.graph)) {
    memory_.arena_bytes = plan.arena_bytes;
    memory_.scratch_bytes = plan.scratch_bytes;
    memory_.workers = plan.tasks.size() > 1 ? threads : 1;
  }

  PlanMemory Count() {
    AddStates();
    for (size_t c = 0; c < plan_.cache_offsets.size(); ++c) {
      const int64_t end =
          c + 1 < plan_.cache_offsets.size() ? plan_.cache_offsets[c + 1] : plan_.cache_bytes;
      AddHeld(plan_.cache_names[c], MemoryKind::kPacked, end - plan_.cache_offsets[c]);
    }
    for (const Tensor& constant : plan_.constants) {
      AddHeld("constants", MemoryKind::kConstant, constant.num_bytes());
    }
    AddBuffers();
    for (int w = 0; w < memory_.workers; ++w) {
      AddHeld("scratch of the workers", MemoryKind::kScratch, memory_.scratch_bytes);
    }
    AddRest("rest behind the run", RunState::BlockBytes(plan_, memory_.workers));
    AddHeld("tables of the plan", MemoryKind::kTable,
            RunState::TableBytes(plan_, threads_) + GraphBytes(*plan_.graph));
    for (const Plan::Slot& input : plan_.inputs) {
      AddHeld(plan_.graph->inputs()[input.index].name, MemoryKind::kInput,
              BytesOf(input.dtype, input.dims));
    }
    for (const Plan::Slot& output : plan_.outputs) {
      AddHeld("fetched values", MemoryKind::kOutput, BytesOf(output.dtype, output.dims));
    }
    CountLive();
    for (const auto& [key, owner] : owners_) memory_.owners.push_back(owner);
    SortOwners(memory_.owners);
    for (const auto& [kind, part] : parts_) {
      memory_.parts.push_back(part);
      memory_.total = AddBytes(memory_.total, part.held);
    }
    memory_.total = AddBytes(memory_.total, memory_.gaps);
    return std::move(memory_);
  }

 private:
  MemoryOwner& OwnerOf(const std::string& name, MemoryKind kind) {
    MemoryOwner& owner = owners_[{kind, name}];
    owner.name = name;
    owner.kind = kind;
    return owner;
  }

  void Add(const std::string& name, MemoryKind kind, int64_t bytes, int64_t held) {
    MemoryOwner& owner = OwnerOf(name, kind);
    owner.bytes = AddBytes(owner.bytes, bytes);
    MemoryPart& part = parts_[kind];
    part.kind = kind;
    ++part.count;
    part.bytes = AddBytes(part.bytes, bytes);
    part.held = AddBytes(part.held, held);
  }

  void AddHeld(const std::string& name, MemoryKind kind, int64_t bytes) {
    if (bytes > 0) Add(name, kind, bytes, bytes);
  }

  void AddStates() {
    const std::vector<State>& states = plan_.graph->states();
    std::vector<int64_t> bytes;
    for (size_t s = 0; s < states.size(); ++s) {
      if (!plan_.reads_state[s] && !plan_.writes_state[s]) continue;
      AddHeld(states[s].name, flowgrad::KindOf(states[s]), StateBytes(states[s]));
      bytes.push_back(StateBytes(states[s]));
    }
    AddRest("rest behind the states", bytes);
  }

  void AddRest(const std::string& name, const std::vector<int64_t>& blocks) {
    int64_t bytes = 0;
    for (const int64_t block : blocks) bytes = AddBytes(bytes, block);
    AddHeld(name, MemoryKind::kRest, BytesTogether(blocks) - bytes);
  }

  int64_t StateBytes(const State& state) const {
    const TensorType& type = plan_.graph->type(state.now);
    return BytesOf(type.dtype, KnownDims(type.shape));
  }

  MemoryKind KindOf(const PlannedOp& op) const {
    return op.node < 0 ? MemoryKind::kActivation : kinds_[op.node];
  }

  void AddBuffers() {
    Intervals taken;
    for (const MemoryKind kind :
         {MemoryKind::kActivation, MemoryKind::kGradient, MemoryKind::kUpdate}) {
      for (const Buffer& buffer : plan_.buffers) {
        const PlannedOp& op = plan_.ops[buffer.op];
        if (KindOf(op) != kind) continue;
        MemoryOwner& owner = OwnerOf(op.name, kind);
        if (owner.op.empty() || !op.added) owner.op = op.kind;
        if (owner.first_step < 0) owner.first_step = buffer.first_step;
        owner.first_step = std::min(owner.first_step, buffer.first_step);
        owner.last_step = std::max(owner.last_step, buffer.last_step);
        if (buffer.space == Space::kScratch) {
          owner.scratch_bytes += buffer.bytes;
        } else if (buffer.bytes > 0) {
          Add(op.name, kind, buffer.bytes, taken.Add(buffer.offset, buffer.offset + buffer.bytes));
        }
      }
    }
    memory_.gaps = plan_.arena_bytes - taken.bytes();
  }

  void CountLive() {
    std::vector<int64_t> change(plan_.steps.size() + 1);
    for (const Buffer& buffer : plan_.buffers) {
      if (buffer.space != Space::kArena) continue;
      change[buffer.first_step] += buffer.bytes;
      change[buffer.last_step + 1] -= buffer.bytes;
    }
    memory_.live.resize(plan_.steps.size());
    std::partial_sum(change.begin(), change.end() - 1, memory_.live.begin());
  }

  const Plan& plan_;
  const int threads_;
  const std::vector<MemoryKind> kinds_;  // by node
  PlanMemory memory_;
  std::map<MemoryKind, MemoryPart> parts_;
  std::map<std::pair<MemoryKind, std::string>, MemoryOwner> owners_;
};

}  // namespace

PlanMemory MemoryOf(const Plan& plan, int threads) { return Counter(plan, threads).Count(); }

absl::Status CheckMemoryLimit(const Plan& plan, int threads, MemoryLimit limit) {
  const PlanMemory memory = MemoryOf(plan, threads);
  return CheckMemoryLimit("a run needs", memory.total, limit, memory.parts, memory.owners);
}

}  // namespace flowgrad
