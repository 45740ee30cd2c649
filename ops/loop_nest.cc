// Loop nests from text, and those of elementwise ops.

#include <algorithm>
#include <map>

#include "absl/strings/str_split.h"
#include "ops/op.h"

namespace flowgrad {
namespace {

int64_t SizeOf(const Dim& dim) { return dim.known() ? dim.value() : -1; }

// The axes of one nest by key, made as they are first seen. Keys: a letter, or -1 - (distance from
// the last batch dim).
class AxisTable {
 public:
  explicit AxisTable(LoopNest* nest) : nest_(nest) {}

  // Dims of size 1 along a larger axis are broadcast: every cut needs them whole.
  void See(int key, const Dim& dim) {
    const auto [place, is_new] = indices_.emplace(key, static_cast<int8_t>(nest_->axes.size()));
    if (is_new) nest_->axes.push_back({.size = SizeOf(dim)});
    Axis& axis = nest_->axes[place->second];
    if (axis.size == 1) axis.size = SizeOf(dim);
  }
  int8_t Find(int key, const Dim& dim) const {
    const int8_t index = indices_.at(key);
    return SizeOf(dim) == nest_->axes[index].size ? index : -1;
  }

 private:
  LoopNest* nest_;
  std::map<int, int8_t> indices_;
};

// The key of each dim of an operand described by `letters`; 0 for a dim needed whole.
std::vector<int> KeysOf(absl::string_view letters, int rank) {
  std::vector<int> keys;
  if (!letters.empty() && letters[0] == '*') {
    letters.remove_prefix(1);
    const int batch = rank - static_cast<int>(letters.size());
    for (int d = 0; d < batch; ++d) keys.push_back(d - batch);
  }
  for (const char letter : letters) keys.push_back(letter == '.' ? 0 : letter);
  keys.resize(rank, 0);
  return keys;
}

LoopNest NestOf(const std::vector<std::vector<int>>& keys,
                const std::vector<SymbolicShape>& shapes) {
  LoopNest nest;
  AxisTable table(&nest);
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t d = 0; d < keys[i].size(); ++d) {
      if (keys[i][d] != 0) table.See(keys[i][d], shapes[i][d]);
    }
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    std::vector<int8_t> operand;
    for (size_t d = 0; d < keys[i].size(); ++d) {
      operand.push_back(keys[i][d] == 0 ? int8_t{-1} : table.Find(keys[i][d], shapes[i][d]));
    }
    nest.operands.push_back(std::move(operand));
  }
  return nest;
}

std::vector<SymbolicShape> OperandShapes(const ShapeContext& shapes) {
  std::vector<SymbolicShape> operands;
  for (int i = 0; i < shapes.num_inputs(); ++i) {
    operands.push_back(shapes.has_input(i) ? shapes.shape(i) : SymbolicShape());
  }
  for (int i = 0; i < shapes.num_outputs(); ++i) operands.push_back(shapes.output(i).shape);
  return operands;
}

}  // namespace

LoopNest LoopsOf(absl::string_view text, const ShapeContext& context) {
  const std::vector<absl::string_view> sides = absl::StrSplit(text, "->");
  const std::vector<absl::string_view> inputs = absl::StrSplit(sides[0], ',');
  const std::vector<absl::string_view> outputs = absl::StrSplit(sides[1], ',');
  const std::vector<SymbolicShape> shapes = OperandShapes(context);
  std::vector<std::vector<int>> keys;
  for (int i = 0; i < static_cast<int>(shapes.size()); ++i) {
    const bool is_input = i < context.num_inputs();
    const std::vector<absl::string_view>& side = is_input ? inputs : outputs;
    const size_t place = std::min<size_t>(is_input ? i : i - context.num_inputs(), side.size() - 1);
    keys.push_back(KeysOf(side[place], static_cast<int>(shapes[i].size())));
  }
  return NestOf(keys, shapes);
}

LoopNest ElementwiseLoops(const ShapeContext& context) { return LoopsOf("*->*", context); }

}  // namespace flowgrad
