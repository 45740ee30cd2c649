// flowgrad show: a model's graph as text, as a picture or as a page.

#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "graph/graph_dot.h"
#include "graph/graph_text.h"
#include "scheduler/plan_text.h"
#include "scheduler/workers.h"
#include "tools/command.h"
#include "tools/html_page.h"
#include "tools/measured_plan_text.h"
#include "tools/model_source.h"
#include "tools/model_view.h"
#include "tools/options.h"
#include "tools/page.h"
#include "tools/planned_steps.h"
#include "tools/workload.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad show examples/rnn/rnn.pbtxt
  flowgrad show examples/rnn/rnn.pbtxt --gradients --format dot > rnn.dot
  flowgrad show examples/rnn/rnn.pbtxt --format page > rnn.md
  flowgrad show examples/rnn/rnn.pbtxt --format html -o rnn.html
  flowgrad show examples/fashion_mnist/mlp.pbtxt --format plan --batch 32 --threads 2
  flowgrad show examples/fashion_mnist/mlp.pbtxt --format plan --threads 2 --measure

A browser shows the HTML file, without a network. Graphviz makes a picture of the dot file:
dot -Tsvg rnn.dot -o rnn.svg)";

struct Options {
  std::string model;
  FileLimits limits;
  std::string format = "text";
  std::string of;
  std::string output;
  bool gradients = false;
  bool training = false;
  bool measure = false;
  std::string step;
  std::optional<uint64_t> batch, threads;
  MemoryLimit memory_limit;
};

absl::StatusOr<std::string> PlanOf(const Model& model, const Options& options) {
  ASSIGN_OR_RETURN(const Workload workload, MakeWorkload(model, options.step, options.batch));
  const Workers workers(static_cast<int>(options.threads.value_or(0)));
  if (options.measure) return MeasuredPlanText(model, workload, workers, options.memory_limit);
  // A plan that is only looked at may be larger than the machine's memory.
  const int64_t limit = options.memory_limit.value_or(std::numeric_limits<int64_t>::max());
  const absl::StatusOr<std::shared_ptr<const Plan>> plan = PlanWorkload(workload, workers, limit);
  if (!plan.ok()) return model.Blame(plan.status());
  return PlanText(**plan, workers.threads());
}

// A model that cannot be differentiated or run has a page too, which says why; a value that was
// asked for and cannot be had is an error.
absl::StatusOr<std::string> HtmlOf(const Model& model, const Options& options) {
  absl::StatusOr<std::string> y = options.of;
  if (options.of.empty()) y = DifferentiatedValue(model);
  ASSIGN_OR_RETURN(const ModelView view, ViewModel(model, y.value_or(""), options.training));
  if (!options.of.empty()) RETURN_IF_ERROR(view.differentiated);
  return HtmlPage(model, view, y.status());
}

absl::StatusOr<std::string> TextOf(const Model& model, const Options& options) {
  if (options.format == "plan") return PlanOf(model, options);
  if (options.format == "html") return HtmlOf(model, options);
  std::string y = options.of;
  const bool page = options.format == "page";
  const bool differentiate = page || (options.gradients && model.graph.gradients().empty());
  if (differentiate && y.empty()) {
    ASSIGN_OR_RETURN(y, DifferentiatedValue(model));
  }
  if (page) return ModelPage(model, y, options.training);
  std::vector<std::string> kept;
  if (!y.empty()) kept.push_back(y);
  ASSIGN_OR_RETURN(Graph graph, GraphForMode(model, options.training, kept));
  if (differentiate) {
    absl::StatusOr<Graph> backward =
        Differentiate(graph, y, GradientTargets::kParameters, "", nullptr, *model.registry);
    if (!backward.ok()) return model.Blame(backward.status());
    graph = *std::move(backward);
  }
  TextOptions text_options;
  text_options.origins = true;
  return options.format == "dot" ? GraphDot(graph) : GraphText(graph, text_options);
}

absl::Status Show(const Options& options, const OpRegistry& registry) {
  if (options.measure && options.format != "plan") {
    return UsageError("--measure is of a plan: it needs --format plan");
  }
  RETURN_IF_ERROR(CheckNotAnInput(options.output, {options.model}));
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.limits, registry));
  ASSIGN_OR_RETURN(const std::string text, TextOf(model, options));
  return options.output.empty() ? Print(text) : WriteFileAtomically(options.output, text);
}

}  // namespace

Command AddShowCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app =
      *program.add_subcommand("show", "Show a model's graph as text, as a picture or as a page");
  app.footer(kExample);
  AddModel(app, options->model, options->limits);
  AddChoice(app, "--format", options->format, {"text", "dot", "page", "html", "plan"},
            "Text, one line per node; a picture for Graphviz; a page of Markdown with values; a "
            "page of HTML to look around in, forward and backward side by side; or how a step is "
            "cut, put into tasks and laid out in memory");
  AddText(app, "-o,--output", options->output, "File to write; default: standard output");
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
  AddMemoryLimit(app, options->memory_limit);
  app.add_flag("--measure", options->measure,
               "With a plan: run it on random data for about a second, and show what ops took "
               "beside the estimates, and why more threads are not faster");
  return {&app, [options, &registry] { return Show(*options, registry); }};
}

}  // namespace flowgrad
