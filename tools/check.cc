// flowgrad check: validates a model and compares its gradients with finite differences.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "base/text_table.h"
#include "graph/graph_text.h"
#include "scheduler/gradient_check.h"
#include "scheduler/written_gradients.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/options.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad check examples/lstm/lstm.pbtxt
  flowgrad check examples/lstm/lstm.pbtxt --mutate

The gradients of the loss (or of the outputs, times fixed random numbers) by every parameter and
every float input are compared with central differences in double: all elements of tensors of up to
200, else 200 of them and the one with the largest gradient. Exit code 1 if one is wrong. Inputs
without values are drawn at random. Gradients that stand in the file are compared with the derived
ones. --mutate puts mistakes into the gradient rules, one at a time,
and sees whether the comparison notices.)";

// Rows of the model's own data that are looked at.
constexpr int64_t kMostRows = 8;

struct Options {
  std::string model;
  FileLimits limits;
  std::string weights;
  std::string data;
  std::vector<NamedFile> inputs;
  std::optional<uint64_t> seed;
  bool mutate = false;
};

// What was found: text for standard output, and errors.
struct Report {
  std::string text;
  std::vector<std::string> errors;
};

std::string GradientNumber(double value) { return absl::StrFormat("%.10g", value); }

void ReportGradients(const GradientResult& result, const std::string& what, Report& report) {
  TextTable table({"gradient by", "checked", "worst at", "analytic", "numeric", "error", ""});
  for (const TensorGradients& t : result.tensors) {
    const bool any = t.worst_element >= 0;
    const std::string at = any ? IndexText(t.dims, t.worst_element) : "-";
    table.AddRow({Escaped(t.name), absl::StrCat(t.num_checked), at,
                  any ? GradientNumber(t.analytic) : "-", any ? GradientNumber(t.numeric) : "-",
                  absl::StrFormat("%.2g", t.worst_error), t.ok() ? "ok" : "WRONG"});
    if (t.ok()) continue;
    report.errors.push_back(absl::StrCat("gradient of ", what, " by ", Quoted(t.name), " at ", at,
                                         " must be ", GradientNumber(t.numeric), ", but is ",
                                         GradientNumber(t.analytic)));
  }
  absl::StrAppend(&report.text, "\nThe gradient of ", what,
                  " against central differences in double (error: 1 is what is allowed)\n\n",
                  table.ToString(), "\n", result.num_checked, " elements of ",
                  result.tensors.size(), " tensors compared, ", result.num_kinks,
                  " on a kink left out\n");
  if (result.too_many_kinks()) {
    report.errors.push_back(
        absl::StrCat("at most 5 % of the elements may be on a kink, but ", result.num_kinks, " of ",
                     result.num_checked + result.num_kinks,
                     " are; feed other numbers with --input, or try another --seed"));
  }
}

void ReportWritten(const std::vector<WrittenGradient>& gradients, Report& report) {
  TextTable table({"gradient of", "in the file", "worst at", "written", "derived", ""});
  for (const WrittenGradient& g : gradients) {
    const bool any = g.worst_element >= 0;
    table.AddRow({Escaped(g.value), Escaped(g.gradient),
                  any ? IndexText(g.dims, g.worst_element) : "-",
                  any ? GradientNumber(g.written) : "-", any ? GradientNumber(g.derived) : "-",
                  g.ok ? "ok" : "WRONG"});
    if (!g.ok) report.errors.push_back(WrongGradientText(g));
  }
  absl::StrAppend(&report.text, "\nThe gradients in the file against the derived ones\n\n",
                  table.ToString());
}

void ReportMutations(const GradientCheck& check, Report& report) {
  std::vector<std::string> head = {"op"};
  for (int k = 0; k < GradientMutation::kNumKinds; ++k) {
    head.emplace_back(GradientMutation::KindName(static_cast<GradientMutation::Kind>(k)));
  }
  TextTable table(head);
  for (const std::string& op : check.MutableOps()) {
    const std::string name = op.empty() ? "(inputs and parameters)" : op;
    std::vector<std::string> row = {name};
    for (int k = 0; k < GradientMutation::kNumKinds; ++k) {
      GradientMutation mutation;
      mutation.kind = static_cast<GradientMutation::Kind>(k);
      mutation.op = op;
      const MutationOutcome outcome = check.TryMutation(mutation);
      row.push_back(outcome == MutationOutcome::kNoticed    ? "noticed"
                    : outcome == MutationOutcome::kNoEffect ? "-"
                                                            : "NOT NOTICED");
      if (outcome != MutationOutcome::kNotNoticed) continue;
      report.errors.push_back(absl::StrCat("mutation \"", GradientMutation::KindName(mutation.kind),
                                           "\" of the gradient of ", name, " was not noticed"));
    }
    table.AddRow(row);
  }
  absl::StrAppend(&report.text, "\nMistakes in gradient rules (-: changes nothing here)\n\n",
                  table.ToString());
}

absl::Status Check(const Options& options, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.limits, registry));
  const uint64_t seed = options.seed.value_or(SeedOf(model));
  ASSIGN_OR_RETURN(const std::vector<std::string> ys, DifferentiatedValues(model));
  ASSIGN_OR_RETURN(const Graph graph, GraphForMode(model, /*training=*/true, ys));
  FeedSource source;
  source.files = options.inputs;
  source.data = options.data;
  source.most_rows = kMostRows;
  source.draw_seed = seed;
  ASSIGN_OR_RETURN(const TensorMap feeds, LoadFeeds(model, graph, ys, source));
  ASSIGN_OR_RETURN(const TensorMap states, LoadStates(model, graph, options.weights, seed));
  GradientCheck::Options check_options;
  check_options.seed = seed;
  check_options.step_values.seed = seed;
  const absl::StatusOr<GradientCheck> check =
      GradientCheck::Make(graph, ys, feeds, states, check_options, registry);
  if (!check.ok()) return model.Blame(check.status());
  Report report{GraphText(graph), {}};
  const std::string what =
      absl::StrJoin(ys, " + ", [](std::string* out, const std::string& y) { *out += Quoted(y); });
  ReportGradients(check->result(), what, report);
  if (!graph.gradients().empty()) {
    const absl::StatusOr<std::vector<WrittenGradient>> written =
        CompareWrittenGradients(graph, ys, feeds, states, check_options.step_values, registry);
    if (!written.ok()) return model.Blame(written.status());
    ReportWritten(*written, report);
  }
  if (options.mutate && report.errors.empty()) ReportMutations(*check, report);
  RETURN_IF_ERROR(Print(report.text));
  if (report.errors.empty()) return absl::OkStatus();
  return model.Blame(absl::AbortedError(absl::StrJoin(report.errors, "\n")));
}

}  // namespace

Command AddCheckCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app =
      *program.add_subcommand("check", "Validate a model, compare gradients with differences");
  app.footer(kExample);
  AddModel(app, options->model, options->limits);
  AddText(app, "--weights", options->weights, "Values of parameters and variables (safetensors)");
  AddNamedFiles(app, "--input", options->inputs, "Values of inputs");
  AddNumber(app, "--seed", options->seed, "Of first values and random ops; default: the model's");
  app.add_flag("--mutate", options->mutate, "Check the check: see that mistakes are noticed");
  AddText(app, "--data", options->data, "Folder of the model's data set", "DIR");
  return {&app, [options, &registry] { return Check(*options, registry); }};
}

}  // namespace flowgrad
