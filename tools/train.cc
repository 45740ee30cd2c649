// flowgrad train: trains a model by its training section and writes the weights.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "tools/checkpoint_options.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/run_files.h"
#include "tools/trace_file.h"
#include "tools/training_run.h"
#include "training/event_file.h"
#include "training/history_plot.h"
#include "training/safetensors.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

constexpr char kExample[] =
    R"(Examples:
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 100
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 50 --set optimizer.learning_rate=0.01
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 50 --set 'optimizer=adamw { learning_rate: 0.001 }'
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 20 --threads 2 --trace trace.json
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 20 --check-numerics
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 300 --checkpoint-every 100 --out long.safetensors
  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 300 --resume auto --out long.safetensors

Writes the weights, the history as a table (.csv) and as a plot (.svg), all under the name of --out.
Ctrl-C ends it after the step under way, with what there is written; a second Ctrl-C ends it at once.)";

struct TrainOptions {
  TrainingRun run;
  std::optional<uint64_t> evaluate_every, threads;
  std::string out, log_folder;
  TraceOptions trace;
  CheckpointFlags checkpoints;
  MemoryLimit memory_limit;
  bool overwrite = false, quiet = false, check_numerics = false;
};

// `  test_loss 0.2314  test_accuracy 0.8903`: in a row of the bar.
std::string MetricsText(const std::vector<MetricResult>& metrics) {
  std::string text;
  for (const MetricResult& metric : metrics) {
    if (metric.table.empty())
      absl::StrAppendFormat(&text, "  test_%s %.4f", metric.name, metric.value);
  }
  return text;
}

// Trains to the end, or to where the user stops it, and shows how it goes.
absl::Status TrainAll(Trainer& trainer, bool quiet) {
  const int64_t batch = trainer.batch_size();
  Progress progress(trainer.num_steps() * batch, "samples", quiet);
  double mean = 0;  // of the loss, over about the last hundred steps
  int64_t count = 0;
  return trainer.Train([&](double loss) {
    mean += (loss - mean) * (++count < 100 ? 1.0 / static_cast<double>(count) : 0.01);
    const int64_t samples = trainer.step() * batch;
    if (!progress.IsDue(samples)) return;
    const int64_t epoch = (trainer.step() - 1) / trainer.steps_per_epoch() + 1;
    const std::string text =
        absl::StrFormat("epoch %d/%d  loss %.4f%s", epoch, trainer.num_epochs(), mean,
                        MetricsText(trainer.metrics()));
    progress.Show(samples, text, trainer.training_time());
  });
}

// Sends the rows of the history to TensorBoard.
absl::Status LogTo(EventFile& events, const History& history, const HistoryRow& row) {
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  RETURN_IF_ERROR(events.Add(row.step, "train/loss", row.loss, now));
  RETURN_IF_ERROR(events.Add(row.step, "train/learning_rate", row.learning_rate, now));
  for (size_t m = 0; m < row.metrics.size(); ++m) {
    if (!row.metrics[m]) continue;
    RETURN_IF_ERROR(
        events.Add(row.step, absl::StrCat("test/", history.metrics()[m]), *row.metrics[m], now));
  }
  return absl::OkStatus();
}

// `weights: mlp.safetensors` and so on: where everything went, and the metrics.
absl::Status WriteAll(const TrainOptions& options, const RunFiles& files, const Trainer& trainer,
                      const Tracer* tracer) {
  const std::vector<NamedTensor> weights = trainer.Weights();
  RETURN_IF_ERROR(SaveTensors(files.weights, weights, {}));
  RETURN_IF_ERROR(trainer.history().WriteCsv(files.history));
  RETURN_IF_ERROR(
      WriteFileAtomically(files.plot, HistoryPlot(trainer.history(), options.run.model)));
  std::string text = absl::StrCat("weights: ", files.weights, "\nhistory: ", files.history,
                                  "\nplot: ", files.plot, "\n");
  if (!options.log_folder.empty()) absl::StrAppend(&text, "logdir: ", options.log_folder, "\n");
  if (tracer != nullptr) {
    absl::StrAppend(&text, "trace: ", options.trace.file, ", the first ", tracer->runs().size(),
                    " of ", tracer->num_runs(), " runs\n");
  }
  for (const MetricResult& metric : trainer.metrics()) {
    if (trainer.metrics_step() != trainer.step()) break;  // they are of an earlier step
    absl::StrAppend(&text, "test_", metric.name, ":", ValueText(metric), "\n");
  }
  return Print(absl::StrCat(text, "weights_hash: ", WeightsHash(weights), "\n"));
}

absl::StatusOr<std::unique_ptr<Tracer>> OpenTrace(const TrainOptions& options,
                                                  const RunFiles& files) {
  const std::string& trace = options.trace.file;
  if (!trace.empty() && !options.overwrite && FileExists(trace)) {
    return InFile(trace, absl::AlreadyExistsError(
                             "exists; write over it with --overwrite, or choose another --trace"));
  }
  for (const std::string* file : {&files.weights, &files.history, &files.plot}) {
    if (trace == *file) return UsageError("--trace and --out name the same file");
  }
  return MakeTracer(options.trace, {options.run.model, options.run.weights, options.run.data});
}

absl::Status CheckResume(const TrainOptions& options) {
  const CheckpointFlags& flags = options.checkpoints;
  if (flags.resume.empty()) return absl::OkStatus();
  if (!options.run.weights.empty()) return UsageError("--resume and --weights exclude each other");
  if (!options.out.empty() || !flags.folder.empty()) return absl::OkStatus();
  return UsageError("--resume needs --out or --checkpoints: they say which run goes on");
}

// A loss that is not finite, with how to find out why.
absl::Status WithAdvice(const absl::Status& status, const TrainOptions& options,
                        const RunFiles& files) {
  if (!absl::IsAborted(status) || options.check_numerics) return status;
  return absl::AbortedError(absl::StrCat(
      status.message(), "; to see where it comes from: ",
      options.checkpoints.any()
          ? absl::StrCat("flowgrad replay ", PathText(FolderOf(options.checkpoints, files.weights)),
                         " --to-first-nan")
          : "--check-numerics"));
}

absl::Status Train(const TrainOptions& options, const OpRegistry& registry) {
  RETURN_IF_ERROR(CheckResume(options));
  // A run that goes on writes the files that it would have written.
  const bool resumes = !options.checkpoints.resume.empty() && !options.out.empty();
  const std::vector<std::string> inputs = {options.run.model, options.run.weights,
                                           options.run.data};
  ASSIGN_OR_RETURN(const RunFiles files, ChooseRunFiles(options.run.model, options.out,
                                                        options.overwrite || resumes, inputs));
  ASSIGN_OR_RETURN(const std::unique_ptr<Tracer> tracer, OpenTrace(options, files));
  const Interrupt interrupt;
  TrainerOptions settings;
  settings.threads = static_cast<int>(options.threads.value_or(0));
  settings.memory_limit = options.memory_limit;
  settings.check_numerics = options.check_numerics;
  settings.stop = interrupt.flag();
  settings.observer = tracer.get();
  ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer,
                   OpenTrainer(options.run, settings, registry));
  for (const std::string& name : trainer->unreachable_parameters()) {
    Warn(absl::StrCat("the loss does not depend on parameter ", Quoted(name),
                      ", which keeps its value"));
  }
  ASSIGN_OR_RETURN(const bool resumed,
                   StartCheckpoints(options.checkpoints, files.weights, options.run, *trainer));
  if (!resumed && !options.overwrite) {
    RETURN_IF_ERROR(
        ChooseRunFiles(options.run.model, files.weights, /*overwrite=*/false, inputs).status());
  }
  std::optional<EventFile> events;
  if (!options.log_folder.empty()) {
    ASSIGN_OR_RETURN(EventFile opened, EventFile::Open(options.log_folder));
    events.emplace(std::move(opened));
    trainer->set_on_row(
        [&](const HistoryRow& row) { return LogTo(*events, trainer->history(), row); });
  }
  absl::Status trained =
      InFile(options.run.model, WithAdvice(TrainAll(*trainer, options.quiet), options, files));
  if (tracer != nullptr) {
    trained.Update(WriteTrace(options.trace, *tracer, absl::StrCat("train ", options.run.model)));
  }
  RETURN_IF_ERROR(trained);
  if (events) RETURN_IF_ERROR(events->Flush());
  RETURN_IF_ERROR(WriteAll(options, files, *trainer, tracer.get()));
  if (!*interrupt.flag()) return absl::OkStatus();
  return absl::CancelledError(
      absl::StrCat("interrupted after step ", trainer->step(), " of ", trainer->num_steps(),
                   "; its weights are in ", PathText(files.weights),
                   options.checkpoints.any() ? "; go on with --resume auto" : ""));
}

}  // namespace

Command AddTrainCommand(CLI::App& program, const OpRegistry& registry) {
  CLI::App& command = *program.add_subcommand("train", "Train a model and write its weights");
  auto options = std::make_shared<TrainOptions>();
  constexpr uint64_t kMost = uint64_t{1} << 40;
  AddModel(command, options->run.model, options->run.limits);
  AddNumber(command, "--seed", options->run.seed,
            "Seed of initial values, the order of samples and dropout; default: the model's, or 1");
  AddNumber(command, "--epochs", options->run.epochs, 1, kMost,
            "Train this many epochs; default: as the model says");
  AddNumber(command, "--steps", options->run.steps, 1, kMost, "Train this many steps instead");
  AddNumber(command, "--batch", options->run.batch, 1, kMost,
            "Samples per step; default: as the model says");
  AddNumber(command, "--eval-every", options->evaluate_every, 1, kMost,
            "Steps between two looks at the metrics; default: as the model says, or an epoch's");
  AddTexts(command, "--set", options->run.settings,
           "Override any field of the training section: optimizer.learning_rate=0.01",
           "FIELD=VALUE");
  AddThreads(command, options->threads);
  AddMemoryLimit(command, options->memory_limit);
  AddText(command, "--out", options->out,
          "Weights to write (safetensors); default: MODEL's name, in this folder, with a number "
          "where a run has it already");
  command.add_flag("--overwrite", options->overwrite, "Write over files of an earlier run");
  AddText(command, "--weights", options->run.weights, "Weights to start from (safetensors)");
  AddTexts(command, "--take", options->run.take,
           "Take only these from --weights: patterns of names, \"encoder/*\"", "PATTERN")
      ->needs(command.get_option("--weights"));
  AddText(command, "--data", options->run.data,
          "Folder of the data's files, or a file in place of the test part; default: the model's "
          "folder, or where the data set's package puts it",
          "PATH");
  AddText(command, "--logdir", options->log_folder, "Write events for TensorBoard here, too",
          "DIR");
  AddCheckpoints(command, options->checkpoints);
  AddTrace(command, options->trace);
  command
      .add_flag("--check-numerics", options->check_numerics,
                "Look at every number of every node, and fail where the first NaN or infinity is "
                "made, with the node, the place and what it was made from; slower, the same bits")
      ->excludes(command.get_option("--trace"));
  command.add_flag("-q,--quiet", options->quiet, "Show no progress");
  command.get_option("--epochs")->excludes(command.get_option("--steps"));
  command.footer(kExample);
  return {&command, [options, &registry] {
            if (options->evaluate_every) {
              std::vector<std::string>& settings = options->run.settings;
              settings.insert(settings.begin(),
                              absl::StrCat("evaluate_every=", *options->evaluate_every));
            }
            return Train(*options, registry);
          }};
}

}  // namespace flowgrad
