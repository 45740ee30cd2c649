#include "scheduler/merge_ops.h"

#include <numeric>
#include <string>
#include <tuple>
#include <utility>

namespace flowgrad {
namespace {

// Larger constants are not compared.
constexpr int64_t kMostBytesCompared = 4096;

class Merger {
 public:
  explicit Merger(BoundGraph& bound) : bound_(bound), kept_(bound.storages.size()) {
    std::iota(kept_.begin(), kept_.end(), 0);
  }

  void Merge() {
    MergeConstants();
    std::vector<BoundOp> ops = std::move(bound_.ops);
    bound_.ops.clear();
    for (BoundOp& op : ops) {
      for (Layout& input : op.inputs) Redirect(input);
      if (!IsRepeated(op)) PushOp(bound_, std::move(op));
    }
    for (Layout& fetched : bound_.fetched) Redirect(fetched);
    for (BoundGraph::NextState& update : bound_.updates) Redirect(update.next);
  }

 private:
  void Redirect(Layout& layout) const {
    if (layout.storage >= 0) layout.storage = kept_[layout.storage];
  }

  void MergeConstants() {
    std::map<std::tuple<DType, Dims, std::string>, int32_t> constants;
    for (size_t s = 0; s < bound_.storages.size(); ++s) {
      const Storage& storage = bound_.storages[s];
      if (storage.source != Storage::Source::kConstant) continue;
      if (storage.num_bytes() > kMostBytesCompared) continue;
      const auto* const data = reinterpret_cast<const char*>(storage.constant.bytes());
      const auto bytes = static_cast<size_t>(storage.num_bytes());
      const auto index = static_cast<int32_t>(s);
      kept_[s] =
          constants
              .emplace(std::tuple(storage.dtype, storage.dims, std::string(data, bytes)), index)
              .first->second;
    }
  }

  // All but the attributes of what an op does.
  static std::vector<int64_t> KeyOf(const BoundOp& op) {
    std::vector<int64_t> key = {static_cast<int64_t>(reinterpret_cast<intptr_t>(op.op))};
    for (const Layout& input : op.inputs) {
      const std::initializer_list<int64_t> numbers = {input.present, input.storage, input.offset,
                                                      static_cast<int64_t>(input.dtype),
                                                      static_cast<int64_t>(input.dims.size())};
      key.insert(key.end(), numbers);
      key.insert(key.end(), input.dims.begin(), input.dims.end());
      key.insert(key.end(), input.strides.begin(), input.strides.end());
    }
    for (const Layout& output : op.outputs) key.push_back(output.storage >= 0);
    return key;
  }

  // Whether an op before this one gives its outputs; they are read there from now on.
  bool IsRepeated(const BoundOp& op) {
    if (op.op->random() || op.op->can_fail()) return false;
    std::vector<int32_t>& alike = alike_[KeyOf(op)];
    for (const int32_t other : alike) {
      const BoundOp& first = bound_.ops[other];
      if (!SameAttributes(first.shapes.context().attributes(), op.shapes.context().attributes())) {
        continue;
      }
      for (size_t i = 0; i < op.outputs.size(); ++i) {
        if (op.outputs[i].storage >= 0) kept_[op.outputs[i].storage] = first.outputs[i].storage;
      }
      return true;
    }
    alike.push_back(static_cast<int32_t>(bound_.ops.size()));
    return false;
  }

  BoundGraph& bound_;
  std::vector<int32_t> kept_;  // by storage: the one in its place
  std::map<std::vector<int64_t>, std::vector<int32_t>> alike_;
};

}  // namespace

void MergeEqualOps(BoundGraph& bound) { Merger(bound).Merge(); }

}  // namespace flowgrad
