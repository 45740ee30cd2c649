#include "tools/training_run.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "nlohmann/json.hpp"
#include "proto/model.pb.h"
#include "proto/model_file.h"
#include "tools/command.h"
#include "training/data/load_data.h"
#include "training/safetensors.h"
#include "training/settings.h"

namespace flowgrad {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMostBytes = int64_t{1} << 20;

std::string RunFile(absl::string_view folder) { return absl::StrCat(folder, "/run.json"); }

std::optional<int64_t> Signed(std::optional<uint64_t> number) {
  return number ? std::optional<int64_t>(static_cast<int64_t>(*number)) : std::nullopt;
}

// Where the system cannot say, the path as it is.
std::string WholePath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return path.empty() || error ? path : whole.lexically_normal().string();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> OpenTrainer(const TrainingRun& run, TrainerOptions options,
                                                     const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const ModelDef model, ReadModelFile(run.model, run.limits.model));
  TrainingDef scratch = model.training();
  if (absl::Status status = ApplySettings(run.settings, scratch); !status.ok()) {
    return UsageError(absl::StrCat("--set: ", status.message()));
  }
  options.seed = run.seed;
  options.epochs = Signed(run.epochs);
  options.steps = Signed(run.steps);
  options.batch_size = Signed(run.batch);
  options.settings = run.settings;
  options.data = run.data;
  absl::StatusOr<std::unique_ptr<Trainer>> trainer =
      Trainer::Make(model, options, registry, ModelFolder(run.model));
  if (!trainer.ok()) return InFile(run.model, trainer.status());
  if (!run.weights.empty()) {
    ASSIGN_OR_RETURN(const TensorFile weights, LoadWeights(run.weights, run.limits));
    const absl::Status status = (*trainer)->SetWeights(weights, run.take);
    if (!status.ok()) return InFile(run.weights, status);
  }
  return trainer;
}

absl::Status WriteRun(absl::string_view folder, const TrainingRun& run) {
  Json json;
  json["model"] = WholePath(run.model);
  json["data"] = WholePath(run.data);
  json["weights"] = WholePath(run.weights);
  json["take"] = run.take;
  const auto add = [&](const char* name, std::optional<uint64_t> number) {
    if (number) json[name] = *number;
  };
  add("seed", run.seed);
  add("epochs", run.epochs);
  add("steps", run.steps);
  add("batch", run.batch);
  json["set"] = run.settings;
  // A path may be of any bytes.
  const std::string text =
      json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  return WriteFileAtomically(RunFile(folder), absl::StrCat(text, "\n"));
}

absl::StatusOr<TrainingRun> ReadRun(absl::string_view folder) {
  const std::string file = RunFile(folder);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMostBytes));
  try {
    const Json json = Json::parse(text);
    TrainingRun run;
    run.model = json.at("model").get<std::string>();
    run.data = json.at("data").get<std::string>();
    run.weights = json.at("weights").get<std::string>();
    run.take = json.at("take").get<std::vector<std::string>>();
    const auto read = [&](const char* name) {
      return json.contains(name) ? std::optional(json.at(name).get<uint64_t>()) : std::nullopt;
    };
    run.seed = read("seed");
    run.epochs = read("epochs");
    run.steps = read("steps");
    run.batch = read("batch");
    run.settings = json.at("set").get<std::vector<std::string>>();
    return run;
  } catch (const Json::exception& error) {
    return InFile(file, absl::DataLossError(absl::StrCat("is not what this program writes: ",
                                                         Escaped(error.what()))));
  }
}

}  // namespace flowgrad
