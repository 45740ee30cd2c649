#include "graph/def_conversions.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/model_graph.h"

namespace flowgrad {
namespace {

constexpr int kMostAttributes = 256;

}  // namespace

absl::StatusOr<Attributes> ParseAttributes(const NodeDef& node) {
  if (node.attribute_size() > kMostAttributes) {
    return absl::InvalidArgumentError(absl::StrCat("a node has at most ", kMostAttributes,
                                                   " attributes, but has ", node.attribute_size()));
  }
  Attributes attributes;
  for (const AttributeDef& def : node.attribute()) {
    const std::string what = absl::StrCat("attribute ", Quoted(def.name()));
    if (def.name().empty()) return absl::InvalidArgumentError("an attribute has no name");
    if (attributes.has(def.name()))
      return absl::InvalidArgumentError(absl::StrCat(what, " is given twice"));
    switch (def.value_case()) {
      case AttributeDef::kI:
        attributes.Set(def.name(), def.i());
        break;
      case AttributeDef::kF:
        attributes.Set(def.name(), def.f());
        break;
      case AttributeDef::kS:
        attributes.Set(def.name(), def.s());
        break;
      case AttributeDef::kT: {
        absl::StatusOr<Tensor> tensor = ParseTensor(def.t());
        if (!tensor.ok())
          return absl::InvalidArgumentError(absl::StrCat(what, ": ", tensor.status().message()));
        attributes.Set(def.name(), *std::move(tensor));
        break;
      }
      case AttributeDef::kInts:
        attributes.Set(def.name(), Ints(def.ints().values().begin(), def.ints().values().end()));
        break;
      case AttributeDef::kFloats:
        attributes.Set(def.name(),
                       Floats(def.floats().values().begin(), def.floats().values().end()));
        break;
      case AttributeDef::VALUE_NOT_SET:
        return absl::InvalidArgumentError(absl::StrCat(what, " has no value"));
    }
  }
  return attributes;
}

absl::StatusOr<Initializer> ParseInitializer(const InitializerDef& def, const TensorType& type) {
  switch (def.kind_case()) {
    case InitializerDef::kConstant:
      return ConstantValue(def.constant());
    case InitializerDef::kUniform:
      return Uniform(def.uniform().low(), def.uniform().high());
    case InitializerDef::kNormal:
      return Normal(def.normal().mean(), def.normal().stddev());
    case InitializerDef::kGlorotUniform:
      return GlorotUniform();
    case InitializerDef::kGlorotNormal:
      return GlorotNormal();
    case InitializerDef::kHeUniform:
      return HeUniform();
    case InitializerDef::kHeNormal:
      return HeNormal();
    case InitializerDef::kOrthogonal:
      return Orthogonal(def.orthogonal().has_gain() ? def.orthogonal().gain() : 1);
    case InitializerDef::kValue: {
      ASSIGN_OR_RETURN(Tensor value, ParseTensor(def.value(), &type));
      return Given(std::move(value));
    }
    case InitializerDef::kZeros:
    case InitializerDef::KIND_NOT_SET:
      break;
  }
  return Zeros();
}

InitializerDef ToInitializerDef(const Initializer& init) {
  InitializerDef def;
  switch (init.kind) {
    case Initializer::Kind::kConstant:
      if (init.first == 0) {
        def.mutable_zeros();
      } else {
        def.set_constant(init.first);
      }
      break;
    case Initializer::Kind::kUniform:
      def.mutable_uniform()->set_low(init.first);
      def.mutable_uniform()->set_high(init.second);
      break;
    case Initializer::Kind::kNormal:
      def.mutable_normal()->set_mean(init.first);
      def.mutable_normal()->set_stddev(init.second);
      break;
    case Initializer::Kind::kGlorotUniform:
      def.mutable_glorot_uniform();
      break;
    case Initializer::Kind::kGlorotNormal:
      def.mutable_glorot_normal();
      break;
    case Initializer::Kind::kHeUniform:
      def.mutable_he_uniform();
      break;
    case Initializer::Kind::kHeNormal:
      def.mutable_he_normal();
      break;
    case Initializer::Kind::kOrthogonal:
      def.mutable_orthogonal()->set_gain(init.first);
      break;
    case Initializer::Kind::kValue:
      *def.mutable_value() = ToTensorDef(init.value);
      break;
  }
  return def;
}

void SetAttributes(const Node& node, NodeDef* def) {
  for (const Attributes::Entry& entry : node.attributes.entries()) {
    const auto spec = std::find_if(node.op->attributes().begin(), node.op->attributes().end(),
                                   [&](const AttributeSpec& s) { return s.name == entry.first; });
    if (spec->default_value && SameAttributes({{entry.first, *spec->default_value}}, {entry}))
      continue;
    AttributeDef* out = def->add_attribute();
    out->set_name(entry.first);
    const AttributeValue& value = entry.second;
    if (const int64_t* i = std::get_if<int64_t>(&value)) out->set_i(*i);
    if (const double* f = std::get_if<double>(&value)) out->set_f(*f);
    if (const std::string* s = std::get_if<std::string>(&value)) out->set_s(*s);
    if (const Tensor* t = std::get_if<Tensor>(&value)) *out->mutable_t() = ToTensorDef(*t);
    if (const Ints* ints = std::get_if<Ints>(&value)) {
      out->mutable_ints()->mutable_values()->Add(ints->begin(), ints->end());
    }
    if (const Floats* floats = std::get_if<Floats>(&value)) {
      out->mutable_floats()->mutable_values()->Add(floats->begin(), floats->end());
    }
  }
}

}  // namespace flowgrad
