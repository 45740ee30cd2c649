#include "tests/conformance/kernel_call.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tests/conformance/row_graph.h"

namespace flowgrad {
namespace {

constexpr auto kPattern = std::byte{0xA5};
constexpr int64_t kGuardBytes = 64;

Tensor PatternBytes(int64_t count) {
  Tensor memory(DType::kBool, {count});
  std::memset(memory.bytes(), static_cast<int>(kPattern), count);
  return memory;
}

// The part of a view that a piece covers. `dims` must live as long as the result.
View PieceOf(const View& whole, const std::vector<int8_t>& axes, const Cut& cut, Dims& dims) {
  View piece = whole;
  if (!whole.present()) return piece;
  dims.assign(whole.dims, whole.dims + whole.rank);
  int64_t offset = 0;
  for (int d = 0; d < whole.rank; ++d) {
    if (d >= static_cast<int>(axes.size()) || axes[d] < 0) continue;
    const auto [begin, end] = cut[axes[d]];
    dims[d] = end - begin;
    offset += begin * whole.strides[d];
  }
  if (piece.data != nullptr)
    piece.data = static_cast<char*>(piece.data) + offset * DTypeSize(whole.dtype);
  if (whole.rank > 0) piece.dims = dims.data();
  return piece;
}

}  // namespace

Layout PlainLayout(int rank) {
  Layout layout{std::vector<int>(rank), std::vector<int64_t>(rank), std::vector<bool>(rank), 0};
  std::iota(layout.order.begin(), layout.order.end(), 0);
  return layout;
}

Layout RandomLayout(int rank, Random& random) {
  Layout layout = PlainLayout(rank);
  if (random.Chance(0.4)) random.Shuffle(layout.order);
  for (int d = 0; d < rank; ++d) {
    if (random.Chance(0.3)) layout.gaps[d] = random.Int(1, 3);
    if (random.Chance(0.2)) layout.backwards[d] = true;
  }
  if (random.Chance(0.5)) layout.shift = random.Int(1, 3);
  return layout;
}

StoredTensor::StoredTensor(DType dtype, const Dims& dims, const Layout& layout)
    : dims_(dims), strides_(dims.size()) {
  const int rank = static_cast<int>(dims.size());
  int64_t extent = 1, first = layout.shift;
  for (int i = rank - 1; i >= 0; --i) {
    const int d = layout.order[i];
    const int64_t size = std::max<int64_t>(dims[d], 1);
    extent += layout.gaps[(i + 1) % rank];
    strides_[d] = layout.backwards[d] ? -extent : extent;
    if (layout.backwards[d]) first += extent * (size - 1);
    extent *= size;
  }
  memory_ = PatternBytes((extent + layout.shift) * DTypeSize(dtype) + 2 * kGuardBytes);
  view_.data = memory_.bytes() + kGuardBytes + first * DTypeSize(dtype);
  view_.dtype = dtype;
  view_.rank = static_cast<int8_t>(rank);
  view_.dims = rank == 0 ? kNoDims : dims_.data();
  view_.strides = rank == 0 ? kNoDims : strides_.data();
}

StoredTensor::StoredTensor(const Tensor& value, const Layout& layout)
    : StoredTensor(value.dtype(), value.dims(), layout) {
  const Tensor packed = value.Contiguous();
  const int64_t size = DTypeSize(value.dtype());
  ForEachElement(dims_, strides_, [&](int64_t i, int64_t offset) {
    std::memcpy(view_.as<char>() + offset * size, packed.bytes() + i * size, size);
  });
}

Tensor StoredTensor::Value() const {
  Tensor value(view_.dtype, dims_);
  const int64_t size = DTypeSize(view_.dtype);
  ForEachElement(dims_, strides_, [&](int64_t i, int64_t offset) {
    std::memcpy(value.bytes() + i * size, view_.as<const char>() + offset * size, size);
  });
  return value;
}

bool StoredTensor::PatternIsIntact() const {
  std::vector<bool> element(memory_.num_bytes());
  const int64_t size = DTypeSize(view_.dtype), first = view_.as<std::byte>() - memory_.bytes();
  ForEachElement(dims_, strides_, [&](int64_t, int64_t offset) {
    for (int64_t b = 0; b < size; ++b) element[first + offset * size + b] = true;
  });
  for (size_t i = 0; i < element.size(); ++i) {
    if (!element[i] && memory_.bytes()[i] != kPattern) return false;
  }
  return true;
}

absl::StatusOr<KernelCall> KernelCall::Make(const Row& row, DType dtype, uint64_t seed) {
  KernelCall made;
  made.row_ = &row;
  made.attributes_ = std::make_shared<Attributes>(row.attributes);
  RETURN_IF_ERROR(row.def->CompleteAttributes(*made.attributes_));
  std::vector<Tensor> inputs = DrawInputs(row, dtype, seed);
  while (!inputs.empty() && !inputs.back().present()) inputs.pop_back();
  ASSIGN_OR_RETURN(OpCall call, OpCall::Make(row.def, made.attributes_.get(), std::move(inputs),
                                             row.num_outputs));
  made.call_ = std::make_shared<OpCall>(std::move(call));
  if (row.def->prepare() != nullptr) {
    ASSIGN_OR_RETURN(made.prepared_, row.def->prepare()(made.shapes()));
  }
  made.nest_ = row.def->Loops(made.shapes());
  made.nest_.operands.resize(made.inputs().size() + row.num_outputs);
  made.kernel_ = row.def->kernel(made.shapes().dtype());
  if (made.kernel_ == nullptr) {
    return absl::UnimplementedError(absl::StrCat("no kernel for dtype ", DTypeName(dtype)));
  }
  ASSIGN_OR_RETURN(made.whole_, made.call_->Run(kStepValues, kStream));
  return made;
}

Cut KernelCall::WholeCut() const {
  Cut cut;
  for (const Axis& axis : nest_.axes) cut.emplace_back(0, axis.size);
  return cut;
}

std::vector<Cut> KernelCall::RandomCuts(Random& random) const {
  std::vector<int> cuttable;
  for (size_t a = 0; a < nest_.axes.size(); ++a) {
    const Axis& axis = nest_.axes[a];
    if (axis.kind == Axis::kParallel && axis.size > axis.grain)
      cuttable.push_back(static_cast<int>(a));
  }
  random.Shuffle(cuttable);
  if (!cuttable.empty()) cuttable.resize(random.Int(1, std::min<int64_t>(3, cuttable.size())));
  std::vector<Cut> cuts = {WholeCut()};
  for (const int a : cuttable) {
    const Axis& axis = nest_.axes[a];
    std::vector<int64_t> borders = {0, axis.size};
    for (int64_t i = random.Int(1, 4); i > 0; --i) {
      borders.push_back(random.Int(1, (axis.size - 1) / axis.grain) * axis.grain);
    }
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::vector<Cut> finer;
    for (Cut cut : cuts) {
      for (size_t i = 0; i + 1 < borders.size(); ++i) {
        cut[a] = {borders[i], borders[i + 1]};
        finer.push_back(cut);
      }
    }
    cuts = std::move(finer);
  }
  random.Shuffle(cuts);
  return cuts;
}

std::vector<std::pair<int, int>> KernelCall::InPlacePairs() const {
  const OpDef& op = *row_->def;
  std::vector<std::pair<int, int>> pairs;
  for (int output = 0; output < num_outputs(); ++output) {
    for (int input = 0; input < static_cast<int>(inputs().size()); ++input) {
      const Tensor& tensor = inputs()[input];
      if (!tensor.present() || tensor.type() != whole_[output].type()) continue;
      if (AxesOf(input) != AxesOf(static_cast<int>(inputs().size()) + output)) continue;
      const bool declared = std::find(op.in_place().begin(), op.in_place().end(),
                                      std::make_pair(output, input)) != op.in_place().end();
      if (declared || op.body() == OpDef::Body::kElementwise) pairs.emplace_back(output, input);
    }
  }
  return pairs;
}

absl::Status KernelCall::Run(const std::vector<View>& inputs, const std::vector<View>& outputs,
                             const Cut& cut) const {
  std::vector<Dims> dims(inputs.size() + outputs.size());
  std::vector<View> input_pieces, output_pieces;
  for (size_t i = 0; i < inputs.size(); ++i) {
    View input = inputs[i];
    if (row_->def->reads_shape_only(static_cast<int>(i))) input.data = nullptr;
    input_pieces.push_back(PieceOf(input, AxesOf(static_cast<int>(i)), cut, dims[i]));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const size_t operand = inputs.size() + i;
    output_pieces.push_back(
        PieceOf(outputs[i], AxesOf(static_cast<int>(operand)), cut, dims[operand]));
  }
  Dims origin;
  for (const auto& [begin, end] : cut) origin.push_back(begin);
  Tensor scratch = PatternBytes(prepared_.scratch_bytes + kGuardBytes);
  KernelContext context;
  context.inputs = input_pieces;
  context.outputs = output_pieces;
  context.origin = origin;
  context.prepared_data = prepared_.data.get();
  context.values = &kStepValues;
  context.stream = kStream;
  context.scratch = scratch.bytes();
  RETURN_IF_ERROR(kernel_(context));
  for (int64_t b = 0; b < kGuardBytes; ++b) {
    if (scratch.bytes()[prepared_.scratch_bytes + b] != kPattern) {
      return absl::InternalError("kernel wrote past its scratch memory");
    }
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
