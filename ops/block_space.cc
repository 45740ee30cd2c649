#include "ops/block_space.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "ops/stream.h"

namespace flowgrad {
namespace {

// Below this, blocks run over several rows: calling a block function for ten elements costs more
// than gathering them.
constexpr int64_t kLongRun = 128;
// And below this, calling one after the other for rows whose places are known.
constexpr int64_t kLeastRow = 32;

// Of one elementwise op.
constexpr int kMostPorts = 16;

// Copies n elements of `size` bytes between addresses with strides in elements.
template <class Word>
void CopyWords(Word* to, int64_t to_stride, const Word* from, int64_t from_stride, int64_t n) {
  if (to_stride == 1 && from_stride == 0) {
    std::fill_n(to, n, *from);
    return;
  }
  for (int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
}

void CopyRun(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
             int64_t size) {
  if (to_stride == 1 && from_stride == 1) {
    std::memcpy(to, from, n * size);
  } else if (size == 4) {
    CopyWords(reinterpret_cast<uint32_t*>(to), to_stride, reinterpret_cast<const uint32_t*>(from),
              from_stride, n);
  } else if (size == 8) {
    CopyWords(reinterpret_cast<uint64_t*>(to), to_stride, reinterpret_cast<const uint64_t*>(from),
              from_stride, n);
  } else {
    CopyWords(to, to_stride, from, from_stride, n);
  }
}

}  // namespace

BlockSpace::BlockSpace(absl::Span<const int64_t> dims, bool shared)
    : dims_(dims.begin(), dims.end()), num_elements_(NumElements(dims)), shared_(shared) {}

int BlockSpace::Add(const View& view) {
  assert(num_operands_ < kMaxOperands);
  Operand& operand = operands_[num_operands_];
  operand.data = static_cast<char*>(view.data);
  operand.size = DTypeSize(view.dtype);
  operand.strides.assign(dims_.size(), 0);
  const size_t shift = dims_.size() - view.rank;
  for (int d = 0; d < view.rank; ++d) {
    if (view.dims[d] != 1) operand.strides[d + shift] = view.strides[d];
  }
  return num_operands_++;
}

void BlockSpace::Merge() {
  MergeDims();
  for (int i = 0; i < num_operands_; ++i) {
    operands_[i].contiguous = true;
    int64_t stride = 1;
    for (int d = static_cast<int>(dims_.size()) - 1; d >= 0; --d) {
      if (operands_[i].strides[d] != stride) operands_[i].contiguous = false;
      stride *= dims_[d];
    }
  }
}

void BlockSpace::MergeDims() {
  int kept = 0;
  for (int d = 0; d < static_cast<int>(dims_.size()); ++d) {
    if (dims_[d] == 1) continue;
    bool merges = kept > 0;
    for (int i = 0; merges && i < num_operands_; ++i) {
      const Dims& strides = operands_[i].strides;
      merges = strides[kept - 1] == strides[d] * dims_[d];
    }
    if (merges) --kept;
    dims_[kept] = merges ? dims_[kept] * dims_[d] : dims_[d];
    for (int i = 0; i < num_operands_; ++i) operands_[i].strides[kept] = operands_[i].strides[d];
    ++kept;
  }
  if (kept == 0) {  // one element
    dims_.assign(1, 1);
    for (int i = 0; i < num_operands_; ++i) operands_[i].strides.assign(1, 1);
    return;
  }
  dims_.resize(kept);
  for (int i = 0; i < num_operands_; ++i) operands_[i].strides.resize(kept);
}

int64_t BlockSpace::BlockAt(int64_t begin, int64_t most) const {
  const int64_t run = dims_.back();
  const int64_t end = run >= kLongRun ? begin / run * run + run : num_elements_;
  return std::min(most, end - begin);
}

// Calls f(address, count) for each stretch of [begin, begin+n) within a run of the innermost dim.
template <class F>
void BlockSpace::ForEachRun(const Operand& operand, int64_t begin, int64_t n, F f) const {
  const int last = static_cast<int>(dims_.size()) - 1;
  Dims index(dims_.size());
  int64_t rest = begin;
  int64_t offset = 0;
  for (int d = last; d >= 0; --d) {
    index[d] = rest % dims_[d];
    rest /= dims_[d];
    offset += index[d] * operand.strides[d];
  }
  while (n > 0) {
    const int64_t count = std::min(n, dims_[last] - index[last]);
    f(operand.data + offset * operand.size, count);
    n -= count;
    offset += count * operand.strides[last];
    index[last] += count;
    for (int d = last; d > 0 && index[d] == dims_[d]; --d) {
      index[d] = 0;
      ++index[d - 1];
      offset += operand.strides[d - 1] - dims_[d] * operand.strides[d];
    }
  }
}

// Called for every operand of every block, which may be a short row: so with as few divisions as
// there are dims to tell apart.
char* BlockSpace::Direct(const Operand& operand, int64_t begin, int64_t n) const {
  if (operand.contiguous) return operand.data + begin * operand.size;
  const int last = static_cast<int>(dims_.size()) - 1;
  if (operand.strides[last] != 1) return nullptr;
  int64_t rest = last == 0 ? 0 : begin / dims_[last];
  int64_t offset = begin - rest * dims_[last];
  if (offset + n > dims_[last]) return nullptr;
  for (int d = last - 1; d > 0; --d) {
    const int64_t above = rest / dims_[d];
    offset += (rest - above * dims_[d]) * operand.strides[d];
    rest = above;
  }
  if (last > 0) offset += rest * operand.strides[0];
  return operand.data + offset * operand.size;
}

int64_t BlockSpace::RowLength() const {
  if (dims_.size() != 2) return 0;
  for (int i = 0; i < num_operands_; ++i) {
    const Dims& strides = operands_[i].strides;
    if (!operands_[i].contiguous && (strides[0] != 0 || strides[1] > 1)) return 0;
  }
  return dims_[1];
}

int64_t BlockSpace::RowInPlace() const {
  if (dims_.size() != 2 || dims_[1] < kLeastRow || shared_) return 0;
  for (int i = 0; i < num_operands_; ++i) {
    if (operands_[i].data == nullptr || (operands_[i].strides[1] != 1 && !IsUniform(i))) return 0;
  }
  return dims_[1];
}

bool BlockSpace::IsUniform(int operand) const {
  const Dims& strides = operands_[operand].strides;
  return std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride == 0; });
}

const void* BlockSpace::Load(int operand, int64_t begin, int64_t n, void* buffer) const {
  const Operand& from = operands_[operand];
  if (const void* direct = Direct(from, begin, n)) return direct;
  char* to = static_cast<char*>(buffer);
  ForEachRun(from, begin, n, [&](const char* start, int64_t count) {
    CopyRun(to, 1, start, from.strides.back(), count, from.size);
    to += count * from.size;
  });
  return buffer;
}

void* BlockSpace::Target(int operand, int64_t begin, int64_t n, void* buffer) const {
  void* direct = shared_ ? nullptr : Direct(operands_[operand], begin, n);
  return direct != nullptr ? direct : buffer;
}

void BlockSpace::Store(int operand, int64_t begin, int64_t n, const void* buffer) const {
  const Operand& to = operands_[operand];
  const char* from = static_cast<const char*>(buffer);
  ForEachRun(to, begin, n, [&](char* start, int64_t count) {
    if (shared_ && to.strides.back() == 1) {
      StreamCopy(from, count * to.size, start);
    } else {
      CopyRun(start, to.strides.back(), from, 1, count, to.size);
    }
    from += count * to.size;
  });
}

void CopyElements(const View& from, const View& to) {
  BlockSpace space(to.shape());
  const int source = space.Add(from), target = space.Add(to);
  space.Merge();
  alignas(64) char buffer[kBlockElements * 8];
  for (int64_t begin = 0, n; begin < space.num_elements(); begin += n) {
    n = space.BlockAt(begin);
    space.Store(target, begin, n, space.Load(source, begin, n, buffer));
  }
}

void FillWithZeros(const View& to) {
  BlockSpace space(to.shape());
  const int target = space.Add(to);
  space.Merge();
  alignas(64) static constexpr char kZeros[kBlockElements * 8] = {};
  for (int64_t begin = 0, n; begin < space.num_elements(); begin += n) {
    n = space.BlockAt(begin);
    space.Store(target, begin, n, kZeros);
  }
}

void RunElementwise(const KernelContext& context, BlockFunction block) {
  const int num_inputs = static_cast<int>(context.inputs.size());
  const int num_operands = num_inputs + static_cast<int>(context.outputs.size());
  assert(num_operands <= kMostPorts);
  BlockSpace space(context.outputs[0].shape(), context.shared);
  for (const View& input : context.inputs) space.Add(input);
  for (const View& output : context.outputs) space.Add(output);
  space.Merge();

  // Outputs left out (no data) are computed into a buffer and dropped.
  alignas(64) char buffers[kMostPorts][kBlockElements * 8];
  void* pointers[kMostPorts];  // inputs, then outputs
  const int64_t longest = std::min(kBlockElements, space.num_elements());
  bool is_loaded[kMostPorts] = {};
  const auto load = [&](int i, int64_t begin, int64_t n) {
    pointers[i] = const_cast<void*>(space.Load(i, begin, n, buffers[i]));
  };
  for (int i = 0; i < num_inputs; ++i) {
    is_loaded[i] = longest > 0 && space.IsUniform(i);
    if (is_loaded[i]) load(i, 0, longest);
  }
  if (const int64_t row = space.RowInPlace(); row > 0 && row <= kBlockElements) {
    int64_t row_bytes[kMostPorts];
    for (int i = 0; i < num_operands; ++i) {
      if (!is_loaded[i]) load(i, 0, row);
      row_bytes[i] = space.RowBytes(i);
    }
    for (int64_t begin = 0; begin < space.num_elements(); begin += row) {
      block.run(pointers, pointers + num_inputs, row, context.prepared_data);
      for (int i = 0; i < num_operands; ++i) {
        pointers[i] = static_cast<char*>(pointers[i]) + row_bytes[i];
      }
    }
    return;
  }
  for (int64_t begin = 0, n; begin < space.num_elements(); begin += n) {
    n = space.BlockAt(begin);
    for (int i = 0; i < num_inputs; ++i) {
      if (!is_loaded[i]) load(i, begin, n);
    }
    for (int i = num_inputs; i < num_operands; ++i) {
      pointers[i] = space.Target(i, begin, n, buffers[i]);
    }
    block.run(pointers, pointers + num_inputs, n, context.prepared_data);
    for (int i = num_inputs; i < num_operands; ++i) {
      const bool left_out = !context.outputs[i - num_inputs].present();
      if (pointers[i] == buffers[i] && !left_out) space.Store(i, begin, n, buffers[i]);
    }
  }
  if (context.shared) EndStream();
}

}  // namespace flowgrad
