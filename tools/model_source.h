// A model and what it is run on: its file, its weights, its inputs.
//
// Errors begin with the name of the file that they are about, one per line.

#ifndef FLOWGRAD_TOOLS_MODEL_SOURCE_H_
#define FLOWGRAD_TOOLS_MODEL_SOURCE_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/op_registry.h"
#include "proto/model.pb.h"
#include "proto/model_file.h"
#include "scheduler/memory_limit.h"
#include "scheduler/reference_run.h"
#include "training/safetensors.h"

namespace flowgrad {

// The most that files may ask for.
struct FileLimits {
  ModelLimits model;
  TensorLimits tensors;
};

struct Model {
  std::string path;
  FileLimits limits;
  ModelDef def;
  Graph graph;  // as the file has it: it can still train or infer
  const OpRegistry* registry = nullptr;

  // `status` as an error about this model's file.
  absl::Status Blame(const absl::Status& status) const;
};

// Does not copy `registry`, which must outlive the model.
absl::StatusOr<Model> LoadModel(const std::string& path, const FileLimits& limits,
                                const OpRegistry& registry);

// The model's own seed, or 1.
uint64_t SeedOf(const Model& model);

// What the model's gradients are those of: training.loss, or else its outputs of float or double.
// Errors: a loss that is no value, or no float or double scalar; no such output.
absl::StatusOr<std::vector<std::string>> DifferentiatedValues(const Model& model);
// The same where only one will do. InvalidArgument, with their names, if there are several.
absl::StatusOr<std::string> DifferentiatedValue(const Model& model);

// The graph that trains or infers. Values named in `kept` become outputs, so that they survive.
absl::StatusOr<Graph> GraphForMode(const Model& model, bool training,
                                   const std::vector<std::string>& kept);

// The tensors of a file of weights. One with NaN or infinity is a warning: training on from it
// gives no others.
absl::StatusOr<TensorFile> LoadWeights(const std::string& path, const FileLimits& limits);

// The first values of `graph`, a graph of this model, drawn with `seed`; or, with a file of
// weights, what it says. Errors: those of CheckStatesLimit().
absl::StatusOr<TensorMap> LoadStates(const Model& model, const Graph& graph,
                                     const std::string& weights, uint64_t seed,
                                     MemoryLimit memory_limit = {});

struct NamedFile {
  std::string name;
  std::string path;
};

struct FeedSource {
  std::vector<NamedFile> files;  // .npy
  std::string data;              // folder of data sets; "": where their packages put them
  int64_t most_rows = std::numeric_limits<int64_t>::max();
  // For inputs that are given nowhere; where unset, they are an error.
  std::optional<uint64_t> draw_seed;
};

// Values for the inputs that `fetches` need: from the files, or else the default in the model, or
// else, if no file gives an input of it, the first batch of the model's own training data. Inputs
// that nothing needs are fed only from files.
absl::StatusOr<TensorMap> LoadFeeds(const Model& model, const Graph& graph,
                                    const std::vector<std::string>& fetches,
                                    const FeedSource& source);

// True for every node of `graph` that the values named in `fetches` need.
absl::StatusOr<std::vector<bool>> NeededNodes(const Graph& graph,
                                              const std::vector<std::string>& fetches);

// InvalidArgument if `output` is one of the files that are read.
absl::Status CheckNotAnInput(const std::string& output, const std::vector<std::string>& inputs);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_MODEL_SOURCE_H_
