// flowgrad run: computes a model's outputs, and the gradients of its loss.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "base/text_table.h"
#include "graph/autodiff.h"
#include "graph/graph_text.h"
#include "ops/tensor.h"
#include "scheduler/numerics_check.h"
#include "scheduler/runner.h"
#include "scheduler/state_store.h"
#include "scheduler/workers.h"
#include "tools/command.h"
#include "tools/evaluate.h"
#include "tools/model_source.h"
#include "tools/options.h"
#include "tools/tensor_text.h"
#include "training/data/npy.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad run examples/scalar_chain/scalar_chain.pbtxt --gradients --format table
  flowgrad run examples/scalar_chain/scalar_chain.pbtxt --fetch h1 --output h1=h1.npy
  flowgrad run examples/scalar_chain/scalar_chain.pbtxt --input x=h1.npy --gradients
  flowgrad run examples/fashion_mnist/mlp.pbtxt --metrics --samples 1000 --predictions out.csv

Prints JSON: {"outputs": {NAME: {"dtype", "shape", "values"}}, "gradients": ..., "fetched": ...}.
Inputs that are not given take the values in the model, or the first batch of its own data.
With --metrics, --predictions or --answers the model is run on its data set, sample by sample.)";

struct Options {
  std::string model;
  FileLimits limits;
  std::string weights;
  std::string data;
  std::vector<NamedFile> inputs;
  std::string gradients;  // "": none
  std::vector<std::string> fetches;
  std::optional<NamedFile> upstream;
  std::vector<NamedFile> outputs;
  std::string format = "json";
  std::optional<uint64_t> seed, threads;
  bool check_numerics = false;
  MemoryLimit memory_limit;
  bool training = false;
  EvaluateOptions evaluation;

  bool evaluates() const {
    return evaluation.metrics || evaluation.answers || !evaluation.predictions.empty();
  }
};

// What is run, and what of it is wanted.
struct Plan {
  Graph graph;
  std::vector<std::string> outputs;              // the model's own
  std::map<std::string, std::string> gradients;  // the name of each value's gradient
  std::vector<std::string> rows;                 // of the table
  std::string upstream_input;
};

using Results = std::map<std::string, Tensor>;

GradientTargets TargetsOf(const Options& options) {
  if (options.gradients == "all" || options.format == "table") return GradientTargets::kAll;
  return options.gradients == "inputs" ? GradientTargets::kInputs : GradientTargets::kParameters;
}

// The name that the value called `name` in the model has in `graph`, where a pass may have put
// another in its place.
absl::StatusOr<std::string> NameIn(const Graph& graph, const std::string& name) {
  ASSIGN_OR_RETURN(const ValueId value, FindFetch(graph, name));
  return graph.value_name(value);
}

absl::Status AddGradients(const Model& model, const Options& options, const std::string& y,
                          Plan& plan) {
  const bool written_in_file = !plan.graph.gradients().empty() && !options.upstream;
  if (!written_in_file) {
    absl::StatusOr<std::string> name = NameIn(plan.graph, y);
    if (!name.ok()) return model.Blame(name.status());
    if (options.upstream) plan.upstream_input = absl::StrCat(kGradientPrefix, *name, "/upstream");
    absl::StatusOr<Graph> graph = Differentiate(plan.graph, *name, TargetsOf(options),
                                                plan.upstream_input, nullptr, *model.registry);
    if (!graph.ok()) return model.Blame(graph.status());
    plan.graph = *std::move(graph);
  }
  for (const GradientPair& pair : plan.graph.gradients()) {
    plan.gradients[pair.value] = plan.graph.value_name(pair.gradient);
  }
  return absl::OkStatus();
}

// Every value of a forward node that the outputs need.
absl::StatusOr<std::vector<std::string>> TableRows(const Graph& graph,
                                                   const std::vector<std::string>& wanted) {
  ASSIGN_OR_RETURN(const std::vector<bool> needed, NeededNodes(graph, wanted));
  std::vector<std::string> rows;
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    if (!needed[n]) continue;
    for (const Node::Output& output : graph.nodes()[n].outputs) {
      if (!output.name.empty()) rows.push_back(output.name);
    }
  }
  return rows;
}

// NotFound if the model has no value of a name that is wanted. Gradients are looked for later.
absl::Status CheckNames(const Model& model, const std::vector<std::string>& wanted) {
  for (const std::string& name : wanted) {
    if (absl::StartsWith(name, kGradientPrefix)) continue;
    RETURN_IF_ERROR(model.Blame(FindFetch(model.graph, name).status()));
  }
  return absl::OkStatus();
}

absl::StatusOr<Plan> MakePlan(const Model& model, const Options& options) {
  Plan plan;
  for (const GraphOutput& output : model.graph.outputs()) plan.outputs.push_back(output.name);
  std::vector<std::string> kept = options.fetches;
  std::string y;
  if (options.upstream) {
    y = options.upstream->name;
  } else if (!options.gradients.empty() && model.graph.gradients().empty()) {
    ASSIGN_OR_RETURN(y, DifferentiatedValue(model));
  }
  if (!y.empty()) kept.push_back(y);
  for (const NamedFile& output : options.outputs) kept.push_back(output.name);
  RETURN_IF_ERROR(CheckNames(model, kept));
  ASSIGN_OR_RETURN(plan.graph, GraphForMode(model, options.training, kept));
  if (options.format == "table") {
    std::vector<std::string> wanted = plan.outputs;
    if (!y.empty()) wanted.push_back(y);
    for (const std::string& name : options.fetches) {
      if (!absl::StartsWith(name, kGradientPrefix)) wanted.push_back(name);
    }
    absl::StatusOr<std::vector<std::string>> rows = TableRows(plan.graph, wanted);
    if (!rows.ok()) return model.Blame(rows.status());
    plan.rows = *std::move(rows);
  }
  if (!options.gradients.empty()) RETURN_IF_ERROR(AddGradients(model, options, y, plan));
  return plan;
}

std::vector<std::string> Fetches(const Plan& plan, const Options& options) {
  std::set<std::string> names(plan.outputs.begin(), plan.outputs.end());
  names.insert(options.fetches.begin(), options.fetches.end());
  names.insert(plan.rows.begin(), plan.rows.end());
  for (const auto& [value, gradient] : plan.gradients) names.insert(gradient);
  for (const NamedFile& output : options.outputs) names.insert(output.name);
  return {names.begin(), names.end()};
}

absl::StatusOr<Results> Compute(const Model& model, const Plan& plan, const Options& options) {
  const uint64_t seed = options.seed.value_or(SeedOf(model));
  const std::vector<std::string> fetches = Fetches(plan, options);
  FeedSource source;
  source.files = options.inputs;
  source.data = options.data;
  if (options.upstream) source.files.push_back({plan.upstream_input, options.upstream->path});
  ASSIGN_OR_RETURN(const TensorMap feeds, LoadFeeds(model, plan.graph, fetches, source));
  StateStore states;
  Runner::Options settings;
  settings.workers = Workers(static_cast<int>(options.threads.value_or(0)));
  NumericsCheck check;
  if (options.check_numerics) {
    settings.plan = NodeByNode();
    settings.observer = &check;
  }
  settings.memory_limit = options.memory_limit;
  Runner runner(std::make_shared<const Graph>(plan.graph), fetches, &states, settings);
  // A plan that is too large is refused before the states take memory.
  RETURN_IF_ERROR(model.Blame(runner.PlanFor(feeds).status()));
  ASSIGN_OR_RETURN(TensorMap loaded,
                   LoadStates(model, plan.graph, options.weights, seed, options.memory_limit));
  states.Take(std::move(loaded));
  absl::StatusOr<std::vector<Tensor>> tensors = runner.Run(feeds, StepValues{.seed = seed});
  if (!tensors.ok()) return model.Blame(tensors.status());
  Results results;
  for (size_t i = 0; i < fetches.size(); ++i) results[fetches[i]] = (*tensors)[i];
  return results;
}

// A part of the JSON; `names` are pairs of the name shown and the name in the results.
std::string JsonPart(absl::string_view key,
                     const std::vector<std::pair<std::string, std::string>>& names,
                     const Results& results) {
  const std::string members = absl::StrJoin(names, ",\n", [&](std::string* out, const auto& name) {
    absl::StrAppend(out, "    ", JsonString(name.first), ": ", JsonTensor(results.at(name.second)));
  });
  return absl::StrCat("  \"", key, "\": {", members.empty() ? "" : "\n", members,
                      members.empty() ? "}" : "\n  }");
}

std::string Json(const Plan& plan, const Options& options, const Results& results) {
  std::vector<std::pair<std::string, std::string>> outputs, fetched;
  for (const std::string& name : plan.outputs) outputs.emplace_back(name, name);
  for (const std::string& name : std::set(options.fetches.begin(), options.fetches.end())) {
    fetched.emplace_back(name, name);
  }
  std::vector<std::string> parts = {JsonPart("outputs", outputs, results)};
  if (!options.gradients.empty()) {
    parts.push_back(JsonPart("gradients", {plan.gradients.begin(), plan.gradients.end()}, results));
  }
  if (!fetched.empty()) parts.push_back(JsonPart("fetched", fetched, results));
  return absl::StrCat("{\n", absl::StrJoin(parts, ",\n"), "\n}\n");
}

std::string Table(const Plan& plan, const Options& options, const Results& results) {
  const bool derivatives = !options.gradients.empty();
  std::vector<std::string> head = {"node", "formula", "value"};
  if (derivatives) head.push_back("derivative");
  TextTable table(head);
  for (const std::string& name : plan.rows) {
    const Node& node = plan.graph.node(plan.graph.Find(name));
    if (derivatives && !node.forward.empty()) continue;
    std::vector<std::string> row = {Escaped(name), Escaped(Formula(plan.graph, node)),
                                    ShortText(results.at(name))};
    const auto gradient = plan.gradients.find(name);
    if (gradient != plan.gradients.end()) row.push_back(ShortText(results.at(gradient->second)));
    table.AddRow(row);
  }
  return table.ToString();
}

absl::Status CheckOutputFiles(const Options& options) {
  std::vector<std::string> inputs = {options.model, options.weights};
  for (const NamedFile& file : options.inputs) inputs.push_back(file.path);
  if (options.upstream) inputs.push_back(options.upstream->path);
  for (const NamedFile& file : options.outputs) {
    RETURN_IF_ERROR(CheckNotAnInput(file.path, inputs));
  }
  return absl::OkStatus();
}

absl::Status Measure(const Options& options, const OpRegistry& registry) {
  EvaluateOptions evaluation = options.evaluation;
  evaluation.model = options.model;
  evaluation.limits = options.limits;
  evaluation.weights = options.weights;
  evaluation.data = options.data;
  evaluation.fetches = options.fetches;
  evaluation.seed = options.seed;
  evaluation.threads = options.threads;
  evaluation.check_numerics = options.check_numerics;
  evaluation.memory_limit = options.memory_limit;
  return EvaluateModel(evaluation, registry);
}

absl::Status Run(const Options& options, const OpRegistry& registry) {
  if (options.evaluates()) return Measure(options, registry);
  RETURN_IF_ERROR(CheckOutputFiles(options));
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.limits, registry));
  ASSIGN_OR_RETURN(const Plan plan, MakePlan(model, options));
  ASSIGN_OR_RETURN(const Results results, Compute(model, plan, options));
  const std::string text =
      options.format == "table" ? Table(plan, options, results) : Json(plan, options, results);
  for (const NamedFile& output : options.outputs) {
    RETURN_IF_ERROR(WriteNpy(output.path, results.at(output.name)));
  }
  return Print(text);
}

}  // namespace

Command AddRunCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app =
      *program.add_subcommand("run", "Compute a model's outputs, and gradients of its loss");
  app.footer(kExample);
  AddModel(app, options->model, options->limits);
  AddText(app, "--weights", options->weights, "Values of parameters and variables (safetensors)");
  AddNamedFiles(app, "--input", options->inputs, "Values of inputs");
  AddFlagOrChoice(app, "--gradients", options->gradients, {"parameters", "inputs", "all"},
                  "Gradients of the loss (or of the only output); default: by parameters");
  AddTexts(app, "--fetch", options->fetches, "Names of more values to give", "NAME");
  AddNamedFile(app, "--upstream", options->upstream,
               "Differentiate value NAME, into which this gradient flows");
  AddNamedFiles(app, "--output", options->outputs, "Files to write values to");
  AddChoice(app, "--format", options->format, {"json", "table"}, "How results are printed");
  AddNumber(app, "--seed", options->seed, "Of first values and random ops; default: the model's");
  app.add_flag("--training", options->training, "Run the graph that trains");
  AddThreads(app, options->threads);
  app.add_flag("--check-numerics", options->check_numerics,
               "Look at every number of every node, and fail where the first NaN or infinity is "
               "made, with the node, the place and what it was made from");
  AddMemoryLimit(app, options->memory_limit);
  AddText(
      app, "--data", options->data,
      "Folder of the data's files, a file in place of the test part, or the name of a known set",
      "PATH");
  EvaluateOptions& evaluation = options->evaluation;
  CLI::Option* const metrics =
      app.add_flag("--metrics", evaluation.metrics, "Measure the model on its data set");
  CLI::Option* const predictions =
      AddText(app, "--predictions", evaluation.predictions,
              "Write the outputs for every sample of the data set: .csv, or .npy for one output");
  AddNumber(app, "--answers", evaluation.answers, 1, 1'000'000,
            "Print a table of so many samples: the answer beside the truth");
  AddChoice(app, "--part", evaluation.part, {"train", "test"},
            "Part of the data set; default: test, if there is one");
  AddNumber(app, "--samples", evaluation.samples, 1, uint64_t{1} << 40,
            "Only the first so many samples");
  AddNumber(app, "--batch", evaluation.batch, 1, uint64_t{1} << 30, "Samples at a time");
  for (const char* other : {"--input", "--gradients", "--upstream", "--output", "--training"}) {
    for (CLI::Option* option : {metrics, predictions, app.get_option("--answers")}) {
      option->excludes(app.get_option(other));
    }
  }
  return {&app, [options, &registry] {
            if (options->upstream && options->gradients.empty()) options->gradients = "parameters";
            return Run(*options, registry);
          }};
}

}  // namespace flowgrad
