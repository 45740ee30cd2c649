#include "tools/model_source.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/graph_builder.h"
#include "graph/initializer.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "tools/command.h"
#include "training/data/load_data.h"
#include "training/data/npy.h"
#include "training/data_feeds.h"
#include "training/finite.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

constexpr int64_t kDrawnRows = 4;

std::vector<std::string> InputNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const GraphInput& input : graph.inputs()) names.push_back(input.name);
  return names;
}

const GraphInput* FindInput(const Graph& graph, absl::string_view name) {
  for (const GraphInput& input : graph.inputs()) {
    if (input.name == name) return &input;
  }
  return nullptr;
}

// Whether a tensor can be a value of this type; a symbol stands for any number.
bool Fits(const TensorType& type, const Tensor& tensor) {
  const TensorType given = tensor.type();
  bool fits = type.dtype == given.dtype && type.rank() == given.rank();
  for (int d = 0; fits && d < type.rank(); ++d) {
    fits = !type.shape[d].known() || type.shape[d] == given.shape[d];
  }
  return fits;
}

absl::StatusOr<Tensor> LoadInputFile(const Model& model, const Graph& graph,
                                     const NamedFile& file) {
  const GraphInput* input = FindInput(graph, file.name);
  if (input == nullptr) {
    return model.Blame(absl::NotFoundError(absl::StrCat("no input is named ", Quoted(file.name),
                                                        DidYouMean(file.name, InputNames(graph)))));
  }
  ASSIGN_OR_RETURN(Tensor tensor, ReadNpy(file.path));
  const TensorType& type = graph.type(input->value);
  if (Fits(type, tensor)) return tensor;
  return InFile(file.path, absl::InvalidArgumentError(absl::StrCat(
                               "input ", Quoted(file.name), " must be ", type.ToString(),
                               ", but the file has ", tensor.type().ToString())));
}

// The first rows of the model's training data, for those of its inputs that are in `wanted`.
absl::StatusOr<TensorMap> LoadFirstBatch(const Model& model, const Graph& graph,
                                         const std::set<std::string>& wanted,
                                         const FeedSource& source) {
  DataDef data = model.def.training().data();
  DataPlaces places;
  places.model_folder = ModelFolder(model.path);
  places.path = source.data;
  absl::StatusOr<DataParts> parts = LoadData(data, places);
  if (!parts.ok()) return model.Blame(parts.status());
  auto& feed = *data.mutable_feed();
  feed.erase(std::remove_if(feed.begin(), feed.end(),
                            [&](const FeedDef& f) { return wanted.count(f.input()) == 0; }),
             feed.end());
  const absl::StatusOr<DataFeeds> feeds = DataFeeds::Make(data, graph, parts->train);
  if (!feeds.ok()) return model.Blame(feeds.status());
  const int64_t batch = std::max<int64_t>(1, model.def.training().batch_size());
  std::vector<int64_t> rows(std::min({batch, source.most_rows, parts->train.num_samples()}));
  std::iota(rows.begin(), rows.end(), 0);
  TensorMap batch_feeds;
  if (absl::Status status = feeds->Fill(parts->train, rows, batch_feeds); !status.ok()) {
    return model.Blame(status);
  }
  return batch_feeds;
}

// Numbers for an input that nobody gives: normal ones, or zeros for integers and bools, which fit
// as labels and indices. Symbols that no other input knows are kDrawnRows.
absl::StatusOr<Tensor> DrawInput(const std::string& name, const TensorType& type,
                                 const std::map<std::string, int64_t>& symbols, uint64_t seed) {
  Dims dims;
  for (const Dim& dim : type.shape) {
    const auto known = symbols.find(dim.ToString());
    dims.push_back(dim.known() ? dim.value() : known == symbols.end() ? kDrawnRows : known->second);
  }
  const Initializer init = IsFloating(type.dtype) ? Normal(0, 1) : Zeros();
  return Initialize(init, name, type.dtype, dims, seed);
}

// The numbers that symbols have in `feeds` and in default values.
std::map<std::string, int64_t> SymbolsOf(const Graph& graph, const TensorMap& feeds) {
  std::map<std::string, int64_t> symbols;
  for (const GraphInput& input : graph.inputs()) {
    const auto fed = feeds.find(input.name);
    const Tensor& tensor = fed == feeds.end() ? input.default_value : fed->second;
    const SymbolicShape& shape = graph.type(input.value).shape;
    for (size_t d = 0; tensor.present() && d < shape.size(); ++d) {
      if (!shape[d].known()) symbols.emplace(shape[d].ToString(), tensor.dims()[d]);
    }
  }
  return symbols;
}

absl::Status MissingInputs(const Model& model, const Graph& graph,
                           const std::set<std::string>& missing) {
  std::vector<std::string> errors;
  for (const std::string& name : missing) {
    errors.push_back(absl::StrCat(
        "input ", Quoted(name), " ", graph.type(FindInput(graph, name)->value).ToString(),
        " has no value; give one with --input ", Escaped(name), "=FILE.npy"));
  }
  return model.Blame(absl::InvalidArgumentError(absl::StrJoin(errors, "\n")));
}

}  // namespace

absl::Status Model::Blame(const absl::Status& status) const { return InFile(path, status); }

absl::StatusOr<Model> LoadModel(const std::string& path, const FileLimits& limits,
                                const OpRegistry& registry) {
  Model model;
  model.path = path;
  model.limits = limits;
  model.registry = &registry;
  ASSIGN_OR_RETURN(model.def, ReadModelFile(path, limits.model));
  absl::StatusOr<Graph> graph = BuildGraph(model.def.graph(), registry);
  if (!graph.ok()) return model.Blame(graph.status());
  model.graph = *std::move(graph);
  return model;
}

uint64_t SeedOf(const Model& model) {
  return model.def.training().has_seed() ? model.def.training().seed() : 1;
}

absl::StatusOr<std::vector<std::string>> DifferentiatedValues(const Model& model) {
  const Graph& graph = model.graph;
  const std::string& loss = model.def.training().loss();
  if (!loss.empty()) {
    if (absl::Status status = CheckLoss(loss, graph); !status.ok()) return model.Blame(status);
    return std::vector<std::string>{loss};
  }
  std::vector<std::string> names;
  for (const GraphOutput& output : graph.outputs()) {
    if (IsFloating(graph.type(output.value).dtype)) names.push_back(graph.value_name(output.value));
  }
  if (!names.empty()) return names;
  return model.Blame(absl::InvalidArgumentError(
      "no output is float or double, so there is nothing to differentiate"));
}

absl::StatusOr<std::string> DifferentiatedValue(const Model& model) {
  ASSIGN_OR_RETURN(const std::vector<std::string> values, DifferentiatedValues(model));
  if (values.size() == 1) return values[0];
  const std::string names = absl::StrJoin(
      values, ", ", [](std::string* out, const std::string& name) { *out += Quoted(name); });
  return model.Blame(absl::InvalidArgumentError(
      absl::StrCat("the model has no training.loss and several outputs: ", names,
                   "; say which one to differentiate (run: --upstream NAME=FILE.npy, grad and "
                   "show: --of NAME)")));
}

absl::StatusOr<Graph> GraphForMode(const Model& model, bool training,
                                   const std::vector<std::string>& kept) {
  GraphBuilder builder(model.graph, *model.registry);
  std::set<std::string> outputs;
  for (const GraphOutput& output : model.graph.outputs()) outputs.insert(output.name);
  for (const std::string& name : kept) {
    const Value value = builder.Find(name);
    if (value && outputs.insert(name).second) builder.Output(value);
  }
  absl::StatusOr<Graph> graph = std::move(builder).Build();
  if (graph.ok()) graph = FoldTrainingMode(*graph, training, *model.registry);
  if (!graph.ok()) return model.Blame(graph.status());
  return graph;
}

absl::StatusOr<TensorFile> LoadWeights(const std::string& path, const FileLimits& limits) {
  ASSIGN_OR_RETURN(TensorFile file, LoadTensors(path, limits.tensors));
  for (const auto& [name, tensor] : file.tensors) {
    const int64_t place = FirstNotFinite(tensor);
    if (place < 0) continue;
    Warn(absl::StrCat(PathText(path), ": tensor ", Quoted(name), " is not finite at element ",
                      place));
  }
  return file;
}

absl::StatusOr<TensorMap> LoadStates(const Model& model, const Graph& graph,
                                     const std::string& weights, uint64_t seed,
                                     MemoryLimit memory_limit) {
  RETURN_IF_ERROR(model.Blame(CheckStatesLimit(graph, memory_limit)));
  if (weights.empty()) {
    absl::StatusOr<TensorMap> states = InitializeStates(graph, seed, memory_limit);
    if (!states.ok()) return model.Blame(states.status());
    return states;
  }
  ASSIGN_OR_RETURN(TensorFile file, LoadWeights(weights, model.limits));
  TensorMap states;
  std::vector<std::string> names, errors;
  for (const State& state : graph.states()) {
    names.push_back(state.name);
    const auto found = file.tensors.find(state.name);
    const TensorType& type = graph.type(state.now);
    if (found == file.tensors.end()) {
      errors.push_back(absl::StrCat("has no tensor ", Quoted(state.name), " ", type.ToString(),
                                    " for the model"));
    } else if (found->second.type() != type) {
      errors.push_back(absl::StrCat("tensor ", Quoted(state.name), " must be ", type.ToString(),
                                    ", but is ", found->second.type().ToString()));
    } else {
      states[state.name] = std::move(found->second);
    }
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    errors.push_back(absl::StrCat("tensor ", Quoted(name),
                                  " is no parameter or variable of the model",
                                  DidYouMean(name, names)));
  }
  if (errors.empty()) return states;
  return InFile(weights, absl::InvalidArgumentError(absl::StrJoin(errors, "\n")));
}

absl::StatusOr<std::vector<bool>> NeededNodes(const Graph& graph,
                                              const std::vector<std::string>& fetches) {
  std::vector<bool> needed(graph.nodes().size());
  for (const std::string& name : fetches) {
    ASSIGN_OR_RETURN(const ValueId value, FindFetch(graph, name));
    needed[value.node] = true;
  }
  for (size_t n = needed.size(); n-- > 0;) {
    if (!needed[n]) continue;
    for (const ValueId& input : graph.nodes()[n].inputs) {
      if (input.present()) needed[input.node] = true;
    }
  }
  return needed;
}

absl::StatusOr<TensorMap> LoadFeeds(const Model& model, const Graph& graph,
                                    const std::vector<std::string>& fetches,
                                    const FeedSource& source) {
  TensorMap feeds;
  for (const NamedFile& file : source.files) {
    ASSIGN_OR_RETURN(feeds[file.name], LoadInputFile(model, graph, file));
  }
  absl::StatusOr<std::vector<bool>> needed = NeededNodes(graph, fetches);
  if (!needed.ok()) return model.Blame(needed.status());
  std::set<std::string> missing;
  for (const GraphInput& input : graph.inputs()) {
    const bool given = feeds.count(input.name) > 0 || input.default_value.present();
    if ((*needed)[input.value.node] && !given) missing.insert(input.name);
  }
  bool has_data = false, data_replaced = false;
  for (const FeedDef& feed : model.def.training().data().feed()) {
    has_data = has_data || missing.count(feed.input()) > 0;
    data_replaced = data_replaced || feeds.count(feed.input()) > 0;
  }
  if (has_data && !data_replaced) {
    ASSIGN_OR_RETURN(TensorMap data, LoadFirstBatch(model, graph, missing, source));
    for (const auto& [name, tensor] : data) missing.erase(name);
    feeds.merge(data);
  }
  if (!missing.empty() && !source.draw_seed) return MissingInputs(model, graph, missing);
  const std::map<std::string, int64_t> symbols = SymbolsOf(graph, feeds);
  for (const std::string& name : missing) {
    const TensorType& type = graph.type(FindInput(graph, name)->value);
    absl::StatusOr<Tensor> drawn = DrawInput(name, type, symbols, *source.draw_seed);
    if (!drawn.ok()) {
      return model.Blame(
          absl::Status(drawn.status().code(),
                       absl::StrCat("input ", Quoted(name), ": ", drawn.status().message())));
    }
    feeds[name] = *std::move(drawn);
  }
  return feeds;
}

absl::Status CheckNotAnInput(const std::string& output, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    std::error_code ignored;  // of files that do not exist: they are not the same
    if (!std::filesystem::equivalent(output, input, ignored)) continue;
    return InFile(output, absl::InvalidArgumentError("is read and would be written over"));
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
