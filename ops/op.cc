#include "ops/op.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

std::string DTypeList(const std::vector<DType>& dtypes) {
  return absl::StrJoin(
      dtypes, ", ", [](std::string* out, DType dtype) { absl::StrAppend(out, DTypeName(dtype)); });
}

const Port& PortAt(const std::vector<Port>& ports, int i) {
  return ports[std::min<size_t>(i, ports.size() - 1)];
}

// "no inputs", "1 input", "1 to 3 inputs", "1 or more inputs".
std::string CountText(const std::vector<Port>& ports, absl::string_view what) {
  const auto required = std::count_if(ports.begin(), ports.end(), [](const Port& port) {
    return !port.optional && !port.variadic;
  });
  if (!ports.empty() && ports.back().variadic)
    return absl::StrCat(required + 1, " or more ", what, "s");
  const auto most = static_cast<int64_t>(ports.size());
  if (required < most) return absl::StrCat(required, " to ", most, " ", what, "s");
  return absl::StrCat(most == 0 ? "no" : absl::StrCat(most), " ", what, most == 1 ? "" : "s");
}

absl::Status CheckAttribute(const AttributeSpec& spec, AttributeValue& value) {
  const auto expected = static_cast<size_t>(spec.type);
  if (spec.type == AttributeType::kFloat && std::holds_alternative<int64_t>(value)) {
    value = AttributeValue(static_cast<double>(std::get<int64_t>(value)));
  }
  if (value.index() != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "attribute ", Quoted(spec.name), " must be of type ", AttributeTypeName(spec.type),
        ", but is of type ", AttributeTypeName(static_cast<AttributeType>(value.index()))));
  }
  const double* number = std::get_if<double>(&value);
  if (number != nullptr && !std::isfinite(*number)) {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute ", Quoted(spec.name), " must be finite, but is ", Number(*number)));
  }
  return absl::OkStatus();
}

}  // namespace

Port::Port(const char* text) {
  absl::string_view rest = text;
  const size_t colon = rest.find(':');
  if (colon != absl::string_view::npos) {
    const absl::string_view type = rest.substr(colon + 1);
    if (type == "any") {
      any = true;
    } else {
      dtype = *ParseDType(type);
    }
    rest = rest.substr(0, colon);
  }
  if (absl::EndsWith(rest, "?")) optional = true;
  if (absl::EndsWith(rest, "*")) variadic = true;
  if (optional || variadic) rest.remove_suffix(1);
  name = std::string(rest);
}

DType ShapeContext::dtype() const {
  for (int i = 0; i < num_inputs(); ++i) {
    const Port& port = op_->input_port(i);
    if (has_input(i) && !port.any && !port.dtype) return dtype(i);
  }
  for (int i = 0; i < num_inputs(); ++i) {
    if (has_input(i) && op_->input_port(i).any) return dtype(i);
  }
  return op_->dtypes().empty() ? DType::kFloat : op_->dtypes()[0];
}

const Tensor* ShapeContext::constant(int i) const {
  return has_input(i) ? inputs_.constants[i] : nullptr;
}

const SymbolicShape* ShapeContext::dims_value(int i) const {
  return has_input(i) ? inputs_.dims_values[i] : nullptr;
}

std::string ShapeContext::InputText(int i) const {
  return absl::StrCat("input ", Quoted(op_->input_port(i).name), " ", ShapeString(shape(i)));
}

OpDef::OpDef(const char* name, std::vector<Port> inputs, std::vector<Port> outputs)
    : name_(name), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

OpDef& OpDef::Doc(const char* sentence, const char* formula) {
  doc_ = sentence;
  formula_ = formula;
  return *this;
}

OpDef& OpDef::Attribute(const char* name, AttributeValue default_value, const char* doc) {
  const auto type = static_cast<AttributeType>(default_value.index());
  attributes_.push_back({name, type, std::move(default_value), false, doc});
  return *this;
}

OpDef& OpDef::RequiredAttribute(const char* name, AttributeType type, const char* doc) {
  attributes_.push_back({name, type, std::nullopt, true, doc});
  return *this;
}

OpDef& OpDef::OptionalAttribute(const char* name, AttributeType type, const char* doc) {
  attributes_.push_back({name, type, std::nullopt, false, doc});
  return *this;
}

void OpDef::SetBody(Body body) {
  body_ = body;
  ++num_bodies_;
}

OpDef& OpDef::Gradient(GradientRule rule) {
  gradient_ = rule;
  return *this;
}

OpDef& OpDef::NoGradient(const char* reason) {
  no_gradient_reason_ = reason;
  return *this;
}

OpDef& OpDef::Shape(ShapeRule rule) {
  shape_ = rule;
  return *this;
}

OpDef& OpDef::Loops(LoopRule rule) {
  loops_ = rule;
  return *this;
}

OpDef& OpDef::Prepare(PrepareRule rule) {
  prepare_ = rule;
  return *this;
}

OpDef& OpDef::Simplify(Composition rule) {
  simplify_ = rule;
  return *this;
}

OpDef& OpDef::Cost(CostRule rule) {
  cost_ = rule;
  return *this;
}

OpDef& OpDef::CanFail() {
  can_fail_ = true;
  return *this;
}

OpDef& OpDef::FetchesAhead() {
  fetches_ahead_ = true;
  return *this;
}

OpDef& OpDef::Random() {
  random_ = true;
  return *this;
}

OpDef& OpDef::InPlace(int output, int input) {
  in_place_.emplace_back(output, input);
  return *this;
}

OpDef& OpDef::ReadsShapeOnly(int input) {
  shape_only_.push_back(input);
  return *this;
}

const Port& OpDef::input_port(int i) const { return PortAt(inputs_, i); }
const Port& OpDef::output_port(int i) const { return PortAt(outputs_, i); }

bool OpDef::Supports(DType dtype) const {
  return std::find(dtypes_.begin(), dtypes_.end(), dtype) != dtypes_.end();
}

bool OpDef::reads_shape_only(int input) const {
  return std::find(shape_only_.begin(), shape_only_.end(), input) != shape_only_.end();
}

absl::Status OpDef::CompleteAttributes(Attributes& attributes) const {
  std::vector<std::string> known;
  for (const AttributeSpec& spec : attributes_) known.push_back(spec.name);
  for (const Attributes::Entry& entry : attributes.entries()) {
    if (std::find(known.begin(), known.end(), entry.first) == known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("op has no attribute ", Quoted(entry.first),
                                                     DidYouMean(entry.first, known)));
    }
  }
  Attributes completed;
  for (const AttributeSpec& spec : attributes_) {
    if (const AttributeValue* given = attributes.Find(spec.name)) {
      AttributeValue value = *given;
      RETURN_IF_ERROR(CheckAttribute(spec, value));
      completed.Set(spec.name, std::move(value));
    } else if (spec.required) {
      return absl::InvalidArgumentError(absl::StrCat("attribute ", Quoted(spec.name), " of type ",
                                                     AttributeTypeName(spec.type), " is missing"));
    } else if (spec.default_value) {
      completed.Set(spec.name, *spec.default_value);
    }
  }
  attributes = std::move(completed);
  return absl::OkStatus();
}

absl::Status OpDef::CheckInputs(const ShapeContext& context) const {
  const int count = context.num_inputs();
  const bool too_many =
      count > static_cast<int>(inputs_.size()) && (inputs_.empty() || !inputs_.back().variadic);
  if (too_many) {
    return absl::InvalidArgumentError(absl::StrCat("op takes ", CountText(inputs_, "input"),
                                                   ", but ", count, count == 1 ? " is" : " are",
                                                   " given"));
  }
  const int required = std::max<int>(count, static_cast<int>(inputs_.size()));
  for (int i = 0; i < required; ++i) {
    if (!context.has_input(i) && !input_port(i).optional) {
      return absl::InvalidArgumentError(absl::StrCat("op takes ", CountText(inputs_, "input"),
                                                     ", but input ", Quoted(input_port(i).name),
                                                     " is missing"));
    }
  }
  int first = -1;
  for (int i = 0; i < count; ++i) {
    const Port& port = input_port(i);
    if (!context.has_input(i) || port.any) continue;
    const DType dtype = context.dtype(i);
    if (port.dtype) {
      if (dtype == *port.dtype) continue;
      return absl::InvalidArgumentError(absl::StrCat("input ", Quoted(port.name), " must be ",
                                                     DTypeName(*port.dtype), ", but is ",
                                                     DTypeName(dtype)));
    }
    if (!Supports(dtype)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input ", Quoted(port.name), dtypes_.size() == 1 ? " must be " : " must be one of ",
          DTypeList(dtypes_), ", but is ", DTypeName(dtype)));
    }
    if (first < 0) {
      first = i;
    } else if (dtype != context.dtype(first)) {
      return absl::InvalidArgumentError(
          absl::StrCat("inputs ", Quoted(input_port(first).name), " and ", Quoted(port.name),
                       " must have one dtype, but are ", DTypeName(context.dtype(first)), " and ",
                       DTypeName(dtype)));
    }
  }
  return absl::OkStatus();
}

absl::Status OpDef::InferShapes(ShapeContext& context) const {
  RETURN_IF_ERROR(CheckInputs(context));
  const int count = context.num_outputs();
  const bool too_many = count > static_cast<int>(outputs_.size()) && !outputs_.back().variadic;
  const auto required = std::count_if(outputs_.begin(), outputs_.end(),
                                      [](const Port& port) { return !port.optional; });
  if (too_many || count < required) {  // kernels write all that are not optional
    return absl::InvalidArgumentError(absl::StrCat("op has ", CountText(outputs_, "output"),
                                                   ", but ", count, count == 1 ? " is" : " are",
                                                   " named"));
  }
  if (body_ != Body::kElementwise) return shape_(context);
  ASSIGN_OR_RETURN(const SymbolicShape shape, BroadcastInputs(context));
  const std::vector<DType>& results = block_results_[static_cast<int>(context.dtype())];
  for (int i = 0; i < count; ++i) context.SetOutput(i, results[i], shape);
  return absl::OkStatus();
}

double OpDef::CostNs(const ShapeContext& context) const {
  if (cost_ != nullptr) return cost_(context);
  constexpr double kNsPerOp = 30, kNsPerElementRead = 0.1, kNsPerElementWritten = 0.3;
  double ns = kNsPerOp;
  for (int i = 0; i < context.num_inputs(); ++i) {
    if (!context.has_input(i) || reads_shape_only(i)) continue;
    ns += kNsPerElementRead * static_cast<double>(NumElements(context.dims(i)));
  }
  for (int i = 0; i < context.num_outputs(); ++i) {
    ns += kNsPerElementWritten * static_cast<double>(NumElements(context.output_dims(i)));
  }
  return ns;
}

LoopNest OpDef::Loops(const ShapeContext& context) const {
  if (body_ == Body::kElementwise) return ElementwiseLoops(context);
  return loops_ == nullptr ? LoopNest() : loops_(context);
}

std::string OpDef::Defect() const {
  if (name_.empty()) return "op has no name";
  if (doc_.empty()) return "op has no Doc()";
  if (num_bodies_ != 1) return absl::StrCat("op must have exactly one body, but has ", num_bodies_);
  if (outputs_.empty()) return "op has no outputs";
  const bool has_rule = gradient_ != nullptr, has_reason = !no_gradient_reason_.empty();
  if (body_ != Body::kComposed && has_rule == has_reason) {
    return "op must have either a gradient rule or NoGradient(reason)";
  }
  if ((body_ == Body::kElementwise) == (shape_ != nullptr)) {
    return body_ == Body::kElementwise ? "an elementwise op derives its shape"
                                       : "op has no shape rule";
  }
  for (const std::vector<Port>* ports : {&inputs_, &outputs_}) {
    for (size_t i = 0; i + 1 < ports->size(); ++i) {
      if ((*ports)[i].variadic) return "only the last port may be repeated";
    }
  }
  return "";
}

}  // namespace flowgrad
