// flowgrad bench: measures steps of a model on random data, after a check of what they compute.

#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "nlohmann/json.hpp"
#include "scheduler/plan_memory.h"
#include "scheduler/reference_run.h"
#include "tools/command.h"
#include "tools/first_step.h"
#include "tools/model_source.h"
#include "tools/options.h"
#include "tools/planned_steps.h"
#include "tools/progress.h"
#include "tools/step_timer.h"
#include "tools/trace_file.h"
#include "tools/workload.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

// Steps from the initial weights to those that are hashed.
constexpr int64_t kHashSteps = 10;
// The reference run checks so many steps, or one if that takes longer than kSlow.
constexpr int64_t kCheckedSteps = 2;
constexpr absl::Duration kSlow = absl::Seconds(1);

constexpr double kDefaultSeconds = 3, kLeastSeconds = 0.01, kMostSeconds = 3600;
constexpr uint64_t kMostSteps = uint64_t{1} << 40;

constexpr char kHelp[] =
    R"(Examples:
  flowgrad bench examples/fashion_mnist/mlp.pbtxt --batch 32 --threads 2 --seconds 0.2 --format json
  flowgrad bench examples/scalar_chain/scalar_chain.pbtxt --steps 1000
  flowgrad bench examples/fashion_mnist/mlp.pbtxt --steps 50 --threads 2 --trace trace.json

Inputs take the value in the model; without one, floats are uniform in [0, 1), and integers over
what they are an index into (of labels: the classes), or else 0 and 1. The learning rate is the
optimizer's own. The first 10 steps are not measured; the first two are compared, bit by bit, with
the reference run, or one if that takes over a second. After a warm-up of a tenth of the time follow
about 50 chunks of equally many steps.

  steps_per_second        the median over chunks; samples_per_second is that times the batch
  step_us_p50, _p99       of single steps, the last million of them
  peak_bytes              the most memory of the process up to step 10, without the reference run
  plan_bytes              all that show --format plan counts: docs/memory.md
  weights_hash            of the model's states after weights_hash_steps steps from their first
                          values: the same for any number of threads
  traced_steps            with --trace: how many of the measured steps, the first, are in the file)";

struct Options {
  std::string model;
  FileLimits limits;
  std::string step;
  std::string format = "text";
  std::string save_step;
  std::optional<uint64_t> batch, threads, steps;
  std::optional<double> seconds;
  MemoryLimit memory_limit;
  TraceOptions trace;
};

// The bits of a step's outputs and of the states after it, by name. Hashes in place of copies: a
// benchmark should not take more memory than what it measures.
using Bits = std::map<std::string, std::string>;

Bits BitsOf(const Workload& workload, const std::vector<Tensor>& outputs, const TensorMap& states) {
  Bits bits;
  const auto add = [&](absl::string_view kind, const std::string& name, const Tensor& tensor) {
    bits[absl::StrCat(kind, " ", Quoted(name))] = WeightsHash({NamedTensor(name, tensor)});
  };
  for (size_t i = 0; i < outputs.size(); ++i) add("value", workload.fetches[i], outputs[i]);
  for (const auto& [name, tensor] : states) add("variable", name, tensor);
  return bits;
}

// Internal if the reference run gives other bits than `planned`, those of the first steps.
absl::Status CheckSteps(const Workload& workload, const TensorMap& inputs, uint64_t seed,
                        const std::vector<Bits>& planned) {
  ASSIGN_OR_RETURN(TensorMap states, InitializeStates(*workload.graph, seed));
  StepValues values;
  values.seed = seed;
  const absl::Time start = absl::Now();
  for (const Bits& bits : planned) {
    ASSIGN_OR_RETURN(const std::vector<Tensor> outputs,
                     ReferenceRun(*workload.graph, inputs, states, workload.fetches, values,
                                  workload.update_states));
    ++values.step;
    for (const auto& [name, hash] : BitsOf(workload, outputs, states)) {
      if (bits.at(name) == hash) continue;
      return absl::InternalError(absl::StrCat("step ", values.step, ": ", name,
                                              " differs from that of the reference run"));
    }
    if (absl::Now() - start > kSlow) break;
  }
  return absl::OkStatus();
}

// The most memory that the process has had, in bytes; absent where the system does not say.
std::optional<int64_t> PeakBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    absl::string_view text = line;
    int64_t kilobytes = 0;
    if (!absl::ConsumePrefix(&text, "VmHWM:") || !absl::ConsumeSuffix(&text, " kB")) continue;
    if (absl::SimpleAtoi(text, &kilobytes)) return kilobytes * 1024;
  }
  return std::nullopt;
}

// Of the model's own states, without the optimizer's.
std::string HashOfStates(const Model& model, const StateStore& states) {
  std::vector<NamedTensor> weights;
  for (const State& state : model.graph.states()) {
    weights.emplace_back(state.name, *states.Find(state.name));
  }
  return WeightsHash(weights);
}

std::string Text(const nlohmann::ordered_json& result) {
  std::string text;
  for (const auto& [key, value] : result.items()) {
    absl::StrAppend(&text, key, ": ");
    if (value.is_number_float()) {
      absl::StrAppendFormat(&text, "%.6g", value.get<double>());
    } else {
      absl::StrAppend(&text, value.is_string() ? Escaped(value.get<std::string>()) : value.dump());
    }
    text += '\n';
  }
  return text;
}

absl::StatusOr<StepTimes> Time(const Options& options, PlannedSteps& steps) {
  std::optional<Progress> progress;
  const absl::Time start = absl::Now();
  if (isatty(STDERR_FILENO) == 1) progress.emplace(100, "%");
  StepTiming timing;
  timing.seconds = options.seconds.value_or(kDefaultSeconds);
  if (options.steps) timing.steps = static_cast<int64_t>(*options.steps);
  timing.on_progress = [&](double share) {
    const int64_t percent = static_cast<int64_t>(share * 100);
    if (progress && progress->IsDue(percent)) {
      progress->Show(percent, "measuring", absl::Now() - start);
    }
  };
  return TimeSteps(timing, [&] { return steps.Step(); });
}

absl::StatusOr<nlohmann::ordered_json> Measure(const Model& model, const Options& options,
                                               Tracer* tracer) {
  ASSIGN_OR_RETURN(const Workload workload, MakeWorkload(model, options.step, options.batch));
  const Workers workers(static_cast<int>(options.threads.value_or(0)));
  const auto planned = PlanWorkload(workload, workers, options.memory_limit);
  if (!planned.ok()) return model.Blame(planned.status());
  ASSIGN_OR_RETURN(const TensorMap inputs, DrawInputs(model, workload));
  const uint64_t seed = SeedOf(model);
  absl::StatusOr<std::unique_ptr<PlannedSteps>> made =
      PlannedSteps::Make(workload, *planned, inputs, seed, workers);
  if (!made.ok()) return model.Blame(made.status());
  PlannedSteps& steps = **made;

  std::vector<Bits> first;
  for (int64_t step = 0; step < kHashSteps; ++step) {
    if (absl::Status status = steps.Step(); !status.ok()) return model.Blame(status);
    if (step < kCheckedSteps) {
      first.push_back(BitsOf(workload, steps.outputs(), steps.states().tensors()));
    }
  }
  const std::optional<int64_t> peak_bytes = PeakBytes();
  const bool hashed = workload.update_states && !model.graph.states().empty();
  const std::string hash = hashed ? HashOfStates(model, steps.states()) : "";
  if (absl::Status status = CheckSteps(workload, inputs, seed, first); !status.ok()) {
    return model.Blame(status);
  }
  if (!options.save_step.empty()) {
    RETURN_IF_ERROR(SaveFirstStep(model, workload, inputs, options.save_step));
  }
  steps.set_observer(tracer);
  const absl::StatusOr<StepTimes> times = Time(options, steps);
  if (!times.ok()) return model.Blame(times.status());

  const Plan& plan = steps.run().plan();
  nlohmann::ordered_json result;
  const auto set = [&](const char* key, const auto& optional) {
    if (optional) {
      result[key] = *optional;
    } else {
      result[key] = nullptr;
    }
  };
  result["name"] = workload.name;
  result["step"] = workload.step;
  set("batch", workload.batch);
  result["threads"] = workers.threads();
  result["tasks"] = plan.tasks.size();
  result["steps"] = times->steps;
  result["steps_per_second"] = times->steps_per_second;
  set("samples_per_second",
      workload.batch ? std::optional(times->steps_per_second * static_cast<double>(*workload.batch))
                     : std::nullopt);
  result["step_us_p50"] = times->p50_us;
  result["step_us_p99"] = times->p99_us;
  set("peak_bytes", peak_bytes);
  result["plan_bytes"] = MemoryOf(plan, workers.threads()).total;
  set("weights_hash", hashed ? std::optional(hash) : std::nullopt);
  set("weights_hash_steps", hashed ? std::optional(kHashSteps) : std::nullopt);
  return result;
}

absl::Status Bench(const Options& options, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Tracer> tracer,
                   MakeTracer(options.trace, {options.model}));
  ASSIGN_OR_RETURN(const Model model, LoadModel(options.model, options.limits, registry));
  ASSIGN_OR_RETURN(nlohmann::ordered_json result, Measure(model, options, tracer.get()));
  if (tracer != nullptr) {
    RETURN_IF_ERROR(WriteTrace(options.trace, *tracer, absl::StrCat("bench ", options.model)));
    result["trace"] = options.trace.file;
    result["traced_steps"] = tracer->runs().size();
  }
  if (options.format == "text") return Print(Text(result));
  // Names of models may be any bytes.
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  return Print(absl::StrCat(result.dump(-1, ' ', false, replace), "\n"));
}

}  // namespace

Command AddBenchCommand(CLI::App& program, const OpRegistry& registry) {
  auto options = std::make_shared<Options>();
  CLI::App& app = *program.add_subcommand("bench", "Measure a model's steps on random data");
  app.footer(kHelp);
  AddModel(app, options->model, options->limits);
  AddChoice(app, "--step", options->step, WorkloadSteps(), std::string(kStepHelp));
  AddNumber(app, "--batch", options->batch, 1, kMostBatch,
            "Number for the symbols in inputs' types; default: the model's batch size, or 1");
  AddThreads(app, options->threads);
  AddMemoryLimit(app, options->memory_limit);
  AddReal(app, "--seconds", options->seconds, kLeastSeconds, kMostSeconds, "S",
          "How long to measure, about; default: 3");
  AddNumber(app, "--steps", options->steps, 1, kMostSteps, "Measure this many steps instead");
  AddText(
      app, "--save-step", options->save_step,
      "Also write what the first step reads, its loss and its gradients, to a .safetensors file");
  app.get_option("--steps")->excludes(app.get_option("--seconds"));
  AddTrace(app, options->trace);
  AddChoice(app, "--format", options->format, {"text", "json"}, "How results are printed");
  return {&app, [options, &registry] { return Bench(*options, registry); }};
}

}  // namespace flowgrad
