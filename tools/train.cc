// flowgrad train: trains a model by its training section and writes the weights.

#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "proto/model_file.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "training/safetensors.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

struct TrainOptions {
  std::string model;
  std::optional<uint64_t> seed, steps, batch, threads;
  std::string out, weights, data;
};

// "examples/mlp.pbtxt" gives "mlp.safetensors", in the folder where the user stands.
std::string DefaultOut(absl::string_view model) {
  const size_t slash = model.rfind('/');
  absl::string_view stem = slash == absl::string_view::npos ? model : model.substr(slash + 1);
  stem = stem.substr(0, stem.rfind('.'));
  return absl::StrCat(stem, ".safetensors");
}

absl::Status TrainAll(Trainer& trainer) {
  const int64_t batch = trainer.batch_size();
  Progress progress(trainer.num_steps() * batch, "samples");
  double mean = 0;  // of the loss, over about the last hundred steps
  while (!trainer.done()) {
    ASSIGN_OR_RETURN(const double loss, trainer.Step());
    const double weight = trainer.step() < 100 ? 1.0 / static_cast<double>(trainer.step()) : 0.01;
    mean += weight * (loss - mean);
    const int64_t epoch = (trainer.step() - 1) / trainer.steps_per_epoch() + 1;
    progress.Update(trainer.step() * batch,
                    absl::StrFormat("epoch %d/%d  loss %.4f", epoch, trainer.num_epochs(), mean));
  }
  return absl::OkStatus();
}

absl::Status Train(const TrainOptions& options, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const ModelDef model, ReadModelFile(options.model));
  const std::string out = options.out.empty() ? DefaultOut(options.model) : options.out;
  RETURN_IF_ERROR(CheckNotAnInput(out, {options.model, options.weights}));
  TrainerOptions settings;
  settings.seed = options.seed;
  settings.data_folder = options.data;
  if (options.threads) settings.threads = static_cast<int>(*options.threads);
  if (options.steps) settings.steps = static_cast<int64_t>(*options.steps);
  if (options.batch) settings.batch_size = static_cast<int64_t>(*options.batch);
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Make(model, settings, registry);
  if (!trainer.ok()) return InFile(options.model, trainer.status());
  if (!options.weights.empty()) {
    ASSIGN_OR_RETURN(const TensorFile weights, LoadTensors(options.weights));
    if (absl::Status status = (*trainer)->SetWeights(weights); !status.ok())
      return InFile(options.weights, status);
  }
  for (const std::string& name : (*trainer)->unreachable_parameters()) {
    std::fputs(absl::StrCat("flowgrad: warning: the loss does not depend on parameter ",
                            Quoted(name), ", which keeps its value\n")
                   .c_str(),
               stderr);
  }
  if (absl::Status status = TrainAll(**trainer); !status.ok()) return InFile(options.model, status);
  absl::StatusOr<std::vector<Metric>> metrics = (*trainer)->Evaluate();
  if (!metrics.ok()) return InFile(options.model, metrics.status());

  const std::vector<NamedTensor> weights = (*trainer)->Weights();
  RETURN_IF_ERROR(SaveTensors(out, weights, {}));
  std::string text = absl::StrCat("weights: ", out, "\n");
  for (const Metric& metric : *metrics)
    absl::StrAppend(&text, "test_", metric.name, ": ", Number(metric.value), "\n");
  return Print(absl::StrCat(text, "weights_hash: ", WeightsHash(weights), "\n"));
}

}  // namespace

Command AddTrainCommand(CLI::App& program, const OpRegistry& registry) {
  CLI::App& command = *program.add_subcommand("train", "Train a model and write its weights");
  auto options = std::make_shared<TrainOptions>();
  AddModel(command, options->model);
  AddNumber(command, "--seed", options->seed,
            "Seed of initial values, shuffling and dropout; default: the model's, or 1");
  AddNumber(command, "--steps", options->steps,
            "Train this many steps; default: as the model says");
  AddNumber(command, "--batch", options->batch, "Samples per step; default: as the model says");
  AddThreads(command, options->threads);
  AddText(command, "--out", options->out,
          "Weights to write (safetensors); default: MODEL's name, in this folder");
  AddText(command, "--weights", options->weights, "Weights to start from (safetensors)");
  AddText(command, "--data", options->data,
          "Folder of data sets; default: where their packages put them");
  command.footer(
      "Example:\n"
      "  flowgrad train examples/fashion_mnist/mlp.pbtxt --steps 100 --out mlp.safetensors");
  return {&command, [options, &registry] { return Train(*options, registry); }};
}

}  // namespace flowgrad
