#include "scheduler/memory_layout.h"

#include <algorithm>
#include <limits>

#include "scheduler/plan.h"

namespace flowgrad {
namespace {

// Larger pieces stay in the arena: every worker has scratch memory of its own.
constexpr int64_t kMostLocalBytes = 512 << 10;
// Above this many values they are placed as they come rather than largest first.
constexpr size_t kMostSorted = 2000;
// Above this many values in several tasks, none share bytes.
constexpr size_t kMostShared = 20000;

struct Range {
  int64_t begin, end;
};

// The lowest place for `bytes` beside `taken`, which is sorted here.
int64_t LowestGap(std::vector<Range>& taken, int64_t bytes) {
  std::sort(taken.begin(), taken.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  int64_t place = 0;
  for (const Range& range : taken) {
    if (place + bytes <= range.begin) break;
    place = std::max(place, range.end);
  }
  return place;
}

// One operand's look at a storage.
struct Access {
  int32_t step;
  int number;
  Layout layout;
};

class MemoryPlanner {
 public:
  explicit MemoryPlanner(const Draft& draft)
      : draft_(draft),
        guard_bytes_(GuardBytes(*draft.options)),
        accesses_(draft.bound.storages.size()),
        position_(draft.steps.size()) {
    for (const DraftTask& task : draft.tasks) {
      for (size_t i = 0; i < task.steps.size(); ++i) {
        position_[task.steps[i]] = static_cast<int32_t>(i);
      }
    }
    for (int32_t s = 0; s < static_cast<int32_t>(draft.steps.size()); ++s) {
      const DraftStep& step = draft.steps[s];
      if (step.op < 0) continue;
      const BoundOp& op = draft.bound.ops[step.op];
      const int operands = static_cast<int>(op.inputs.size() + op.outputs.size());
      for (int i = 0; i < operands; ++i) {
        Layout layout = CutOperand(op, draft.cuts[step.op], i, step.piece);
        if (layout.storage < 0) continue;
        const int32_t root = RootOf(draft.homes, layout.storage);
        if (draft.homes[root].space == Space::kArena) {
          accesses_[root].push_back({s, i, std::move(layout)});
        }
      }
    }
  }

  MemoryLayout LayOut() {
    result_.arena_offset.assign(accesses_.size(), -1);
    if (draft_.options->local && draft_.tasks.size() > 1) FindLocalValues();
    PlaceLocalValues();
    PlaceArena();
    return std::move(result_);
  }

 private:
  // A piece of a storage that lives within one task.
  struct LocalValue {
    int64_t bytes;
    int32_t first, last;  // positions in the task
    std::vector<std::pair<int32_t, int>> operands;
  };

  // A storage is local if its accesses fall into pieces that do not overlap, each touched by one
  // task, and always in the same way.
  void FindLocalValues() {
    local_.resize(draft_.tasks.size());
    for (size_t root = 0; root < accesses_.size(); ++root) {
      const std::vector<Access>& accesses = accesses_[root];
      if (accesses.empty()) continue;
      const Dims& dims = draft_.bound.storages[root].dims;
      struct Piece {
        Box box;
        int32_t task;
        LocalValue value;
      };
      std::vector<Piece> pieces;
      bool is_local = true;
      for (const Access& access : accesses) {
        if (!LiesAsStored(access.layout, dims)) is_local = false;
        const int64_t bytes = NumElements(access.layout.dims) * DTypeSize(access.layout.dtype);
        if (bytes > kMostLocalBytes) is_local = false;
        if (!is_local) break;
        const Box box = BoxOf(access.layout, dims);
        const int32_t task = draft_.task_of[access.step], place = position_[access.step];
        auto piece = std::find_if(pieces.rbegin(), pieces.rend(),
                                  [&](const Piece& p) { return p.box.Overlaps(box); });
        if (piece == pieces.rend()) {
          pieces.push_back({box, task, {bytes, place, place, {}}});
          piece = pieces.rbegin();
        }
        if (piece->box != box || piece->task != task) {
          is_local = false;
          break;
        }
        LocalValue& value = piece->value;
        value.first = std::min(value.first, place);
        value.last = std::max(value.last, place);
        value.operands.emplace_back(access.step, access.number);
      }
      if (!is_local) continue;
      for (Piece& piece : pieces) local_[piece.task].push_back(std::move(piece.value));
      accesses_[root].clear();
    }
  }

  static bool LiesAsStored(const Layout& layout, const Dims& dims) {
    if (layout.dims.size() != dims.size() || NumElements(layout.dims) == 0) return false;
    const Dims strides = ContiguousStrides(dims);
    for (size_t d = 0; d < dims.size(); ++d) {
      if (layout.dims[d] > 1 && layout.strides[d] != strides[d]) return false;
    }
    return true;
  }

  void PlaceLocalValues() {
    for (std::vector<LocalValue>& values : local_) {
      std::sort(values.begin(), values.end(),
                [](const LocalValue& a, const LocalValue& b) { return a.first < b.first; });
      std::vector<std::pair<int32_t, Range>> alive;  // last position, place
      for (const LocalValue& value : values) {
        alive.erase(std::remove_if(alive.begin(), alive.end(),
                                   [&](const auto& a) { return a.first < value.first; }),
                    alive.end());
        std::vector<Range> taken;
        for (const auto& a : alive) taken.push_back(a.second);
        const int64_t bytes = RoundUpToAlignment(value.bytes) + guard_bytes_;
        const int64_t offset = LowestGap(taken, bytes);
        alive.push_back({value.last, {offset, offset + bytes}});
        result_.local_bytes = std::max(result_.local_bytes, offset + bytes);
        for (const auto& operand : value.operands) result_.local_offset[operand] = offset;
      }
    }
  }

  // Who touches a value of the arena, by task.
  struct Buffer {
    struct Touch {
      int32_t task, first, last;  // positions in the task
    };
    int32_t storage;
    int64_t bytes;
    std::vector<Touch> touches;
    BitSet after;  // tasks that come before every task that touches it
    int64_t offset = 0;
  };

  Buffer BufferOf(int32_t root) const {
    Buffer buffer;
    buffer.storage = root;
    buffer.bytes = RoundUpToAlignment(draft_.bound.storages[root].num_bytes()) + guard_bytes_;
    for (const Access& access : accesses_[root]) {
      const int32_t task = draft_.task_of[access.step], place = position_[access.step];
      auto touch = std::find_if(buffer.touches.rbegin(), buffer.touches.rend(),
                                [&](const Buffer::Touch& t) { return t.task == task; });
      if (touch == buffer.touches.rend()) {
        buffer.touches.push_back({task, place, place});
        if (buffer.touches.size() == 1) {
          buffer.after = draft_.tasks[task].ancestors;
        } else {
          buffer.after.KeepOnly(draft_.tasks[task].ancestors);
        }
        continue;
      }
      touch->first = std::min(touch->first, place);
      touch->last = std::max(touch->last, place);
    }
    return buffer;
  }

  // Whether every touch of `a` comes before every touch of `b`.
  bool IsBefore(const Buffer& a, const Buffer& b) const {
    for (const Buffer::Touch& x : a.touches) {
      if (b.after.Has(x.task)) continue;
      for (const Buffer::Touch& y : b.touches) {
        const bool before =
            x.task == y.task ? x.last < y.first : draft_.tasks[y.task].ancestors.Has(x.task);
        if (!before) return false;
      }
    }
    return true;
  }

  void PlaceArena() {
    std::vector<Buffer> buffers;
    for (size_t root = 0; root < accesses_.size(); ++root) {
      if (!accesses_[root].empty()) buffers.push_back(BufferOf(static_cast<int32_t>(root)));
    }
    const bool one_task = draft_.tasks.size() == 1;
    const bool shares = draft_.options->reuse && (one_task || buffers.size() <= kMostShared);
    const bool in_order = one_task && buffers.size() > kMostSorted;
    std::stable_sort(buffers.begin(), buffers.end(), [&](const Buffer& a, const Buffer& b) {
      return in_order ? a.touches[0].first < b.touches[0].first : a.bytes > b.bytes;
    });
    std::vector<const Buffer*> placed;
    for (Buffer& buffer : buffers) {
      std::vector<Range> taken;
      if (!shares) taken.push_back({0, result_.arena_bytes});
      if (in_order) {
        placed.erase(std::remove_if(placed.begin(), placed.end(),
                                    [&](const Buffer* b) { return IsBefore(*b, buffer); }),
                     placed.end());
      }
      for (const Buffer* other : placed) {
        if (!shares || IsBefore(*other, buffer) || IsBefore(buffer, *other)) continue;
        taken.push_back({other->offset, other->offset + other->bytes});
      }
      buffer.offset = LowestGap(taken, buffer.bytes);
      placed.push_back(&buffer);
      result_.arena_offset[buffer.storage] = buffer.offset;
      result_.arena_bytes = std::max(result_.arena_bytes, buffer.offset + buffer.bytes);
    }
  }

  const Draft& draft_;
  const int64_t guard_bytes_;
  std::vector<std::vector<Access>> accesses_;   // by storage: of those in the arena
  std::vector<int32_t> position_;               // of each step in its task
  std::vector<std::vector<LocalValue>> local_;  // by task
  MemoryLayout result_;
};

}  // namespace

MemoryLayout LayOutMemory(const Draft& draft) { return MemoryPlanner(draft).LayOut(); }

}  // namespace flowgrad
