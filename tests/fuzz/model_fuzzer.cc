// Models made of the ops in the registry: the bytes choose ops, inputs, attributes inside and
// outside of their ranges, and dims of 0, 1, 2, 3, 7, symbols, 2^31 and 2^62. A node that is
// refused is left out again, so that each model is built to its end, differentiated, planned and
// trained for a step.

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "graph/model_graph.h"
#include "ops/builtin_ops.h"
#include "proto/model_file.h"
#include "tests/fuzz/exercise.h"

namespace flowgrad {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(),
                  kMost = std::numeric_limits<int64_t>::max();
// Those that let a model be run stand there several times.
constexpr const char* kDims[] = {"2",
                                 "3",
                                 "2",
                                 "3",
                                 "2",
                                 "3",
                                 "1",
                                 "1",
                                 "7",
                                 "7",
                                 "4",
                                 "N",
                                 "N",
                                 "M",
                                 "0",
                                 "2147483648",
                                 "4611686018427387904"};
constexpr int64_t kInts[] = {
    0,      1,    2, 3, 4, 7, -1, -2, -3, 0, 1, 2, -1, 6, int64_t{1} << 31, int64_t{1} << 62,
    kLeast, kMost};
constexpr double kNumbers[] = {0,
                               1,
                               0.5,
                               -1,
                               2,
                               0.1,
                               -0.0,
                               1e-320,
                               1e308,
                               -1e308,
                               std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()};
constexpr const char* kTexts[] = {"none",  "mean", "sum", "float", "double", "int32",
                                  "int64", "bool", "add", "mul",   "",       "%n"};
constexpr int kMostNodes = 12;

// The fuzzer's choices; zeros when they are used up.
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  bool any() const { return left_ > 0; }
  int Below(int count) {
    if (left_ == 0 || count == 0) return 0;
    --left_;
    return *data_++ % count;
  }
  template <class T, size_t n>
  const T& Of(const T (&choices)[n]) {
    return choices[Below(n)];
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

std::string DrawType(Choices& choices, const char* dtype) {
  std::vector<std::string> dims(choices.Below(5));
  for (std::string& dim : dims) dim = choices.Of(kDims);
  return absl::StrCat(dtype, "[", absl::StrJoin(dims, ","), "]");
}

// A tensor of few numbers.
TensorDef DrawTensor(Choices& choices) {
  TensorDef tensor;
  const bool ints = choices.Below(2) == 0;
  const int count = choices.Below(4);
  const bool scalar = count == 1 && choices.Below(2) == 0;
  const char* dtype = ints ? (choices.Below(4) == 0 ? "int32" : "int64")
                           : (choices.Below(4) == 0 ? "double" : "float");
  tensor.set_type(scalar ? absl::StrCat(dtype, "[]") : absl::StrCat(dtype, "[", count, "]"));
  for (int i = 0; i < count; ++i) {
    if (ints) {
      tensor.add_ints(choices.Of(kInts));
    } else {
      tensor.add_values(choices.Of(kNumbers));
    }
  }
  return tensor;
}

void DrawAttribute(Choices& choices, AttributeType type, AttributeDef& attribute) {
  switch (type) {
    case AttributeType::kInt:
      attribute.set_i(choices.Of(kInts));
      return;
    case AttributeType::kFloat:
      attribute.set_f(choices.Of(kNumbers));
      return;
    case AttributeType::kString:
      attribute.set_s(choices.Of(kTexts));
      return;
    case AttributeType::kInts:
      attribute.mutable_ints();
      for (int count = choices.Below(5); count > 0; --count) {
        attribute.mutable_ints()->add_values(choices.Of(kInts));
      }
      return;
    case AttributeType::kFloats:
      attribute.mutable_floats();
      for (int count = choices.Below(5); count > 0; --count) {
        attribute.mutable_floats()->add_values(choices.Of(kNumbers));
      }
      return;
    case AttributeType::kTensor:
      *attribute.mutable_t() = DrawTensor(choices);
      return;
  }
}

// The name of a value that may stand at a port: usually one of the right dtype, "" for none.
std::string DrawInput(Choices& choices, const Graph& graph, const Port& port, DType op_dtype) {
  if (port.optional && choices.Below(3) == 0) return "";
  std::vector<std::string> names, fitting;
  for (const std::string& name : graph.ValueNames()) {
    const DType dtype = graph.type(graph.Find(name)).dtype;
    names.push_back(name);
    if (port.any || dtype == port.dtype.value_or(op_dtype)) fitting.push_back(name);
  }
  const std::vector<std::string>& from =
      fitting.empty() || choices.Below(16) == 15 ? names : fitting;
  return from.empty() ? "x" : from[choices.Below(static_cast<int>(from.size()))];
}

NodeDef DrawNode(Choices& choices, const Graph& graph, int number) {
  static const auto* names = new std::vector<std::string>(BuiltinOps().Names());
  NodeDef node;
  node.set_name(absl::StrCat("n", number));
  const OpDef& op = *BuiltinOps().Find((*names)[choices.Below(static_cast<int>(names->size()))]);
  node.set_op(op.name());
  const std::vector<DType>& dtypes = op.dtypes();
  const DType dtype = dtypes.empty()
                          ? DType::kFloat
                          : dtypes[choices.Below(4) == 0 ? choices.Below(dtypes.size()) : 0];
  for (const Port& port : op.inputs()) {
    const int count = port.variadic ? choices.Below(4) : 1;
    for (int i = 0; i < count; ++i) node.add_input(DrawInput(choices, graph, port, dtype));
  }
  while (node.input_size() > 0 && node.input(node.input_size() - 1).empty()) {
    node.mutable_input()->RemoveLast();
  }
  int num_outputs = 1 + choices.Below(static_cast<int>(op.outputs().size()));
  if (!op.outputs().empty() && op.outputs().back().variadic) num_outputs += choices.Below(3);
  for (int i = 0; num_outputs > 1 && i < num_outputs; ++i) {
    node.add_output(i == 0 ? node.name() : absl::StrCat(node.name(), ":", i));
  }
  for (const AttributeSpec& spec : op.attributes()) {
    if (!spec.required && choices.Below(2) == 0) continue;
    AttributeDef& attribute = *node.add_attribute();
    attribute.set_name(spec.name);
    DrawAttribute(choices, spec.type, attribute);
  }
  return node;
}

ModelDef DrawModel(Choices& choices) {
  ModelDef model;
  model.set_format_version(1);
  GraphDef& def = *model.mutable_graph();
  constexpr const char* kInputTypes[] = {"float", "float", "float", "double",
                                         "int64", "int32", "bool"};
  for (int i = choices.Below(4); i > 0; --i) {
    InputDef& input = *def.add_input();
    input.set_name(absl::StrCat("x", i));
    input.set_type(DrawType(choices, choices.Of(kInputTypes)));
  }
  for (int i = choices.Below(3); i > 0; --i) {
    VariableDef& parameter = *def.add_parameter();
    parameter.set_name(absl::StrCat("w", i));
    parameter.set_type(DrawType(choices, choices.Below(4) == 0 ? "double" : "float"));
    parameter.mutable_init()->mutable_normal()->set_stddev(1);
  }
  for (int i = choices.Below(4); i > 0; --i) {
    NodeDef& node = *def.add_node();
    node.set_name(absl::StrCat("c", i));
    node.set_op("Constant");
    AttributeDef& attribute = *node.add_attribute();
    attribute.set_name("value");
    *attribute.mutable_t() = DrawTensor(choices);
  }
  absl::StatusOr<Graph> graph = BuildGraph(def, BuiltinOps());
  for (int n = 0; n < kMostNodes && choices.any() && graph.ok(); ++n) {
    *def.add_node() = DrawNode(choices, *graph, n);
    absl::StatusOr<Graph> longer = BuildGraph(def, BuiltinOps());
    if (longer.ok()) {
      graph = std::move(longer);
    } else {
      CheckRefusal(longer.status());
      // A composition that does not keep what its shape rule says.
      if (absl::StrContains(longer.status().message(), "internal:")) {
        Finding(longer.status().ToString());
      }
      def.mutable_node()->RemoveLast();
    }
  }
  return model;
}

}  // namespace
}  // namespace flowgrad

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flowgrad;  // NOLINT: one function
  Choices choices(data, size);
  const ModelDef model = DrawModel(choices);
  // A finding of this fuzzer becomes a case as text.
  if (std::getenv("FLOWGRAD_FUZZ_PRINT") != nullptr) std::fputs(ModelText(model).c_str(), stderr);
  Exercise(model);
  return 0;
}
