// Everything an op file uses: OpDef, and the contexts of its functions.
//
// An op is a name, ports, attributes and exactly one body:
//   Elementwise  a function of one element per dtype; shape, broadcasting, cuts are derived
//   Kernel       a function on views per dtype, with a shape rule and a loop nest
//   ViewOf       another look at the first input: strides, no arithmetic
//   Composed     a few other ops, put in its place before differentiation
// and, unless composed, a Gradient rule that emits ops, or NoGradient(reason).
//
//   registry.Add(OpDef("Tanh", {"input"}, {"output"})
//                    .Doc("Hyperbolic tangent.", "tanh(%0)")
//                    .Elementwise(FloatTypes(), []<class T>(T x) { return math::Tanh(x); })
//                    .Gradient(TanhGradient));
//
// OpDefs are immutable once registered and read by any number of threads.

#ifndef FLOWGRAD_OPS_OP_H_
#define FLOWGRAD_OPS_OP_H_

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ops/attributes.h"
#include "ops/builder.h"
#include "ops/isa.h"
#include "ops/kernel.h"
#include "ops/tensor.h"

namespace flowgrad {

// A list of element types.
template <class... T>
struct Types {
  static std::vector<DType> List() { return {kDType<T>...}; }
};
using FloatTypes = Types<float, double>;
using NumericTypes = Types<float, double, int32_t, int64_t>;
using AllTypes = Types<float, double, int32_t, int64_t, bool>;

// An input or output. Written as text: a name, then "?" if it may be left out or "*" if it may be
// repeated (last port only), then ":dtype" if its dtype is fixed, ":any" if it is free. Ports
// without ":" share the op's dtype T.
struct Port {
  Port(const char* text);  // NOLINT: "shape:int64" is a Port
  std::string name;
  bool optional = false;
  bool variadic = false;
  bool any = false;
  std::optional<DType> dtype;
};

struct AttributeSpec {
  std::string name;
  AttributeType type;
  std::optional<AttributeValue> default_value;
  bool required = false;
  std::string doc;
};

// What shape rules, loop nests, Prepare and view functions know: types, attributes, and values
// known when the graph is built. Dims may be symbolic in shape rules and are known everywhere else.
class ShapeContext {
 public:
  // `input_types[i]` is null for an absent input. All spans outlive the context.
  struct Inputs {
    absl::Span<const TensorType* const> types;
    absl::Span<const Tensor* const> constants;           // null where not known
    absl::Span<const SymbolicShape* const> dims_values;  // null where not known
  };
  ShapeContext(const class OpDef* op, const Attributes* attributes, Inputs inputs, int num_outputs)
      : op_(op), attributes_(attributes), inputs_(inputs), outputs_(num_outputs) {}

  const Attributes& attributes() const { return *attributes_; }
  int num_inputs() const { return static_cast<int>(inputs_.types.size()); }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  bool has_input(int i) const { return i < num_inputs() && inputs_.types[i] != nullptr; }
  const TensorType& input(int i) const { return *inputs_.types[i]; }
  const SymbolicShape& shape(int i) const { return input(i).shape; }
  DType dtype(int i) const { return input(i).dtype; }
  // The op's dtype T: that of the first present port without a dtype of its own.
  DType dtype() const;
  // Whole dims. REQUIRES: known
  Dims dims(int i) const { return KnownDims(shape(i)); }
  Dims output_dims(int i) const { return KnownDims(outputs_[i].shape); }
  const TensorType& output(int i) const { return outputs_[i]; }

  // The value of input `i` where it is known when the graph is built, else null.
  const Tensor* constant(int i) const;
  // The value of an int64 input of rank 0 or 1 as dims: from a constant, or from the shape of a
  // value.
  const SymbolicShape* dims_value(int i) const;

  // Shape rules set every output; `dtype` defaults to T.
  void SetOutput(int i, DType dtype, SymbolicShape shape) {
    outputs_[i] = {dtype, std::move(shape)};
  }
  void SetOutput(int i, SymbolicShape shape) { SetOutput(i, dtype(), std::move(shape)); }
  // Says that output 0, int64 of rank 0 or 1, has these values.
  void SetOutputDimsValue(SymbolicShape value) { output_dims_value_ = std::move(value); }
  const std::optional<SymbolicShape>& output_dims_value() const { return output_dims_value_; }

  // For messages: `input "B" [512,10]`.
  std::string InputText(int i) const;

  const OpDef& op() const { return *op_; }

 private:
  const OpDef* op_;
  const Attributes* attributes_;
  Inputs inputs_;
  std::vector<TensorType> outputs_;
  std::optional<SymbolicShape> output_dims_value_;
};

// Where an output of a view op lies: in elements of the input's buffer, from the input's first
// element.
struct ViewMap {
  int64_t offset = 0;
  Dims strides;
};

// What a gradient rule sees: the node, and the gradients of its outputs. It emits ops through the
// Values.
class GradientContext {
 public:
  struct Node {
    Builder* builder;
    const ShapeContext* shapes;
    std::vector<Value> inputs;
    std::vector<Value> output_gradients;
    std::vector<bool> wanted;
    std::function<Value(int)> output;  // brings a left-out output to life
  };
  explicit GradientContext(Node node)
      : node_(std::move(node)), input_gradients_(node_.inputs.size()) {}

  const Attributes& attributes() const { return node_.shapes->attributes(); }
  const ShapeContext& shapes() const { return *node_.shapes; }
  Builder& builder() const { return *node_.builder; }
  int num_inputs() const { return static_cast<int>(node_.inputs.size()); }
  Value input(int i) const { return i < num_inputs() ? node_.inputs[i] : Value{}; }
  // An output of the forward node. One that was left out exists from now on.
  Value output(int i) const { return node_.output(i); }
  int num_outputs() const { return static_cast<int>(node_.output_gradients.size()); }
  // Gradient of the loss by output `i`; absent when nothing flows, never a tensor of zeros.
  Value output_gradient(int i = 0) const { return node_.output_gradients[i]; }
  // Whether anybody needs the gradient of input `i`.
  bool wanted(int i) const { return i < num_inputs() && node_.wanted[i]; }
  // `dx` must have the type of input `i`. Inputs not set have gradient zero.
  void set_input_gradient(int i, Value dx) { input_gradients_[i] = dx; }
  const std::vector<Value>& input_gradients() const { return input_gradients_; }

 private:
  Node node_;
  std::vector<Value> input_gradients_;
};

// What a composition sees.
class CompositionContext {
 public:
  CompositionContext(Builder* builder, const ShapeContext* shapes, std::vector<Value> inputs)
      : builder_(builder),
        shapes_(shapes),
        inputs_(std::move(inputs)),
        outputs_(shapes->num_outputs()) {}

  const Attributes& attributes() const { return shapes_->attributes(); }
  const ShapeContext& shapes() const { return *shapes_; }
  Builder& builder() const { return *builder_; }
  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  Value input(int i) const { return i < num_inputs() ? inputs_[i] : Value{}; }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  // Outputs that were left out need not be set.
  void set_output(int i, Value y) {
    if (i < num_outputs()) outputs_[i] = y;
  }
  const std::vector<Value>& outputs() const { return outputs_; }

 private:
  Builder* builder_;
  const ShapeContext* shapes_;
  std::vector<Value> inputs_;
  std::vector<Value> outputs_;
};

namespace internal {

template <class F, class T>
struct Signature : Signature<decltype(&F::template operator()<T>), T> {};

template <class F, class T, class R, class... A>
struct Signature<R (F::*)(A...) const, T> {
  using Result = R;
  using Arguments = std::tuple<A...>;
};

template <class R>
struct Results {
  static constexpr int kCount = 1;
  using Tuple = std::tuple<R>;
};
template <class... R>
struct Results<std::tuple<R...>> {
  static constexpr int kCount = sizeof...(R);
  using Tuple = std::tuple<R...>;
};

// Runs F over a block. P is void, or the type of Prepared data that F takes first.
template <class F, class T, class P>
struct ElementwiseBlock {
  using S = Signature<F, T>;
  static constexpr int kFirst = std::is_void_v<P> ? 0 : 1;
  static constexpr int kInputs = std::tuple_size_v<typename S::Arguments> - kFirst;
  using Out = typename Results<typename S::Result>::Tuple;

  template <size_t... I, size_t... O>
  [[gnu::always_inline]] static void Loop(const void* const* inputs, void* const* outputs,
                                          int64_t n, const void* prepared,
                                          std::index_sequence<I...>, std::index_sequence<O...>) {
    const auto in = std::make_tuple(
        static_cast<const std::tuple_element_t<I + kFirst, typename S::Arguments>*>(inputs[I])...);
    const auto out = std::make_tuple(static_cast<std::tuple_element_t<O, Out>*>(outputs[O])...);
    // An output may be the same memory as an input, element for element, and never another overlap.
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) {
      const auto y = [&] {
        if constexpr (std::is_void_v<P>) {
          return F().template operator()<T>(std::get<I>(in)[i]...);
        } else {
          return F().template operator()<T>(*static_cast<const P*>(prepared),
                                            std::get<I>(in)[i]...);
        }
      }();
      if constexpr (sizeof...(O) == 1 &&
                    std::is_same_v<typename S::Result, std::tuple_element_t<0, Out>>) {
        std::get<0>(out)[i] = y;
      } else {
        ((std::get<O>(out)[i] = std::get<O>(y)), ...);
      }
    }
  }
  static void Run(const void* const* inputs, void* const* outputs, int64_t n,
                  const void* prepared) {
    Loop(inputs, outputs, n, prepared, std::make_index_sequence<kInputs>(),
         std::make_index_sequence<std::tuple_size_v<Out>>());
  }
  FLOWGRAD_AVX512 static void RunAvx512(const void* const* inputs, void* const* outputs, int64_t n,
                                        const void* prepared) {
    Loop(inputs, outputs, n, prepared, std::make_index_sequence<kInputs>(),
         std::make_index_sequence<std::tuple_size_v<Out>>());
  }
  static BlockFunction Function() {
    // Double serves checks and calls libm: a second copy would gain nothing.
    if constexpr (std::is_same_v<T, float>) {
      if (UsesAvx512()) return {&RunAvx512};
    }
    return {&Run};
  }
  static absl::Status Kernel(const KernelContext& context) {
    static const BlockFunction block = Function();
    RunElementwise(context, block);
    return absl::OkStatus();
  }
};

}  // namespace internal

class OpDef {
 public:
  enum class Body { kNone, kElementwise, kKernel, kView, kComposed };
  using ShapeRule = absl::Status (*)(ShapeContext&);
  using LoopRule = LoopNest (*)(const ShapeContext&);
  using PrepareRule = absl::StatusOr<Prepared> (*)(const ShapeContext&);
  // Sets the map of output `output` of a view op; false if these strides need a copy of the input
  // first.
  using ViewRule = bool (*)(const ShapeContext&, absl::Span<const int64_t> strides, int output,
                            ViewMap&);
  // Nanoseconds that the whole op takes on one core, about. Never reaches a result.
  using CostRule = double (*)(const ShapeContext&);
  using Composition = absl::Status (*)(CompositionContext&);
  using GradientRule = absl::Status (*)(GradientContext&);

  OpDef(const char* name, std::vector<Port> inputs, std::vector<Port> outputs);

  // One sentence for the catalogue, and a formula in which %0 stands for the first input, %axis for
  // an attribute, %* for all inputs.
  OpDef& Doc(const char* sentence, const char* formula);

  OpDef& Attribute(const char* name, AttributeValue default_value, const char* doc);
  OpDef& RequiredAttribute(const char* name, AttributeType type, const char* doc);
  OpDef& OptionalAttribute(const char* name, AttributeType type, const char* doc);

  // Exactly one body. F is a template lambda on one element: `[]<class T>(T x, bool c) { ... }`;
  // its result, or each part of a std::tuple, is an output.
  template <class... T, class F>
  OpDef& Elementwise(Types<T...>, F) {
    return Elementwise<void>(Types<T...>(), F());
  }
  // As above, F taking `const P&`, made by Prepare(), as its first argument.
  template <class P, class... T, class F>
  OpDef& Elementwise(Types<T...>, F) {
    SetBody(Body::kElementwise);
    (AddElementwise<F, T, P>(), ...);
    return *this;
  }
  // F is a template lambda: `[]<class T>(const KernelContext& context) { return
  // Softmax<T>(context); }`.
  template <class... T, class F>
  OpDef& Kernels(Types<T...>, F) {
    SetBody(Body::kKernel);
    ((
         dtypes_.push_back(kDType<T>),
         kernels_[static_cast<int>(kDType<T>)] =
             [](const KernelContext& context) { return F().template operator()<T>(context); }),
     ...);
    return *this;
  }
  template <class... T>
  OpDef& ViewOf(Types<T...>, ViewRule rule) {
    SetBody(Body::kView);
    dtypes_ = Types<T...>::List();
    view_ = rule;
    return *this;
  }
  template <class... T>
  OpDef& Composed(Types<T...>, Composition composition) {
    SetBody(Body::kComposed);
    dtypes_ = Types<T...>::List();
    composition_ = composition;
    return *this;
  }

  // Exactly one of the two, unless composed.
  OpDef& Gradient(GradientRule rule);
  OpDef& NoGradient(const char* reason);

  OpDef& Shape(ShapeRule rule);      // not for elementwise ops
  OpDef& Loops(LoopRule rule);       // default: never cut
  OpDef& Prepare(PrepareRule rule);  // default: nothing
  OpDef& Cost(CostRule rule);        // default: by the elements read and written
  // May put simpler ops in a node's place where inputs are known constants: sets every output, or
  // none to leave the node.
  OpDef& Simplify(Composition rule);
  OpDef& CanFail();       // the kernel looks at values and may refuse them
  OpDef& Random();        // never merged, folded or drawn under another key
  OpDef& FetchesAhead();  // the kernel fetches KernelContext::soon
  OpDef& InPlace(
      int output,
      int input);  // they may be one buffer; elementwise ops: every input of the output's type
  OpDef& ReadsShapeOnly(int input);  // the kernel does not look at the input's elements

  const std::string& name() const { return name_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  // The port of the i-th input, a variadic one standing for all from its place on.
  const Port& input_port(int i) const;
  const Port& output_port(int i) const;
  const std::string& doc() const { return doc_; }
  const std::string& formula() const { return formula_; }
  const std::vector<AttributeSpec>& attributes() const { return attributes_; }
  Body body() const { return body_; }
  const std::vector<DType>& dtypes() const { return dtypes_; }  // what T may be
  bool Supports(DType dtype) const;
  // Null if the op has no kernel for T = dtype.
  Kernel kernel(DType dtype) const { return kernels_[static_cast<int>(dtype)]; }
  BlockFunction block(DType dtype) const { return blocks_[static_cast<int>(dtype)]; }
  ViewRule view() const { return view_; }
  Composition composition() const { return composition_; }
  Composition simplify() const { return simplify_; }  // or null
  GradientRule gradient() const { return gradient_; }
  const std::string& no_gradient_reason() const { return no_gradient_reason_; }
  PrepareRule prepare() const { return prepare_; }
  bool can_fail() const { return can_fail_; }
  bool random() const { return random_; }
  bool fetches_ahead() const { return fetches_ahead_; }
  const std::vector<std::pair<int, int>>& in_place() const { return in_place_; }
  bool reads_shape_only(int input) const;

  // Checks names, types and ranges of `attributes` and fills in defaults.
  absl::Status CompleteAttributes(Attributes& attributes) const;
  // Checks the count and dtypes of inputs and the count of outputs, then runs the shape rule.
  absl::Status InferShapes(ShapeContext& context) const;
  // What the op takes on one core, for known shapes, its outputs inferred.
  double CostNs(const ShapeContext& context) const;
  // The loop nest for known shapes, its outputs inferred.
  LoopNest Loops(const ShapeContext& context) const;

  // What is wrong with this definition: "" if nothing.
  std::string Defect() const;

 private:
  void SetBody(Body body);
  template <class F, class T, class P>
  void AddElementwise() {
    using Elementwise = internal::ElementwiseBlock<F, T, P>;
    dtypes_.push_back(kDType<T>);
    const int t = static_cast<int>(kDType<T>);
    kernels_[t] = &Elementwise::Kernel;
    blocks_[t] = Elementwise::Function();
    [ this, t ]<size_t... O>(std::index_sequence<O...>) {
      block_results_[t] = {kDType<std::tuple_element_t<O, typename Elementwise::Out>>...};
    }
    (std::make_index_sequence<std::tuple_size_v<typename Elementwise::Out>>());
  }
  absl::Status CheckInputs(const ShapeContext& context) const;

  std::string name_;
  std::vector<Port> inputs_, outputs_;
  std::string doc_, formula_;
  std::vector<AttributeSpec> attributes_;
  Body body_ = Body::kNone;
  int num_bodies_ = 0;
  std::vector<DType> dtypes_;
  std::array<Kernel, kNumDTypes> kernels_{};
  std::array<BlockFunction, kNumDTypes> blocks_{};
  std::array<std::vector<DType>, kNumDTypes> block_results_;
  ViewRule view_ = nullptr;
  Composition composition_ = nullptr;
  Composition simplify_ = nullptr;
  GradientRule gradient_ = nullptr;
  std::string no_gradient_reason_;
  ShapeRule shape_ = nullptr;
  LoopRule loops_ = nullptr;
  PrepareRule prepare_ = nullptr;
  CostRule cost_ = nullptr;
  bool can_fail_ = false;
  bool random_ = false;
  bool fetches_ahead_ = false;
  std::vector<std::pair<int, int>> in_place_;
  std::vector<int> shape_only_;
};

// The loop nest that a text describes, one letter per dim: "ik,kj->ij". A letter is parallel unless
// named in `reduced`; "." is a dim that every cut needs whole; "..." at the front stands for batch
// dims that broadcast, aligned at the end; a dim of size 1 that is broadcast against a larger one
// is needed whole. Sizes come from `shapes`.
LoopNest LoopsOf(absl::string_view text, const ShapeContext& shapes);

// The nest of an elementwise op: every axis of output 0 parallel.
LoopNest ElementwiseLoops(const ShapeContext& shapes);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_OP_H_
