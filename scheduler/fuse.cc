#include "scheduler/fuse.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "scheduler/fused_program.h"
#include "scheduler/make_fused.h"

namespace flowgrad {
namespace {

constexpr size_t kMostFusedOps = 256;
constexpr int kMostPasses = 4;
// Units that are looked at to find out whether two may be joined; with more between them they stay
// apart.
constexpr int kMostVisited = 2000;

bool CanFuse(const BoundOp& op) {
  if (op.block.run == nullptr || op.op->can_fail() || op.op->random()) return false;
  const auto is_value = [](const Layout& layout) { return layout.storage >= 0; };
  return op.inputs.size() + op.outputs.size() <= kMostFusedOperands &&
         std::all_of(op.inputs.begin(), op.inputs.end(), is_value) &&
         std::all_of(op.outputs.begin(), op.outputs.end(), is_value) &&
         NumElements(op.outputs[0].dims) > 0;
}

// A unit is a set of ops that run as one: at first each op alone. Units are named by one of their
// ops.
class Fuser {
 public:
  explicit Fuser(BoundGraph& bound)
      : bound_(bound),
        readers_(bound.storages.size()),
        kept_(bound.storages.size()),
        later_(bound.ops.size()),
        unit_(bound.ops.size()),
        members_(bound.ops.size()),
        seen_(bound.ops.size(), -1) {
    for (int32_t o = 0; o < num_ops(); ++o) {
      unit_[o] = o;
      members_[o] = {o};
      for (const Layout& input : bound.ops[o].inputs) {
        if (input.storage < 0) continue;
        readers_[input.storage].push_back(o);
        const int32_t producer = bound.storages[input.storage].op;
        if (producer >= 0) later_[producer].push_back(o);
      }
    }
    for (const Layout& fetched : bound.fetched) kept_[fetched.storage] = true;
    for (const BoundGraph::NextState& update : bound.updates) kept_[update.next.storage] = true;
    OrderStateWrites();
  }

  // Joining two may leave fewer operands, and so make room for a third: hence more than one pass.
  void Fuse() {
    for (int pass = 0; pass < kMostPasses && JoinReaders(); ++pass) continue;
    Rebuild();
  }

 private:
  int32_t num_ops() const { return static_cast<int32_t>(bound_.ops.size()); }

  // Whether any two were joined.
  bool JoinReaders() {
    bool joined = false;
    for (int32_t o = num_ops() - 1; o >= 0; --o) {
      if (!CanFuse(bound_.ops[o])) continue;
      for (const Layout& output : bound_.ops[o].outputs) {
        for (const int32_t reader : readers_[output.storage]) {
          if (!MayJoin(unit_[o], unit_[reader])) continue;
          Join(unit_[o], unit_[reader]);
          joined = true;
        }
      }
    }
    return joined;
  }

  // What overwrites a state comes after every op that can fail and every other reader of the state.
  void OrderStateWrites() {
    for (const BoundGraph::NextState& update : bound_.updates) {
      const int32_t writer = bound_.storages[update.next.storage].op;
      if (writer < 0) continue;
      for (int32_t o = 0; o < num_ops(); ++o) {
        if (o != writer && bound_.ops[o].op->can_fail()) later_[o].push_back(writer);
      }
      for (size_t s = 0; s < bound_.storages.size(); ++s) {
        const Storage& storage = bound_.storages[s];
        if (storage.source != Storage::Source::kState || storage.slot != update.state) continue;
        for (const int32_t reader : readers_[s]) {
          if (reader != writer) later_[reader].push_back(writer);
        }
      }
    }
  }

  // Whether a path leads from unit `from` to `to` through a third.
  bool HasDetour(int32_t from, int32_t to) {
    ++stamp_;
    std::vector<int32_t> open;
    int visited = 0;
    const auto visit_later = [&](int32_t unit) {
      for (const int32_t member : members_[unit]) {
        for (const int32_t next : later_[member]) {
          const int32_t next_unit = unit_[next];
          if (next_unit == from || seen_[next_unit] == stamp_) continue;
          if (next_unit == to) {
            if (unit != from) return true;
            continue;
          }
          seen_[next_unit] = stamp_;
          open.push_back(next_unit);
        }
      }
      return false;
    };
    visit_later(from);
    while (!open.empty()) {
      const int32_t unit = open.back();
      open.pop_back();
      if (++visited > kMostVisited || visit_later(unit)) return true;
    }
    return false;
  }

  // Inputs of the ops of a list from outside it, each once.
  std::vector<Layout> InputsOf(const std::vector<int32_t>& ops) const {
    std::vector<Layout> inputs;
    for (const int32_t o : ops) {
      for (const Layout& input : bound_.ops[o].inputs) {
        const int32_t producer = bound_.storages[input.storage].op;
        if (producer >= 0 && std::binary_search(ops.begin(), ops.end(), producer)) continue;
        const auto same = [&](const Layout& other) { return SameLayout(input, other); };
        if (std::none_of(inputs.begin(), inputs.end(), same)) inputs.push_back(input);
      }
    }
    return inputs;
  }

  std::vector<Layout> OutputsOf(const std::vector<int32_t>& ops) const {
    std::vector<Layout> outputs;
    for (const int32_t o : ops) {
      for (const Layout& output : bound_.ops[o].outputs) {
        bool is_read = kept_[output.storage];
        for (const int32_t reader : readers_[output.storage]) {
          is_read = is_read || !std::binary_search(ops.begin(), ops.end(), reader);
        }
        if (is_read) outputs.push_back(output);
      }
    }
    return outputs;
  }

  std::vector<int32_t> Together(int32_t a, int32_t b) const {
    std::vector<int32_t> ops;
    std::merge(members_[a].begin(), members_[a].end(), members_[b].begin(), members_[b].end(),
               std::back_inserter(ops));
    return ops;
  }

  // Every value that passes between ops of a list must be read as it is written.
  bool ReadsAsWritten(const std::vector<int32_t>& ops) const {
    for (const int32_t o : ops) {
      for (const Layout& input : bound_.ops[o].inputs) {
        const int32_t producer = bound_.storages[input.storage].op;
        if (producer < 0 || !std::binary_search(ops.begin(), ops.end(), producer)) continue;
        const std::vector<Layout>& written = bound_.ops[producer].outputs;
        const auto same = [&](const Layout& output) { return SameLayout(input, output); };
        if (std::none_of(written.begin(), written.end(), same)) return false;
      }
    }
    return true;
  }

  bool MayJoin(int32_t a, int32_t b) {
    if (a == b || !CanFuse(bound_.ops[b])) return false;
    if (bound_.ops[a].outputs[0].dims != bound_.ops[b].outputs[0].dims) return false;
    if (members_[a].size() + members_[b].size() > kMostFusedOps) return false;
    const std::vector<int32_t> ops = Together(a, b);
    return ReadsAsWritten(ops) &&
           InputsOf(ops).size() + OutputsOf(ops).size() <= kMostFusedOperands && !HasDetour(a, b) &&
           !HasDetour(b, a);
  }

  void Join(int32_t a, int32_t b) {
    members_[a] = Together(a, b);
    for (const int32_t member : members_[b]) unit_[member] = a;
    members_[b].clear();
  }

  // The units in topological order, as early as their first members stood.
  std::vector<int32_t> Order() const {
    std::vector<std::vector<int32_t>> after(unit_.size());
    std::vector<int32_t> waiting(unit_.size()), order;
    for (int32_t o = 0; o < num_ops(); ++o) {
      for (const Layout& input : bound_.ops[o].inputs) {
        const int32_t producer = input.storage < 0 ? -1 : bound_.storages[input.storage].op;
        if (producer < 0 || unit_[producer] == unit_[o]) continue;
        after[unit_[producer]].push_back(unit_[o]);
        ++waiting[unit_[o]];
      }
    }
    const auto last = [&](int32_t a, int32_t b) { return members_[a][0] > members_[b][0]; };
    std::priority_queue<int32_t, std::vector<int32_t>, decltype(last)> ready(last);
    for (int32_t o = 0; o < num_ops(); ++o) {
      if (unit_[o] == o && waiting[o] == 0) ready.push(o);
    }
    while (!ready.empty()) {
      const int32_t unit = ready.top();
      ready.pop();
      order.push_back(unit);
      for (const int32_t next : after[unit]) {
        if (--waiting[next] == 0) ready.push(next);
      }
    }
    return order;
  }

  // An op alone gains where its inputs are broadcast.
  bool IsWorthProgram(int32_t unit) const {
    if (members_[unit].size() > 1) return true;
    const BoundOp& op = bound_.ops[unit];
    return CanFuse(op) && std::any_of(op.inputs.begin(), op.inputs.end(), [&](const Layout& input) {
             return NumElements(input.dims) != NumElements(op.outputs[0].dims);
           });
  }

  void Rebuild() {
    std::vector<BoundOp> made;
    for (const int32_t unit : Order()) {
      const std::vector<int32_t>& ops = members_[unit];
      made.push_back(IsWorthProgram(unit) ? MakeFused(bound_, ops, InputsOf(ops), OutputsOf(ops))
                                          : std::move(bound_.ops[unit]));
    }
    bound_.ops.clear();
    for (BoundOp& op : made) PushOp(bound_, std::move(op));
  }

  BoundGraph& bound_;
  std::vector<std::vector<int32_t>> readers_;  // by storage
  std::vector<bool> kept_;                     // by storage: fetched, or a state's next
  std::vector<std::vector<int32_t>> later_;    // by op: those that come right after it
  std::vector<int32_t> unit_;                  // by op
  std::vector<std::vector<int32_t>> members_;  // by unit, ascending
  std::vector<int32_t> seen_;                  // by unit: the last search that came by
  int32_t stamp_ = 0;
};

}  // namespace

void FuseElementwise(BoundGraph& bound) { Fuser(bound).Fuse(); }

}  // namespace flowgrad
