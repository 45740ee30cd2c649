// flowgrad grad: writes a model with its backward graph as a model file.

#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "graph/model_graph.h"
#include "proto/model_file.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/options.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad grad examples/scalar_chain/scalar_chain.pbtxt -o backward.pbtxt
  flowgrad run backward.pbtxt --fetch gradients/omega0

The file holds an ordinary graph, which can be read, edited, shown, run and differentiated again.)";

struct Options {
  std::string model;
  FileLimits limits;
  std::string output;
  std::string of;
  std::string by = "parameters";
};

absl::Status Grad(const Options& options, const OpRegistry& registry) {
  RETURN_IF_ERROR(CheckNotAnInput(options.output, {options.model}));
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.limits, registry));
  std::string y = options.of;
  if (y.empty()) {
    ASSIGN_OR_RETURN(y, DifferentiatedValue(model));
  }
  const GradientTargets targets = options.by == "all"      ? GradientTargets::kAll
                                  : options.by == "inputs" ? GradientTargets::kInputs
                                                           : GradientTargets::kParameters;
  const absl::StatusOr<Graph> graph = Differentiate(model.graph, y, targets, "", nullptr, registry);
  if (!graph.ok()) return model.Blame(graph.status());
  ModelDef def = model.def;
  *def.mutable_graph() = ToGraphDef(*graph);
  return WriteModelFile(def, options.output);
}

}  // namespace

Command AddGradCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app = *program.add_subcommand("grad", "Write a model with its backward graph");
  app.footer(kExample);
  AddModel(app, options->model, options->limits);
  AddText(app, "-o,--output", options->output, "File to write: .pbtxt or .pb")->required();
  AddText(app, "--of", options->of, "Differentiate this value in place of the loss", "NAME");
  AddChoice(app, "--by", options->by, {"parameters", "inputs", "all"},
            "What gradients are taken by");
  return {&app, [options, &registry] { return Grad(*options, registry); }};
}

}  // namespace flowgrad
