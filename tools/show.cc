// flowgrad show: a model's graph as text or as a picture.

#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "graph/graph_dot.h"
#include "graph/graph_text.h"
#include "scheduler/plan_text.h"
#include "scheduler/planner.h"
#include "scheduler/workers.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/options.h"
#include "tools/page.h"
#include "tools/workload.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad show examples/rnn/rnn.pbtxt
  flowgrad show examples/rnn/rnn.pbtxt --gradients --format dot > rnn.dot
  flowgrad show examples/rnn/rnn.pbtxt --format page > rnn.md
  flowgrad show examples/fashion_mnist/mlp.pbtxt --format plan --batch 32 --threads 2

Graphviz makes a picture of the dot file: dot -Tsvg rnn.dot -o rnn.svg)";

struct Options {
  std::string model;
  std::string format = "text";
  std::string of;
  bool gradients = false;
  bool training = false;
  std::string step;
  std::optional<uint64_t> batch, threads;
};

absl::Status ShowPlan(const Model& model, const Options& options) {
  ASSIGN_OR_RETURN(const Workload workload, MakeWorkload(model, options.step, options.batch));
  const absl::StatusOr<std::shared_ptr<const Plan>> plan =
      MakePlan(workload.graph, workload.types, workload.fetches, workload.update_states);
  if (!plan.ok()) return model.Blame(plan.status());
  const Workers workers(static_cast<int>(options.threads.value_or(0)));
  return Print(PlanText(**plan, workers.threads()));
}

absl::Status Show(const Options& options, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, registry));
  if (options.format == "plan") return ShowPlan(model, options);
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
  AddChoice(app, "--format", options->format, {"text", "dot", "page", "plan"},
            "Text, one line per node; a picture for Graphviz; a page of Markdown with values; or "
            "how a step is cut, put into tasks and laid out in memory");
  app.add_flag("--gradients", options->gradients, "With the backward graph of the loss");
  AddText(app, "--of", options->of, "Differentiate this value in place of the loss", "NAME")
      ->needs(app.get_option("--gradients"));
  app.add_flag("--training", options->training, "The graph that trains, not the one that infers");
  AddChoice(app, "--step", options->step, WorkloadSteps(),
            absl::StrCat("Of what step a plan is shown. ", kStepHelp));
  AddNumber(app, "--batch", options->batch, 1, kMostBatch,
            "In a plan: number for the symbols in inputs' types; default: the model's batch size, "
            "or 1");
  AddThreads(app, options->threads);
  return {&app, [options, &registry] { return Show(*options, registry); }};
}

}  // namespace flowgrad
