// flowgrad ops: the catalogue of ops, from the registry.

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "base/text_table.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "tools/command.h"
#include "tools/options.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad ops
  flowgrad ops Gemm
  flowgrad ops --format markdown)";

constexpr char kMarkdownHead[] = R"(# Ops

Written by `flowgrad ops --format markdown`. Names, attributes and meaning are those of ONNX where ONNX
has the op. T is any of the types named; a port without a type has type T. In formulas ports stand
for their values.

)";

struct Options {
  std::string name;
  std::string format = "text";
};

// The formula with the names of ports and attributes in it.
std::string FormulaOf(const OpDef& op) {
  std::string formula;
  const std::string& pattern = op.formula();
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      formula += pattern[i];
      continue;
    }
    const char next = pattern[i + 1];
    const size_t port = next - '0';
    if (next == '*') {
      absl::StrAppend(&formula, op.inputs()[0].name, ", ...");
      ++i;
    } else if (port < op.inputs().size()) {
      formula += op.inputs()[port].name;
      ++i;
    }
  }
  return formula;
}

std::string PortText(const Port& port) {
  std::string text = port.name;
  if (port.dtype) absl::StrAppend(&text, ": ", DTypeName(*port.dtype));
  if (port.any) text += ": any";
  if (port.optional) text += " (optional)";
  if (port.variadic) text += " (any number)";
  return text;
}

std::string PortsText(const std::vector<Port>& ports) {
  return absl::StrJoin(ports, ", ",
                       [](std::string* out, const Port& port) { *out += PortText(port); });
}

std::string TypesText(const OpDef& op) {
  return absl::StrJoin(op.dtypes(), ", ", [](std::string* out, DType dtype) {
    out->append(DTypeName(dtype).data(), DTypeName(dtype).size());
  });
}

absl::string_view BodyText(const OpDef& op) {
  switch (op.body()) {
    case OpDef::Body::kElementwise:
      return "elementwise";
    case OpDef::Body::kKernel:
      return "kernel";
    case OpDef::Body::kView:
      return "view: strides, no copy";
    case OpDef::Body::kComposed:
      return "composed of other ops";
    case OpDef::Body::kNone:
      break;
  }
  return "none";
}

std::string GradientText(const OpDef& op) {
  if (op.gradient() != nullptr) return "yes";
  if (op.body() == OpDef::Body::kComposed) return "that of the ops it is composed of";
  return absl::StrCat("none: ", op.no_gradient_reason());
}

std::string DefaultText(const AttributeSpec& spec) {
  if (spec.required) return "required";
  if (!spec.default_value) return "optional";
  const std::string text = AttributeString({spec.name, *spec.default_value});
  return absl::StrCat("default ", text.substr(spec.name.size() + 1));
}

std::string AttributeText(const AttributeSpec& spec) {
  return absl::StrCat(spec.name, " (", AttributeTypeName(spec.type), ", ", DefaultText(spec),
                      "): ", spec.doc);
}

// Everything there is to say of an op, each line with its heading.
std::vector<std::pair<std::string, std::string>> FactsOf(const OpDef& op) {
  std::vector<std::pair<std::string, std::string>> facts = {{"inputs", PortsText(op.inputs())},
                                                            {"outputs", PortsText(op.outputs())}};
  for (const AttributeSpec& spec : op.attributes()) {
    facts.emplace_back("attribute", AttributeText(spec));
  }
  facts.emplace_back("T", TypesText(op));
  facts.emplace_back("body", BodyText(op));
  facts.emplace_back("gradient", GradientText(op));
  return facts;
}

std::string OpAsText(const OpDef& op) {
  std::string text = absl::StrCat(op.name(), ": ", op.doc(), "\n  ", FormulaOf(op), "\n\n");
  for (const auto& [heading, fact] : FactsOf(op)) {
    absl::StrAppend(&text, "  ", heading, std::string(11 - heading.size(), ' '), fact, "\n");
  }
  return text;
}

std::string OpAsMarkdown(const OpDef& op) {
  const auto escaped = [](absl::string_view text) {
    return absl::StrReplaceAll(text, {{"*", "\\*"}, {"_", "\\_"}, {"<", "&lt;"}});
  };
  std::string text =
      absl::StrCat("## ", op.name(), "\n\n", escaped(op.doc()), " `", FormulaOf(op), "`\n\n");
  for (const auto& [heading, fact] : FactsOf(op)) {
    absl::StrAppend(&text, "- ", heading, ": ", escaped(fact), "\n");
  }
  return text;
}

std::string ListAsText(const OpRegistry& registry) {
  TextTable table({"op", "formula", "gradient", "what it is"});
  for (const std::string& name : registry.Names()) {
    const OpDef& op = *registry.Find(name);
    const bool composed = op.body() == OpDef::Body::kComposed;
    const char* gradient = op.gradient() != nullptr ? "yes" : composed ? "composed" : "none";
    table.AddRow({name, FormulaOf(op), gradient, op.doc()});
  }
  return table.ToString();
}

absl::Status ShowOps(const Options& options, const OpRegistry& registry) {
  RETURN_IF_ERROR(registry.status());
  const bool markdown = options.format == "markdown";
  if (!options.name.empty()) {
    const OpDef* op = registry.Find(options.name);
    if (op != nullptr) return Print(markdown ? OpAsMarkdown(*op) : OpAsText(*op));
    return absl::NotFoundError(absl::StrCat("no op is named ", Quoted(options.name),
                                            DidYouMean(options.name, registry.Names())));
  }
  if (!markdown) return Print(ListAsText(registry));
  std::vector<std::string> pages;
  for (const std::string& name : registry.Names())
    pages.push_back(OpAsMarkdown(*registry.Find(name)));
  return Print(absl::StrCat(kMarkdownHead, absl::StrJoin(pages, "\n")));
}

}  // namespace

Command AddOpsCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app = *program.add_subcommand("ops", "List the ops there are, or describe one");
  app.footer(kExample);
  AddText(app, "NAME", options->name, "Describe this op")->option_text(" ");
  AddChoice(app, "--format", options->format, {"text", "markdown"}, "How they are printed");
  return {&app, [options, &registry] { return ShowOps(*options, registry); }};
}

}  // namespace flowgrad
