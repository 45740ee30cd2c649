// Steps and what must run before each.

#include <algorithm>
#include <utility>

#include "scheduler/draft.h"

namespace flowgrad {

void BitSet::AddAll(const BitSet& other) {
  words_.resize(std::max(words_.size(), other.words_.size()));
  for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
}

void BitSet::KeepOnly(const BitSet& other) {
  words_.resize(std::min(words_.size(), other.words_.size()));
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
}

bool BitSet::Contains(const BitSet& other) const {
  for (size_t i = 0; i < other.words_.size(); ++i) {
    const uint64_t mine = i < words_.size() ? words_[i] : 0;
    if ((other.words_[i] & ~mine) != 0) return false;
  }
  return true;
}

bool Box::Overlaps(const Box& other) const {
  for (size_t d = 0; d < begin.size(); ++d) {
    if (begin[d] >= other.end[d] || other.begin[d] >= end[d]) return false;
  }
  return true;
}

// A dim of the layout whose stride is a multiple of one of the storage's strides, and that does not
// run over the end of that dim of the storage, moves along that dim alone. With others, all between
// the first and the last element of the outermost dim may be touched.
Box BoxOf(const Layout& layout, const Dims& storage_dims) {
  const int rank = static_cast<int>(storage_dims.size());
  const Dims unit = ContiguousStrides(storage_dims);
  Box box;
  box.begin.resize(rank);
  box.end = storage_dims;
  if (NumElements(layout.dims) == 0) {
    box.end = box.begin;
    return box;
  }
  int64_t first = layout.offset, last = layout.offset;
  for (size_t d = 0; d < layout.dims.size(); ++d) {
    const int64_t reach = (layout.dims[d] - 1) * layout.strides[d];
    first += std::min<int64_t>(0, reach);
    last += std::max<int64_t>(0, reach);
  }
  const auto outermost = [&, first] {
    box.begin[0] = first / unit[0];
    box.end[0] = last / unit[0] + 1;
    return box;
  };
  Dims low(rank), high(rank);
  for (int j = 0; j < rank; ++j) {
    low[j] = high[j] = first / unit[j];
    first %= unit[j];
  }
  for (size_t d = 0; d < layout.dims.size(); ++d) {
    const int64_t stride = std::abs(layout.strides[d]);
    if (layout.dims[d] == 1 || stride == 0) continue;
    int j = rank - 1;
    while (j > 0 && (stride % unit[j] != 0 || stride / unit[j] >= storage_dims[j])) --j;
    const int64_t reach = high[j] + (stride + unit[j] - 1) / unit[j] * (layout.dims[d] - 1);
    if (stride % unit[j] != 0 || reach >= storage_dims[j]) return outermost();
    high[j] = reach;
  }
  for (int j = 0; j < rank; ++j) {
    box.begin[j] = low[j];
    box.end[j] = high[j] + 1;
  }
  return box;
}

namespace {

// A step's access to a storage.
struct Access {
  int32_t step;
  Box box;
};

class StepMaker {
 public:
  explicit StepMaker(Draft& draft)
      : draft_(draft),
        bound_(draft.bound),
        writes_(bound_.storages.size()),
        state_reads_(bound_.storages.size()) {}

  void Make() {
    AddSteps();
    for (int32_t o = 0; o < num_ops(); ++o) {
      for (int32_t step = draft_.first_step[o]; step < draft_.first_step[o + 1]; ++step) {
        OrderAfterWrites(o, step);
      }
    }
    if (draft_.gate >= 0) OrderStateWrites();
    for (DraftStep& step : draft_.steps) {
      std::sort(step.before.begin(), step.before.end());
      step.before.erase(std::unique(step.before.begin(), step.before.end()), step.before.end());
    }
  }

 private:
  int32_t num_ops() const { return static_cast<int32_t>(bound_.ops.size()); }

  void AddSteps() {
    for (int32_t o = 0; o < num_ops(); ++o) {
      const BoundOp& op = bound_.ops[o];
      const Cut& cut = draft_.cuts[o];
      draft_.first_step.push_back(static_cast<int32_t>(draft_.steps.size()));
      const int64_t size = cut.axis < 0 ? 1 : op.nest.axes[cut.axis].size;
      for (int piece = 0; piece < cut.pieces(); ++piece) {
        DraftStep step;
        step.op = o;
        step.piece = piece;
        const int64_t share = cut.axis < 0 ? 1 : cut.bounds[piece + 1] - cut.bounds[piece];
        step.cost_ns = op.cost_ns * static_cast<double>(share) / static_cast<double>(size);
        const auto index = static_cast<int32_t>(draft_.steps.size());
        for (size_t i = 0; i < op.outputs.size(); ++i) {
          const Layout output = CutOperand(op, cut, static_cast<int>(op.inputs.size() + i), piece);
          if (output.storage < 0) continue;
          writes_[output.storage].push_back(
              {index, BoxOf(output, bound_.storages[output.storage].dims)});
          if (draft_.homes[output.storage].space == Space::kState) step.writes_state = true;
        }
        if (step.writes_state) draft_.gate = 0;
        draft_.steps.push_back(std::move(step));
      }
    }
    draft_.first_step.push_back(static_cast<int32_t>(draft_.steps.size()));
    if (draft_.gate < 0) return;
    draft_.gate = static_cast<int32_t>(draft_.steps.size());
    draft_.steps.emplace_back();
  }

  void OrderAfterWrites(int32_t o, int32_t index) {
    const BoundOp& op = bound_.ops[o];
    DraftStep& step = draft_.steps[index];
    for (int i = 0; i < static_cast<int>(op.inputs.size()); ++i) {
      const Layout input = CutOperand(op, draft_.cuts[o], i, step.piece);
      if (input.storage < 0) continue;
      const Storage& storage = bound_.storages[input.storage];
      const Box box = BoxOf(input, storage.dims);
      if (storage.source == Storage::Source::kState) {
        state_reads_[storage.slot].push_back({index, box});
      }
      for (const Access& write : writes_[input.storage]) {
        if (write.box.Overlaps(box)) step.before.push_back(write.step);
      }
    }
  }

  // States are written after the gate, which is after all that can fail, and after all other
  // readers of what is overwritten.
  void OrderStateWrites() {
    for (int32_t o = 0; o < num_ops(); ++o) {
      if (!draft_.options->guard_states && !bound_.ops[o].op->can_fail()) continue;
      for (int32_t step = draft_.first_step[o]; step < draft_.first_step[o + 1]; ++step) {
        if (draft_.steps[step].writes_state) continue;
        draft_.steps[draft_.gate].before.push_back(step);
      }
    }
    for (size_t s = 0; s < bound_.storages.size(); ++s) {
      if (draft_.homes[s].space != Space::kState || bound_.storages[s].op < 0) continue;
      for (const Access& write : writes_[s]) {
        DraftStep& writer = draft_.steps[write.step];
        writer.before.push_back(draft_.gate);
        for (const Access& read : state_reads_[draft_.homes[s].slot]) {
          if (read.step != write.step && read.box.Overlaps(write.box)) {
            writer.before.push_back(read.step);
          }
        }
      }
    }
  }

  Draft& draft_;
  const BoundGraph& bound_;
  std::vector<std::vector<Access>> writes_;       // by storage
  std::vector<std::vector<Access>> state_reads_;  // by state
};

}  // namespace

void MakeSteps(Draft& draft) { StepMaker(draft).Make(); }

}  // namespace flowgrad
