// A graph with the shapes of one run: what the planner works on.
//
// Every dim is known, constants are folded, view ops are gone: a value is a *storage*, memory that
// one op, input, state or constant fills row by row, and a *layout*, how the value lies in it.

#ifndef FLOWGRAD_SCHEDULER_BOUND_GRAPH_H_
#define FLOWGRAD_SCHEDULER_BOUND_GRAPH_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/bound_shapes.h"
#include "ops/op.h"
#include "scheduler/plan_options.h"

namespace flowgrad {

struct Storage {
  enum class Source : uint8_t { kComputed, kInput, kState, kConstant };
  Source source = Source::kComputed;
  DType dtype = DType::kFloat;
  Dims dims;
  int32_t slot = -1;  // of an input or state: its place in the graph's list
  int32_t op = -1;    // of a computed one: who writes it
  Tensor constant;    // of a constant: contiguous

  int64_t num_bytes() const { return NumElements(dims) * DTypeSize(dtype); }
};

// How a value lies in a storage: in elements, from the storage's first. A port left out has no
// dims; one of which only the shape is read has no storage.
struct Layout {
  int32_t storage = -1;
  int64_t offset = 0;
  bool present = false;
  DType dtype = DType::kFloat;
  Dims dims, strides;
};

struct FusedProgram;

struct BoundOp {
  const OpDef* op = nullptr;
  int32_t node = -1;  // of the graph; ops that the planner adds have the node they serve
  std::string name;   // of the node
  uint64_t stream = 0;
  BoundShapes shapes;
  Prepared prepared;
  LoopNest nest;
  Kernel kernel = nullptr;
  BlockFunction block;                        // of an elementwise op
  const FusedProgram* program = nullptr;      // of a fused one, in `prepared`
  std::vector<std::pair<int, int>> in_place;  // output and input that may be one buffer
  std::vector<Layout> inputs, outputs;
  double cost_ns = 0;
};

struct BoundGraph {
  struct NextState {
    int32_t state;  // its place in the graph's list
    Layout next;
  };
  std::vector<Storage> storages;
  std::vector<BoundOp> ops;  // in topological order
  std::vector<Layout> fetched;
  std::vector<NextState> updates;
  // A value worked out from a state and kept from run to run, by `op` wherever the state was
  // changed by others. Its storage is that of a state, whose slot follows those of the graph.
  struct Cache {
    int32_t storage;
    BoundOp op;
  };
  std::vector<Cache> caches;
  std::vector<bool> batch_dims;  // per input of the graph: whether its first dim was a symbol
  // Keeps alive what the ops point to.
  std::shared_ptr<const Graph> graph;
};

// Types that are fed, by name of the input.
using FedTypes = std::map<std::string, TensorType, std::less<>>;

// What `fetches` and, with `update_states`, the next values of states need. Inputs that are not fed
// take their default value. Errors name the input or node: NotFound for a fetch or feed that does
// not exist, InvalidArgument for a type that does not fit, Unimplemented for a shape that depends
// on the values of what is fed.
absl::StatusOr<BoundGraph> BindGraph(std::shared_ptr<const Graph> graph, const FedTypes& fed,
                                     const std::vector<std::string>& fetches, bool update_states,
                                     const PlanOptions& options);

// An op on `inputs`, one of the planner's own, that serves `node`; its output is a new storage.
// Internal errors only.
absl::StatusOr<BoundOp> MakeOp(BoundGraph& bound, const OpDef& op, std::vector<Layout> inputs,
                               int32_t node, const std::string& name);

// The op once its inputs have been put in the place of others of the same values: what follows from
// shapes is worked out anew. Internal errors only.
absl::Status RebindOp(BoundOp& op);

// Puts an op behind all others.
void PushOp(BoundGraph& bound, BoundOp op);

// The row-major layout of a whole storage.
Layout WholeOf(const BoundGraph& bound, int32_t storage);

bool IsContiguous(const Layout& layout);

// Whether a layout is all of its storage, row by row.
bool IsWhole(const BoundGraph& bound, const Layout& layout);

// Whether two layouts are the same elements.
bool SameLayout(const Layout& a, const Layout& b);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_BOUND_GRAPH_H_
