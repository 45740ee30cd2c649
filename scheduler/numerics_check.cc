#include "scheduler/numerics_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "ops/odometer.h"
#include "scheduler/feeds.h"

namespace flowgrad {
namespace {

struct Scan {
  int64_t nans = 0, infinities = 0, finite = 0;
  double least = 0, most = 0;  // of the finite ones
  int64_t first = -1;          // that is not finite, counted row by row

  bool all_finite() const { return nans == 0 && infinities == 0; }
};

template <class T>
Scan ScanElements(const View& view) {
  Scan scan;
  Odometer<1> places;
  for (int d = 0; d < view.rank; ++d) places.AddDim(view.dims[d], {view.strides[d]});
  if (places.empty()) return scan;
  int64_t place = 0;
  do {
    const double value = view.as<const T>()[places.offset(0)];
    if (std::isfinite(value)) {
      scan.least = scan.finite == 0 ? value : std::min(scan.least, value);
      scan.most = scan.finite == 0 ? value : std::max(scan.most, value);
      ++scan.finite;
    } else {
      if (scan.first < 0) scan.first = place;
      ++(std::isnan(value) ? scan.nans : scan.infinities);
    }
    ++place;
  } while (places.Next());
  return scan;
}

// Nothing was found in what holds no floats.
Scan ScanOf(const View& view) {
  if (!view.present() || view.data == nullptr) return {};
  if (view.dtype == DType::kFloat) return ScanElements<float>(view);
  if (view.dtype == DType::kDouble) return ScanElements<double>(view);
  return {};
}

// `3 NaN`, `1 infinity`, `3 NaN and 2 infinities`.
std::string CountText(const Scan& scan) {
  std::vector<std::string> counts;
  if (scan.nans > 0) counts.push_back(absl::StrCat(scan.nans, " NaN"));
  if (scan.infinities > 0) {
    counts.push_back(
        absl::StrCat(scan.infinities, scan.infinities == 1 ? " infinity" : " infinities"));
  }
  return absl::StrJoin(counts, " and ");
}

// `the first at [1,7] of panel 2 of 4, which begins at 32`.
std::string PlaceText(const Plan& plan, const Step& step, const View& view, int64_t place) {
  Dims index(view.rank);
  for (int d = view.rank - 1; d >= 0; --d) {
    index[d] = place % view.dims[d];
    place /= view.dims[d];
  }
  std::string text = absl::StrCat("the first at ", DimsString(index));
  const PlannedOp& op = plan.ops[step.op];
  if (op.num_steps <= 1) return text;
  const absl::string_view piece = op.cut == CutKind::kPanels  ? "panel"
                                  : op.cut == CutKind::kTiles ? "tile"
                                                              : "part";
  const auto origin = absl::MakeConstSpan(plan.numbers).subspan(step.origin, 2 * kMaxRank);
  absl::StrAppend(&text, " of ", piece, " ", (step.order & 0xffffffff) + 1, " of ", op.num_steps,
                  ", which begins at ", *std::max_element(origin.begin(), origin.end()));
  return text;
}

absl::string_view PassOf(absl::string_view node) {
  if (absl::StartsWith(node, kGradientPrefix)) return "in the backward pass";
  if (absl::StartsWith(node, kOptimizerPrefix)) return "in the update";
  return "in the forward pass";
}

class Finding {
 public:
  Finding(const Plan& plan, const Step& step, const KernelContext& context)
      : plan_(plan), step_(step), context_(context) {
    for (const View& input : context.inputs) inputs_.push_back(ScanOf(input));
  }

  // What is to be said of an output that is not all finite; "" if its inputs explain it.
  std::string TextOf(const View& output, const Scan& scan) const {
    if (const std::string source = SourceText(); !source.empty()) return source;
    const bool reads_nan = std::any_of(inputs_.begin(), inputs_.end(),
                                       [](const Scan& input) { return input.nans > 0; });
    const bool reads_finite = std::all_of(inputs_.begin(), inputs_.end(),
                                          [](const Scan& input) { return input.all_finite(); });
    const bool made_nan = scan.nans > 0 && !reads_nan;
    const bool made_infinity = reads_finite && !inputs_.empty();  // a constant made none
    if (!made_nan && !made_infinity) return "";
    const std::string read = ReadText();
    return absl::StrCat("made ", CountText(scan), " ", PassOf(plan_.ops[step_.op].name), ", ",
                        PlaceText(plan_, step_, output, scan.first),
                        read.empty() ? "" : absl::StrCat("; it read ", read));
  }

 private:
  const Operand& OperandOf(size_t input) const { return plan_.operands[step_.operands + input]; }

  // Numbers that no node made.
  std::string SourceText() const {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Space space = OperandOf(i).space;
      const bool is_outer = space == Space::kInput || space == Space::kState ||
                            (space == Space::kConstant && inputs_[i].nans > 0);
      if (inputs_[i].all_finite() || !is_outer) continue;
      return absl::StrCat("read ", CountText(inputs_[i]), " from ", NameOf(i), ", ",
                          PlaceText(plan_, step_, context_.inputs[i], inputs_[i].first));
    }
    return "";
  }

  std::string NameOf(size_t input) const {
    const Operand& operand = OperandOf(input);
    const Graph& graph = *plan_.graph;
    switch (operand.space) {
      case Space::kInput:
        return absl::StrCat("input ", Quoted(graph.inputs()[operand.slot].name));
      case Space::kState:
        if (operand.slot < static_cast<int32_t>(graph.states().size())) {
          return absl::StrCat("variable ", Quoted(graph.states()[operand.slot].name));
        }
        break;
      default:
        break;
    }
    const PlannedOp& op = plan_.ops[step_.op];
    if (!op.added) {
      const std::vector<ValueId>& inputs = graph.nodes()[op.node].inputs;
      if (input < inputs.size() && inputs[input].present()) {
        return Quoted(graph.value_name(inputs[input]));
      }
    }
    return absl::StrCat("its input ", input);
  }

  // `"x" from -2 to 3 and "w" from 0 to 1 with 2 NaN`.
  std::string ReadText() const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Scan& input = inputs_[i];
      if (input.finite > 0) {
        const bool is_float = context_.inputs[i].dtype == DType::kFloat;
        const auto text = [&](double number) {
          return is_float ? Number(static_cast<float>(number)) : Number(number);
        };
        texts.push_back(
            absl::StrCat(NameOf(i), " from ", text(input.least), " to ", text(input.most)));
        if (!input.all_finite()) absl::StrAppend(&texts.back(), " with ", CountText(input));
      } else if (!input.all_finite()) {
        texts.push_back(absl::StrCat(NameOf(i), " of ", CountText(input)));
      }
    }
    return absl::StrJoin(texts, " and ");
  }

  const Plan& plan_;
  const Step& step_;
  const KernelContext& context_;
  std::vector<Scan> inputs_;
};

}  // namespace

absl::Status NumericsCheck::AfterStep(const Plan& plan, int step, const KernelContext& context) {
  for (const View& output : context.outputs) {
    const Scan scan = ScanOf(output);
    if (scan.all_finite()) continue;
    const Finding finding(plan, plan.steps[step], context);
    const std::string text = finding.TextOf(output, scan);
    if (text.empty()) continue;
    const PlannedOp& op = plan.ops[plan.steps[step].op];
    return AtNode(absl::AbortedError(text), op.name, op.kind);
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
