#include "scheduler/reference_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/run_op.h"
#include "scheduler/feeds.h"

namespace flowgrad {
namespace {

class Run {
 public:
  Run(const Graph& graph, const StepValues& values) : graph_(graph), values_(values) {
    for (const Node& node : graph.nodes()) {
      tensors_.emplace_back(node.outputs.size());
      readers_.emplace_back(node.outputs.size());
    }
  }

  void Need(ValueId value) {
    ++readers_[value.node][value.port];
    needed_nodes_.resize(graph_.nodes().size());
    needed_nodes_[value.node] = true;
  }

  absl::Status Feed(const TensorMap& feeds, const TensorMap& states) {
    for (const auto& [name, tensor] : feeds) {
      ASSIGN_OR_RETURN(const ValueId value, FindFeed(graph_, name));
      RETURN_IF_ERROR(Set(absl::StrCat("input ", Quoted(name)), value, tensor));
    }
    for (const GraphInput& input : graph_.inputs()) {
      if (feeds.count(input.name) == 0 && input.default_value.present()) {
        RETURN_IF_ERROR(
            Set(absl::StrCat("input ", Quoted(input.name)), input.value, input.default_value));
      }
    }
    for (const State& state : graph_.states()) {
      const auto found = states.find(state.name);
      if (found == states.end()) {
        return absl::NotFoundError(absl::StrCat("variable ", Quoted(state.name), " has no value"));
      }
      RETURN_IF_ERROR(Set(absl::StrCat("variable ", Quoted(state.name)), state.now, found->second));
    }
    return absl::OkStatus();
  }

  absl::Status RunNodes() {
    const int count = static_cast<int>(graph_.nodes().size());
    needed_nodes_.resize(count);
    for (int n = count - 1; n >= 0; --n) {
      if (!needed_nodes_[n]) continue;
      for (const ValueId& input : graph_.nodes()[n].inputs) {
        if (input.present()) Need(input);
      }
    }
    for (int n = 0; n < count; ++n) {
      if (!needed_nodes_[n]) continue;
      if (absl::Status status = RunNode(n); !status.ok()) {
        return AtNode(status, graph_.nodes()[n].name, graph_.nodes()[n].kind());
      }
    }
    return absl::OkStatus();
  }

  const Tensor& tensor(ValueId value) const { return tensors_[value.node][value.port]; }

 private:
  absl::Status Set(const std::string& what, ValueId value, const Tensor& tensor) {
    RETURN_IF_ERROR(BindSymbols(what, graph_.type(value), tensor.type(), symbols_));
    tensors_[value.node][value.port] = tensor;
    return absl::OkStatus();
  }

  absl::Status RunNode(int n) {
    const Node& node = graph_.nodes()[n];
    if (node.op == nullptr) {
      if (tensors_[n][0].present()) return absl::OkStatus();
      return absl::InvalidArgumentError("must be given a value");
    }
    std::vector<Tensor> inputs;
    for (const ValueId& input : node.inputs)
      inputs.push_back(input.present() ? tensor(input) : Tensor());
    ASSIGN_OR_RETURN(const OpCall call, OpCall::Make(node.op, &node.attributes, std::move(inputs),
                                                     static_cast<int>(node.outputs.size())));
    // Views too: whoever reads one may need it whole.
    for (int i = 0; i < call.shapes().num_outputs(); ++i) {
      const TensorType& type = call.shapes().output(i);
      RETURN_IF_ERROR(CheckFitsMemory(
          absl::StrCat("output ", Quoted(node.op->output_port(i).name), " ", type.ToString()),
          NumElements(KnownDims(type.shape)) * DTypeSize(type.dtype)));
    }
    std::vector<bool> needed;
    for (const int readers : readers_[n]) needed.push_back(readers > 0);
    ASSIGN_OR_RETURN(tensors_[n], call.Run(values_, node.stream, &needed));
    for (const ValueId& input : node.inputs) {
      if (input.present() && --readers_[input.node][input.port] == 0)
        tensors_[input.node][input.port] = Tensor();
    }
    return absl::OkStatus();
  }

  const Graph& graph_;
  const StepValues& values_;
  SymbolValues symbols_;
  std::vector<std::vector<Tensor>> tensors_;  // by node and port
  std::vector<std::vector<int>> readers_;     // how many still want it
  std::vector<bool> needed_nodes_;
};

}  // namespace

absl::StatusOr<TensorMap> InitializeStates(const Graph& graph, uint64_t seed,
                                           MemoryLimit memory_limit) {
  RETURN_IF_ERROR(CheckStatesLimit(graph, memory_limit));
  TensorMap states;
  for (const State& state : graph.states()) {
    const TensorType& type = graph.type(state.now);
    absl::StatusOr<Tensor> value =
        Initialize(state.init, state.name, type.dtype, KnownDims(type.shape), seed);
    if (!value.ok()) {
      return absl::Status(value.status().code(), absl::StrCat("variable ", Quoted(state.name), ": ",
                                                              value.status().message()));
    }
    states[state.name] = *std::move(value);
  }
  return states;
}

absl::StatusOr<std::vector<Tensor>> ReferenceRun(const Graph& graph, const TensorMap& feeds,
                                                 TensorMap& states,
                                                 const std::vector<std::string>& fetches,
                                                 const StepValues& values, bool update_states) {
  Run run(graph, values);
  std::vector<ValueId> fetched;
  for (const std::string& name : fetches) {
    ASSIGN_OR_RETURN(const ValueId value, FindFetch(graph, name));
    fetched.push_back(value);
    run.Need(value);
  }
  for (const State& state : graph.states()) {
    if (update_states && state.next.present()) run.Need(state.next);
  }
  RETURN_IF_ERROR(run.Feed(feeds, states));
  RETURN_IF_ERROR(run.RunNodes());
  std::vector<Tensor> results;
  for (const ValueId& value : fetched) results.push_back(run.tensor(value).Contiguous());
  for (const State& state : graph.states()) {
    if (update_states && state.next.present())
      states[state.name] = run.tensor(state.next).Contiguous();
  }
  return results;
}

}  // namespace flowgrad
