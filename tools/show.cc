// flowgrad show: a model's graph as text or as a picture.

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "graph/graph_dot.h"
#include "graph/graph_text.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/options.h"
#include "tools/page.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad show examples/rnn/rnn.pbtxt
  flowgrad show examples/rnn/rnn.pbtxt --gradients --format dot > rnn.dot
  flowgrad show examples/rnn/rnn.pbtxt --format page > rnn.md

Graphviz makes a picture of the dot file: dot -Tsvg rnn.dot -o rnn.svg)";

struct Options {
  std::string model;
  std::string format = "text";
  std::string of;
  bool gradients = false;
  bool training = false;
};

absl::Status Show(const Options& options, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, registry));
  std::string y = options.of;
  const bool page = options.format == "page";
  const bool differentiate = page || (options.gradients && model.graph.gradients().empty());
  if (differentiate && y.empty()) {
    ASSIGN_OR_RETURN(y, DifferentiatedValue(model));
  }
  if (page) {
    ASSIGN_OR_RETURN(const std::string text, ModelPage(model, y));
    return Print(text);
  }
  std::vector<std::string> kept;
  if (!y.empty()) kept.push_back(y);
  ASSIGN_OR_RETURN(Graph graph, GraphForMode(model, options.training, kept));
  if (differentiate) {
    absl::StatusOr<Graph> backward =
        Differentiate(graph, y, GradientTargets::kParameters, "", nullptr, registry);
    if (!backward.ok()) return model.Blame(backward.status());
    graph = *std::move(backward);
  }
  TextOptions text_options;
  text_options.origins = true;
  return Print(options.format == "dot" ? GraphDot(graph) : GraphText(graph, text_options));
}

}  // namespace

Command AddShowCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app = *program.add_subcommand("show", "Show a model's graph as text or as a picture");
  app.footer(kExample);
  AddModel(app, options->model);
  AddChoice(app, "--format", options->format, {"text", "dot", "page"},
            "Text, one line per node; a picture for Graphviz; or a page of Markdown with values");
  app.add_flag("--gradients", options->gradients, "With the backward graph of the loss");
  AddText(app, "--of", options->of, "Differentiate this value in place of the loss", "NAME")
      ->needs(app.get_option("--gradients"));
  app.add_flag("--training", options->training, "The graph that trains, not the one that infers");
  return {&app, [options, &registry] { return Show(*options, registry); }};
}

}  // namespace flowgrad
