// Dropout: in training, elements become 0 with probability `ratio` and the others grow by
// 1 / (1 - ratio); else a copy.
//
// An element is kept if its random word, as a fraction of 2^32, is at least `ratio`. See Note [How
// random numbers are keyed]: the sample is the index along axis 0, the element the index within it.

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/functions.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/philox.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

struct DropoutSpec {
  uint64_t seed;         // attribute "seed", mixed, or 0
  Dims element_strides;  // element within the sample per step along each dim, in whole dims
};

absl::Status CheckScalar(const ShapeContext& context, int i) {
  if (!context.has_input(i) || context.input(i).rank() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(context.InputText(i), " must be a scalar"));
}

absl::Status DropoutShape(ShapeContext& context) {
  RETURN_IF_ERROR(CheckScalar(context, 1));
  RETURN_IF_ERROR(CheckScalar(context, 2));
  if (context.has_input(1) && !IsFloating(context.dtype(1))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input \"ratio\" must be float or double, but is ", DTypeName(context.dtype(1))));
  }
  context.SetOutput(0, context.shape(0));
  if (context.num_outputs() > 1) context.SetOutput(1, DType::kBool, context.shape(0));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareDropout(const ShapeContext& context) {
  DropoutSpec spec;
  const Attributes& attributes = context.attributes();
  spec.seed = attributes.has("seed") ? MixBits(attributes.Int("seed")) : 0;
  spec.element_strides = ContiguousStrides(context.dims(0));
  return MakePrepared(std::move(spec));
}

LoopNest DropoutLoops(const ShapeContext& context) { return LoopsOf("*,,->*", context); }

// 0.5 where left out.
absl::StatusOr<double> RatioOf(const KernelContext& context) {
  if (context.inputs.size() < 2 || !context.inputs[1].present()) return 0.5;
  const View& view = context.inputs[1];
  const double ratio =
      view.dtype == DType::kFloat ? *view.as<const float>() : *view.as<const double>();
  if (ratio >= 0 && ratio < 1) return ratio;
  return absl::InvalidArgumentError(absl::StrCat(
      "input \"ratio\" must be a number from 0 up to but not including 1, but is ", Number(ratio)));
}

// Decides which elements stay. Looks up to four up at once, as they mostly come in order.
class KeptElements {
 public:
  KeptElements(const Philox& philox, int64_t step, double ratio)
      : philox_(philox), step_(step), ratio_(ratio) {}

  bool Contains(int64_t sample, int64_t element) {
    if (element / 4 != block_ || sample != sample_) {
      block_ = element / 4;
      sample_ = sample;
      words_ = philox_.Block(step_, sample_, block_);
    }
    return words_[element % 4] * 0x1p-32 >= ratio_;
  }

 private:
  const Philox philox_;
  const int64_t step_;
  const double ratio_;
  int64_t sample_ = -1, block_ = -1;
  Philox::Words words_;
};

template <class T>
absl::Status DropoutKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  const View& y = context.outputs[0];
  const View* mask =
      context.outputs.size() > 1 && context.outputs[1].present() ? &context.outputs[1] : nullptr;
  const DropoutSpec& spec = context.prepared<DropoutSpec>();
  ASSIGN_OR_RETURN(const double ratio, RatioOf(context));
  const bool training = context.inputs.size() > 2 && context.inputs[2].present() &&
                        *context.inputs[2].as<const bool>();
  const T scale = training ? 1 / (1 - static_cast<T>(ratio)) : T(1);
  const StepValues& values = *context.values;
  KeptElements kept(Philox(values.seed, context.stream ^ spec.seed), values.step, ratio);

  // Lines along the last dim. Offsets, and steps along a line: of x, y, mask, the sample, and the
  // element within the sample.
  Odometer<5> lines;
  std::array<int64_t, 5> along{};
  int64_t first_sample = values.first_sample, first_element = 0, n = 1;
  for (int d = 0; d < x.rank; ++d) {
    const int64_t sample = d == 0, element = d == 0 ? 0 : spec.element_strides[d];
    const std::array<int64_t, 5> strides = {
        x.strides[d], y.strides[d], mask == nullptr ? 0 : mask->strides[d], sample, element};
    first_sample += sample * context.origin[d];
    first_element += element * context.origin[d];
    if (d < x.rank - 1) {
      lines.AddDim(x.dims[d], strides);
    } else {
      n = x.dims[d];
      along = strides;
    }
  }
  if (lines.empty()) return absl::OkStatus();
  do {
    for (int64_t i = 0; i < n; ++i) {
      const auto offset = [&](int k) { return lines.offset(k) + i * along[k]; };
      const bool keep =
          !training || kept.Contains(first_sample + offset(3), first_element + offset(4));
      y.as<T>()[offset(1)] = keep ? x.as<const T>()[offset(0)] * scale : T(0);
      if (mask != nullptr) mask->as<bool>()[offset(2)] = keep;
    }
  } while (lines.Next());
  return absl::OkStatus();
}

// dx = dy / (1 - ratio) where x was kept, else 0; without training dx = dy.
absl::Status DropoutGradient(GradientContext& context) {
  const Value dy = context.output_gradient(0), training = context.input(2);
  if (!dy) return absl::OkStatus();
  if (!training) {
    context.set_input_gradient(0, dy);
    return absl::OkStatus();
  }
  const DType dtype = dy.type().dtype;
  Value ratio = context.input(1);
  if (!ratio) ratio = context.builder().Scalar(dtype, 0.5);
  if (ratio.type().dtype != dtype) ratio = Cast(ratio, dtype);
  const Value one = context.builder().Scalar(dtype, 1);
  const Value scale = Where(training, one / (one - ratio), one);
  context.set_input_gradient(
      0, Where(context.output(1), dy * scale, context.builder().Scalar(dtype, 0)));
  return absl::OkStatus();
}

// Outside training it is nothing.
absl::Status SimplifyDropout(CompositionContext& context) {
  const Tensor* training = context.shapes().constant(2);
  const bool off = !context.input(2) || (training != nullptr && !*training->data<bool>());
  if (!off) return absl::OkStatus();
  context.set_output(0, context.input(0));
  if (context.num_outputs() > 1) {
    const Value all = context.builder().Constant(Tensor::Scalar(true));
    context.set_output(1, Call("Expand", {all, Call("Shape", {context.input(0)})}));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterDropout(OpRegistry& registry) {
  registry.Add(
      OpDef("Dropout", {"data", "ratio?:any", "training_mode?:bool"}, {"output", "mask?:bool"})
          .Doc("In training, elements become 0 with a probability and the others grow to keep the "
               "mean; else a copy.",
               "dropout(%0, %1)")
          .OptionalAttribute("seed", AttributeType::kInt,
                             "Mixed into the key, which comes from the run's seed and the node's "
                             "name; the numbers differ from step to step in any case.")
          .Shape(DropoutShape)
          .Prepare(PrepareDropout)
          .Loops(DropoutLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return DropoutKernel<T>(c); })
          .Simplify(SimplifyDropout)
          .CanFail()
          .Random()
          .InPlace(0, 0)
          .Gradient(DropoutGradient));
}

}  // namespace flowgrad
