#include "graph/graph_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/graph_builder.h"

namespace flowgrad {
namespace {

std::string InputNames(const Graph& graph, const Node& node) {
  return absl::StrJoin(node.inputs, ", ", [&](std::string* out, const ValueId& input) {
    out->append(input.present() ? Escaped(graph.value_name(input)) : "_");
  });
}

std::string AttributesText(const Node& node) {
  std::vector<std::string> parts;
  for (const Attributes::Entry& entry : node.attributes.entries()) {
    const auto spec = std::find_if(node.op->attributes().begin(), node.op->attributes().end(),
                                   [&](const AttributeSpec& s) { return s.name == entry.first; });
    if (spec->default_value && SameAttributes({{entry.first, *spec->default_value}}, {entry}))
      continue;
    parts.push_back(AttributeString(entry));
  }
  return parts.empty() ? "" : absl::StrCat(" {", absl::StrJoin(parts, ", "), "}");
}

std::string NodeText(const Graph& graph, const Node& node, const TextOptions& options) {
  const auto join_outputs = [&](auto text) {
    return absl::StrJoin(node.outputs, ", ", [&](std::string* out, const Node::Output& output) {
      out->append(text(output));
    });
  };
  std::string line =
      join_outputs([](const Node::Output& o) { return o.name.empty() ? "_" : Escaped(o.name); });
  absl::StrAppend(&line, " = ", node.op->name(), "(", InputNames(graph, node), ")",
                  AttributesText(node));
  if (options.types) {
    absl::StrAppend(&line, ": ",
                    join_outputs([](const Node::Output& o) { return o.type.ToString(); }));
  }
  if (options.origins && !node.forward.empty()) {
    absl::StrAppend(&line, "  # ", node.rule, " of ", Escaped(node.forward));
  }
  return line;
}

// Splits at `separator` outside of brackets and quotes.
std::vector<std::string> SplitTop(absl::string_view text, char separator) {
  std::vector<std::string> parts(1);
  int depth = 0;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted) depth += (c == '[' || c == '{' || c == '(') - (c == ']' || c == '}' || c == ')');
    if (c == separator && depth == 0 && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) part = std::string(absl::StripAsciiWhitespace(part));
  if (parts.size() == 1 && parts[0].empty()) parts.clear();
  return parts;
}

absl::StatusOr<AttributeValue> ParseNumber(absl::string_view text) {
  int64_t i;
  double f;
  if (absl::SimpleAtoi(text, &i)) return AttributeValue(i);
  if (absl::SimpleAtod(text, &f)) return AttributeValue(f);
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is no number"));
}

absl::StatusOr<AttributeValue> ParseAttribute(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "\""))
    return AttributeValue(std::string(absl::StripSuffix(text, "\"")));
  if (absl::ConsumePrefix(&text, "[")) {
    Ints ints;
    for (const std::string& part : SplitTop(absl::StripSuffix(text, "]"), ',')) {
      ASSIGN_OR_RETURN(const AttributeValue value, ParseNumber(part));
      if (!std::holds_alternative<int64_t>(value))
        return absl::InvalidArgumentError("lists are of integers");
      ints.push_back(std::get<int64_t>(value));
    }
    return AttributeValue(std::move(ints));
  }
  const size_t brace = text.find('{');
  if (brace == absl::string_view::npos) return ParseNumber(text);
  ASSIGN_OR_RETURN(const TensorType type, ParseTensorType(text.substr(0, brace)));
  const std::vector<std::string> numbers =
      SplitTop(absl::StripSuffix(text.substr(brace + 1), "}"), ',');
  if (!IsKnown(type.shape) ||
      NumElements(KnownDims(type.shape)) != static_cast<int64_t>(numbers.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor of type ", type.ToString(), " has ", numbers.size(), " numbers"));
  }
  Tensor tensor(type.dtype, KnownDims(type.shape));
  for (size_t i = 0; i < numbers.size(); ++i) {
    double value;
    if (!absl::SimpleAtod(numbers[i], &value))
      return absl::InvalidArgumentError(absl::StrCat(Quoted(numbers[i]), " is no number"));
    tensor.set(static_cast<int64_t>(i), value);
  }
  return AttributeValue(std::move(tensor));
}

class TextReader {
 public:
  explicit TextReader(const OpRegistry& registry) : builder_(registry) {}

  absl::StatusOr<Graph> Read(absl::string_view text) {
    int number = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      line = absl::StripAsciiWhitespace(line.substr(0, line.find("  #")));
      if (line.empty()) continue;
      if (absl::Status status = ReadLine(line); !status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", status.message()));
      }
    }
    return std::move(builder_).Build();
  }

 private:
  absl::Status ReadLine(absl::string_view line) {
    if (absl::ConsumePrefix(&line, "input ")) {
      const std::vector<std::string> parts = SplitTop(line, ':');
      if (parts.size() != 2) return absl::InvalidArgumentError("expected \"input NAME: TYPE\"");
      builder_.Input(parts[0], parts[1]);
      return absl::OkStatus();
    }
    if (absl::ConsumePrefix(&line, "parameter ")) return ReadState(line, true);
    if (absl::ConsumePrefix(&line, "variable ")) return ReadState(line, false);
    const std::vector<std::string> sides = SplitTop(line, '=');
    if (absl::ConsumePrefix(&line, "output ")) {
      const std::vector<std::string> names = SplitTop(line, '=');
      ASSIGN_OR_RETURN(const Value value, Named(names.back()));
      builder_.Output(value, names[0]);
      return absl::OkStatus();
    }
    if (sides.size() < 2) return absl::InvalidArgumentError("expected \"NAME = OP(INPUTS)\"");
    if (absl::StartsWith(line, "update ") || absl::StartsWith(line, "gradient ")) {
      const std::string name = sides[0].substr(sides[0].find(' ') + 1);
      ASSIGN_OR_RETURN(const Value value, Named(sides[1]));
      if (line[0] == 'g') {
        builder_.Gradient(name, value);
        return absl::OkStatus();
      }
      ASSIGN_OR_RETURN(const Value variable, Named(name));
      builder_.Update(variable, value);
      return absl::OkStatus();
    }
    return ReadNode(sides[0], line.substr(line.find('=') + 1));
  }

  absl::Status ReadState(absl::string_view line, bool trained) {
    const std::vector<std::string> sides = SplitTop(line, '=');
    const std::vector<std::string> parts = SplitTop(sides[0], ':');
    if (parts.size() != 2 || sides.size() > 2)
      return absl::InvalidArgumentError("expected \"NAME: TYPE = INITIALIZER\"");
    Initializer init;
    double constant;
    if (sides.size() == 2 && sides[1] == "glorot_uniform") {
      init = GlorotUniform();
    } else if (sides.size() == 2 && absl::StartsWith(sides[1], "constant(") &&
               absl::SimpleAtod(sides[1].substr(9, sides[1].size() - 10), &constant)) {
      init = ConstantValue(constant);
    } else if (sides.size() == 2 && sides[1] != "zeros") {
      return absl::InvalidArgumentError(
          absl::StrCat("initializer ", Quoted(sides[1]), " is not read from text"));
    }
    trained ? builder_.Parameter(parts[0], parts[1], init)
            : builder_.Variable(parts[0], parts[1], init);
    return absl::OkStatus();
  }

  // `call` is OP(INPUTS) {ATTRIBUTES}: TYPES.
  absl::Status ReadNode(absl::string_view outputs, absl::string_view call) {
    const std::vector<std::string> parts = SplitTop(call, ':');
    absl::string_view head = parts[0];
    GraphBuilder::NodeSpec spec;
    const size_t open = head.find('('), close = head.find(')');
    if (open == absl::string_view::npos || close == absl::string_view::npos)
      return absl::InvalidArgumentError("expected \"OP(INPUTS)\"");
    spec.op = std::string(head.substr(0, open));
    for (const std::string& name : SplitTop(head.substr(open + 1, close - open - 1), ',')) {
      if (name == "_") {
        spec.inputs.push_back(Value{});
        continue;
      }
      ASSIGN_OR_RETURN(const Value input, Named(name));
      spec.inputs.push_back(input);
    }
    absl::string_view rest = absl::StripAsciiWhitespace(head.substr(close + 1));
    if (absl::ConsumePrefix(&rest, "{")) {
      for (const std::string& attribute : SplitTop(absl::StripSuffix(rest, "}"), ',')) {
        const size_t equals = attribute.find('=');
        if (equals == std::string::npos)
          return absl::InvalidArgumentError("expected \"{NAME=VALUE}\"");
        ASSIGN_OR_RETURN(AttributeValue value,
                         ParseAttribute(absl::string_view(attribute).substr(equals + 1)));
        spec.attributes.Set(attribute.substr(0, equals), std::move(value));
      }
    }
    for (const std::string& name : SplitTop(outputs, ','))
      spec.output_names.push_back(name == "_" ? "" : name);
    spec.name = spec.output_names[0];
    spec.num_outputs = static_cast<int>(spec.output_names.size());
    const std::vector<Value> values = builder_.Add(std::move(spec));
    if (parts.size() < 2) return absl::OkStatus();
    const std::vector<std::string> types = SplitTop(parts[1], ',');
    for (size_t i = 0; i < std::min(types.size(), values.size()); ++i) {
      if (values[i] && values[i].type().ToString() != types[i]) {
        return absl::InvalidArgumentError(
            absl::StrCat("type is ", values[i].type().ToString(), ", not ", types[i]));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Value> Named(const std::string& name) {
    if (name == kTrainingMode) return builder_.TrainingMode();
    const Value value = builder_.Find(name);
    if (value || !builder_.ok()) return value ? value : Value{&builder_};
    return absl::InvalidArgumentError(absl::StrCat("no value is named ", Quoted(name)));
  }

  GraphBuilder builder_;
};

}  // namespace

std::string GraphText(const Graph& graph, const TextOptions& options) {
  std::string text;
  for (const GraphInput& input : graph.inputs()) {
    absl::StrAppend(&text, "input ", Escaped(input.name), ": ", graph.type(input.value).ToString(),
                    "\n");
  }
  for (const State& state : graph.states()) {
    absl::StrAppend(&text, state.trained ? "parameter " : "variable ", Escaped(state.name), ": ",
                    graph.type(state.now).ToString(), " = ", state.init.ToString(), "\n");
  }
  for (const Node& node : graph.nodes()) {
    if (node.op != nullptr) absl::StrAppend(&text, NodeText(graph, node, options), "\n");
  }
  for (const State& state : graph.states()) {
    if (!state.next.present()) continue;
    absl::StrAppend(&text, "update ", Escaped(state.name), " = ",
                    Escaped(graph.value_name(state.next)), "\n");
  }
  for (const GraphOutput& output : graph.outputs()) {
    const std::string& value = graph.value_name(output.value);
    absl::StrAppend(&text, "output ", Escaped(output.name),
                    output.name == value ? "" : absl::StrCat(" = ", Escaped(value)), "\n");
  }
  for (const GradientPair& pair : graph.gradients()) {
    absl::StrAppend(&text, "gradient ", Escaped(pair.value), " = ",
                    Escaped(graph.value_name(pair.gradient)), "\n");
  }
  return text;
}

absl::StatusOr<Graph> ParseGraphText(absl::string_view text, const OpRegistry& registry) {
  return TextReader(registry).Read(text);
}

std::string Formula(const Graph& graph, const Node& node) {
  if (node.op == nullptr) return "";
  const std::string& pattern = node.op->formula();
  std::string formula;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      formula += pattern[i];
      continue;
    }
    const char next = pattern[i + 1];
    if (next == '*') {
      formula += InputNames(graph, node);
      ++i;
    } else if (absl::ascii_isdigit(next)) {
      const size_t port = next - '0';
      const bool present = port < node.inputs.size() && node.inputs[port].present();
      formula += present ? graph.value_name(node.inputs[port]) : "_";
      ++i;
    } else {
      size_t end = i + 1;
      while (end < pattern.size() && (absl::ascii_isalnum(pattern[end]) || pattern[end] == '_'))
        ++end;
      const std::string name = pattern.substr(i + 1, end - i - 1);
      const AttributeValue* value = node.attributes.Find(name);
      if (value != nullptr) formula += AttributeString({name, *value}).substr(name.size() + 1);
      i = end - 1;
    }
  }
  return formula;
}

}  // namespace flowgrad
