#include "scheduler/cuts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "base/status_macros.h"
#include "scheduler/axis_classes.h"
#include "scheduler/planner_ops.h"

namespace flowgrad {
namespace {

// Of one op, whatever its work: so that tasks stay few enough to be ordered quickly.
constexpr int64_t kMostPieces = 256;
// Work below which an op outside the batch is not cut.
constexpr double kMinNsToCut = 10'000;
// Elements of a contiguous innermost dim are cut at cache lines.
constexpr int64_t kElementsPerLine = 16;
// Axes shorter than this are cut only if there is no longer one.
constexpr int64_t kLongAxis = 8;
// Of products of few rows. All threads wait for all pieces, so these are small, and a power of two
// of them, which most numbers of threads share evenly.
constexpr double kColumnsNs = 25'000;

int64_t RoundUp(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

bool CanCut(const Axis& axis) {
  return axis.kind == Axis::kParallel && axis.grain > 0 && axis.size > axis.grain;
}

// Whether a sum may be cut along this axis: its only output gets a row per part.
bool CanCutSum(const BoundOp& op, const Axis& axis) {
  return axis.kind == Axis::kReduced && axis.grain > 0 && axis.size > axis.grain &&
         op.outputs.size() == 1 && op.outputs[0].storage >= 0;
}

// The axes of output 0, outermost first, then the others.
std::vector<int> AxesOutermostFirst(const BoundOp& op) {
  std::vector<int> axes;
  const auto add = [&](int axis) {
    if (axis >= 0 && std::find(axes.begin(), axes.end(), axis) == axes.end()) axes.push_back(axis);
  };
  if (op.nest.operands.size() > op.inputs.size()) {
    for (const int8_t axis : op.nest.operands[op.inputs.size()]) add(axis);
  }
  for (size_t axis = 0; axis < op.nest.axes.size(); ++axis) add(static_cast<int>(axis));
  return axes;
}

// Whether pieces of this axis are neighbours in memory of output 0, so that only multiples of a
// cache line keep them apart.
bool IsInnermost(const BoundOp& op, int axis) {
  const size_t output = op.inputs.size();
  return op.nest.operands.size() > output && !op.nest.operands[output].empty() &&
         op.nest.operands[output].back() == axis;
}

std::vector<int64_t> EvenBounds(int64_t size, int64_t pieces, int64_t multiple) {
  const int64_t step = RoundUp((size + pieces - 1) / pieces, multiple);
  std::vector<int64_t> bounds;
  for (int64_t begin = 0; begin < size; begin += step) bounds.push_back(begin);
  bounds.push_back(size);
  return bounds;
}

class CutChooser {
 public:
  CutChooser(const BoundGraph& bound, const PlanOptions& options)
      : bound_(bound),
        options_(options),
        classes_(bound),
        axis_(bound.ops.size(), -1),
        follows_(bound.ops.size(), -1),
        by_columns_(bound.ops.size(), false) {}

  std::vector<Cut> Choose() {
    for (int o = 0; o < num_ops(); ++o) {
      axis_[o] = ChooseAxis(o);
      if (axis_[o] < 0) continue;
      const int axis_class = classes_.ClassOf(o, axis_[o]);
      Group& group = groups_[axis_class];
      const Axis& axis = bound_.ops[o].nest.axes[axis_[o]];
      if (axis.kind == Axis::kParallel) {
        group.multiple = std::lcm(group.multiple, UnitsOf(axis.grain, axis, axis_class));
      }
      // Outside the batch products are cut each for itself: in a net of one width all weights share
      // an axis.
      const bool is_product = IsProduct(bound_.ops[o]);
      if (!is_product || classes_.IsBatch(axis_class)) group.cost_ns += bound_.ops[o].cost_ns;
      if (!is_product) continue;
      group.largest_product_ns = std::max(group.largest_product_ns, bound_.ops[o].cost_ns);
      const int64_t rows = RowsOfProduct(bound_.ops[o]);
      group.product_rows = group.product_rows == 0 ? rows : std::min(group.product_rows, rows);
    }
    for (int o = 0; o < num_ops(); ++o) cuts_.push_back(CutOf(o));
    return std::move(cuts_);
  }

 private:
  // All ops that are cut along one class of axes.
  struct Group {
    double cost_ns = 0;
    int64_t multiple = 1;           // in units, of all grains: so that ops can have the same pieces
    double largest_product_ns = 0;  // 0 if there is none
    int64_t product_rows = 0;       // of the product with the fewest
  };

  int num_ops() const { return static_cast<int>(bound_.ops.size()); }

  // The fewest units of a class that are a multiple of so many indices of one of its axes.
  int64_t UnitsOf(int64_t indices, const Axis& axis, int axis_class) const {
    return indices / std::gcd(indices, axis.size / classes_.Units(axis_class));
  }
  static bool IsProduct(const BoundOp& op) {
    return op.op->name() == "MatMul" || op.op->name() == "PackedMatMul";
  }
  static int64_t RowsOfProduct(const BoundOp& op) {
    const Dims& dims = op.outputs[0].dims;
    return NumElements(dims) / std::max<int64_t>(1, dims.empty() ? 1 : dims.back());
  }

  int ChooseAxis(int o) {
    const BoundOp& op = bound_.ops[o];
    const std::vector<int> axes = AxesOutermostFirst(op);
    if (const int axis = FewRowsColumns(op); axis >= 0) {
      by_columns_[o] = true;
      return axis;
    }
    if (const int axis = Followed(o, axes, /*columns_only=*/true); axis >= 0) return axis;
    for (const int axis : axes) {
      if (CanCut(op.nest.axes[axis]) && classes_.IsBatch(classes_.ClassOf(o, axis))) return axis;
    }
    if (const int axis = Followed(o, axes, /*columns_only=*/false); axis >= 0) return axis;
    return ChooseAxisAlone(o, axes);
  }

  // The columns of a product of few rows, else -1.
  static int FewRowsColumns(const BoundOp& op) {
    if (!IsProduct(op) || RowsOfProduct(op) >= kFewRows || op.cost_ns < 2 * kColumnsNs) return -1;
    const int axis = op.nest.operands[op.inputs.size()].back();
    return axis >= 0 && CanCut(op.nest.axes[axis]) ? axis : -1;
  }

  // An axis along which something that the op reads is cut, else -1.
  int Followed(int o, const std::vector<int>& axes, bool columns_only) {
    const BoundOp& op = bound_.ops[o];
    if (IsProduct(op)) return -1;
    for (const Layout& input : op.inputs) {
      const int producer = input.storage < 0 ? -1 : bound_.storages[input.storage].op;
      if (producer < 0 || axis_[producer] < 0) continue;
      if (columns_only && !by_columns_[producer]) continue;
      const int wanted = classes_.ClassOf(producer, axis_[producer]);
      for (const int axis : axes) {
        if (!CanCut(op.nest.axes[axis]) && !CanCutSum(op, op.nest.axes[axis])) continue;
        if (classes_.ClassOf(o, axis) != wanted) continue;
        follows_[o] = producer;
        by_columns_[o] = by_columns_[producer];
        return axis;
      }
    }
    return -1;
  }

  int ChooseAxisAlone(int o, const std::vector<int>& axes) const {
    const BoundOp& op = bound_.ops[o];
    if (op.cost_ns < kMinNsToCut) return -1;
    int best = -1;
    for (const int axis : axes) {
      if (!CanCut(op.nest.axes[axis])) continue;
      if (op.nest.axes[axis].size >= kLongAxis) return axis;
      if (best < 0) best = axis;
    }
    for (const int axis : axes) {
      if (CanCutSum(op, op.nest.axes[axis])) return axis;
    }
    return best;
  }

  // The pieces of what an op reads, where that is cut along the same axis.
  bool Follow(int o, Cut& cut) const {
    if (follows_[o] < 0) return false;
    const Cut& followed = cuts_[follows_[o]];
    if (followed.axis < 0 || followed.parts) return false;
    const Axis& axis = bound_.ops[o].nest.axes[axis_[o]];
    const int64_t size = bound_.ops[follows_[o]].nest.axes[followed.axis].size;
    for (const int64_t bound : followed.bounds) {
      cut.bounds.push_back(bound * axis.size / size);
      if (bound != size && cut.bounds.back() % axis.grain != 0) {
        cut = Cut();
        return false;
      }
    }
    if (axis.kind == Axis::kReduced && !AreSubtrees(cut.bounds, axis.grain)) {
      cut = Cut();
      return false;
    }
    cut.axis = axis_[o];
    cut.parts = axis.kind == Axis::kReduced;
    return true;
  }

  // Whether pieces of a sum are equal, but for the last, and its grain doubled some times.
  static bool AreSubtrees(const std::vector<int64_t>& bounds, int64_t grain) {
    const int64_t part = bounds[1] - bounds[0];
    if (part % grain != 0 || !std::has_single_bit(static_cast<uint64_t>(part / grain))) {
      return false;
    }
    for (size_t i = 1; i + 1 < bounds.size(); ++i) {
      const int64_t size = bounds[i + 1] - bounds[i];
      if (size > part || (size < part && i + 2 < bounds.size())) return false;
    }
    return true;
  }

  Cut CutOf(int o) {
    const BoundOp& op = bound_.ops[o];
    if (axis_[o] < 0) return Cut();
    const Axis& axis = op.nest.axes[axis_[o]];
    const int axis_class = classes_.ClassOf(o, axis_[o]);
    const bool batch = classes_.IsBatch(axis_class);
    const Group& group = groups_[axis_class];
    Cut cut;
    if (Follow(o, cut)) return cut;
    if (follows_[o] >= 0 && axis.kind == Axis::kReduced) {
      follows_[o] = -1;
      axis_[o] = ChooseAxisAlone(o, AxesOutermostFirst(op));
      return CutOf(o);
    }
    double wanted = (IsProduct(op) && !batch ? op.cost_ns : group.cost_ns) /
                    (by_columns_[o] ? kColumnsNs : options_.piece_ns);
    // Many small products side by side need no panels to keep threads busy, and each panel reads
    // the weights anew.
    if (batch && group.largest_product_ns > 0) {
      wanted = std::min(wanted, group.largest_product_ns / options_.task_ns);
    }
    if (!batch && axis.kind != Axis::kReduced) {
      wanted = std::min(wanted, op.cost_ns / (options_.task_ns / 5));
    }
    // Every panel waits for a packed weight, so that all threads should pack.
    if (op.op == &PackOp()) wanted = std::max(wanted, op.cost_ns / (2 * options_.task_ns));
    int64_t pieces = std::clamp<int64_t>(std::llround(wanted), 1, kMostPieces);
    if (by_columns_[o]) pieces = std::bit_floor(static_cast<uint64_t>(pieces));
    if (axis.kind == Axis::kReduced) {
      int64_t part = axis.grain;
      while (part * pieces < axis.size) part *= 2;
      cut.bounds = EvenBounds(axis.size, (axis.size + part - 1) / part, part);
      cut.parts = true;
    } else {
      const int64_t units = classes_.Units(axis_class), scale = axis.size / units;
      int64_t multiple = batch ? UnitsOf(axis.grain, axis, axis_class) : group.multiple;
      const bool innermost = IsInnermost(op, axis_[o]);
      if (group.largest_product_ns > 0 && (batch || !innermost)) {
        const int64_t rows = std::max<int64_t>(1, group.product_rows / units);
        multiple = std::lcm(multiple, (options_.min_rows + rows - 1) / rows);
      } else if (innermost) {
        multiple = std::lcm(multiple, UnitsOf(kElementsPerLine, axis, axis_class));
      }
      pieces = std::min(pieces, std::max<int64_t>(1, units / multiple));
      cut.bounds = EvenBounds(units, pieces, multiple);
      for (int64_t& bound : cut.bounds) bound *= scale;
    }
    if (cut.bounds.size() < 3) return Cut();
    cut.axis = axis_[o];
    cut.batch = batch;
    return cut;
  }

  const BoundGraph& bound_;
  const PlanOptions& options_;
  AxisClasses classes_;
  std::vector<int> axis_;         // by op
  std::vector<int> follows_;      // by op: the op that it reads and whose pieces it has, or -1
  std::vector<bool> by_columns_;  // by op: cut along the columns of a product of few rows
  std::vector<Cut> cuts_;         // by op, of those looked at so far
  std::map<int, Group> groups_;
};

// Any axis, at any bounds.
Cut RandomCut(const BoundOp& op, std::mt19937_64& random) {
  std::vector<int> axes;
  for (int axis = 0; axis < static_cast<int>(op.nest.axes.size()); ++axis) {
    if (CanCut(op.nest.axes[axis]) || CanCutSum(op, op.nest.axes[axis])) axes.push_back(axis);
  }
  Cut cut;
  if (axes.empty() || random() % 4 == 0) return cut;
  cut.axis = axes[random() % axes.size()];
  const Axis& axis = op.nest.axes[cut.axis];
  if (axis.kind == Axis::kReduced) {
    int64_t part = axis.grain;
    while (part * 2 < axis.size && random() % 2 == 0) part *= 2;
    cut.parts = true;
    cut.bounds = EvenBounds(axis.size, (axis.size + part - 1) / part, part);
    return cut;
  }
  const int64_t grains = (axis.size + axis.grain - 1) / axis.grain;
  cut.bounds = {0, axis.size};
  for (int64_t i = static_cast<int64_t>(random() % 6); i > 0; --i) {
    cut.bounds.push_back(std::min<int64_t>(
        axis.size, static_cast<int64_t>(random() % static_cast<uint64_t>(grains)) * axis.grain));
  }
  std::sort(cut.bounds.begin(), cut.bounds.end());
  cut.bounds.erase(std::unique(cut.bounds.begin(), cut.bounds.end()), cut.bounds.end());
  return cut;
}

// Gives cut sums a storage of parts, and an op that joins them.
absl::Status JoinCutSums(BoundGraph& bound, std::vector<Cut>& cuts) {
  std::vector<BoundOp> ops = std::move(bound.ops);
  bound.ops.clear();
  std::vector<Cut> all;
  for (size_t o = 0; o < ops.size(); ++o) {
    BoundOp& op = ops[o];
    if (!cuts[o].parts) {
      PushOp(bound, std::move(op));
      all.push_back(std::move(cuts[o]));
      continue;
    }
    const std::vector<Layout> sum = op.outputs;
    Storage parts;
    parts.dtype = sum[0].dtype;
    parts.dims = sum[0].dims;
    parts.dims.insert(parts.dims.begin(), cuts[o].pieces());
    bound.storages.push_back(std::move(parts));
    op.outputs[0] = WholeOf(bound, static_cast<int32_t>(bound.storages.size() - 1));
    const size_t num_storages = bound.storages.size();
    ASSIGN_OR_RETURN(BoundOp join, MakeOp(bound, JoinPartsOp(), {op.outputs[0]}, op.node, op.name));
    join.outputs = sum;
    bound.storages.resize(num_storages);
    PushOp(bound, std::move(op));
    PushOp(bound, std::move(join));
    all.push_back(std::move(cuts[o]));
    all.emplace_back();
  }
  cuts = std::move(all);
  return absl::OkStatus();
}

}  // namespace

absl::Status ChooseCuts(BoundGraph& bound, const PlanOptions& options, std::mt19937_64* random,
                        std::vector<Cut>& cuts) {
  if (random != nullptr) {
    for (const BoundOp& op : bound.ops) cuts.push_back(RandomCut(op, *random));
  } else {
    double work_ns = 0;
    for (const BoundOp& op : bound.ops) work_ns += op.cost_ns;
    if (work_ns < options.serial_ns) {
      cuts.resize(bound.ops.size());
    } else {
      cuts = CutChooser(bound, options).Choose();
    }
  }
  return JoinCutSums(bound, cuts);
}

Layout CutOperand(const BoundOp& op, const Cut& cut, int number, int piece) {
  const int num_inputs = static_cast<int>(op.inputs.size());
  const bool is_output = number >= num_inputs;
  Layout layout = is_output ? op.outputs[number - num_inputs] : op.inputs[number];
  if (cut.axis < 0 || !layout.present) return layout;
  if (is_output && cut.parts) {
    layout.offset += piece * layout.strides[0];
    layout.dims.erase(layout.dims.begin());
    layout.strides.erase(layout.strides.begin());
    return layout;
  }
  const std::vector<int8_t>& axes = op.nest.operands[number];
  for (size_t d = 0; d < axes.size(); ++d) {
    if (axes[d] != cut.axis) continue;
    layout.offset += cut.bounds[piece] * layout.strides[d];
    // A dim padded to whole grains is longer than its axis: the last piece has the rest.
    const bool last = cut.bounds[piece + 1] == op.nest.axes[cut.axis].size;
    const int64_t end = last ? layout.dims[d] : cut.bounds[piece + 1];
    layout.dims[d] = end - cut.bounds[piece];
  }
  return layout;
}

}  // namespace flowgrad
