// Graphs of one row of the conformance table, and of its gradients.

#ifndef FLOWGRAD_TESTS_CONFORMANCE_ROW_GRAPH_H_
#define FLOWGRAD_TESTS_CONFORMANCE_ROW_GRAPH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "scheduler/reference_run.h"
#include "tests/conformance/row.h"

namespace flowgrad {

// Seed, step and sample that are not zero anywhere.
inline constexpr StepValues kStepValues = {.seed = 7, .step = 3, .first_sample = 5};
inline constexpr uint64_t kStream = 42;

// A row's op called once, or more than once on the same inputs, and what is added to it.
class RowGraph {
 public:
  struct Options {
    bool symbols = false;  // dims that may be symbols are
    int calls = 1;
    bool same_input = false;  // the first two float inputs of one type are one value
    GradientMutation* mutation = nullptr;
  };
  // `inputs` give types, and the values of constants.
  RowGraph(const Row& row, const std::vector<Tensor>& inputs) : RowGraph(row, inputs, Options()) {}
  RowGraph(const Row& row, const std::vector<Tensor>& inputs, const Options& options);

  // Adds the gradients, by all inputs so far, of the op's outputs, or of what the last
  // Differentiate() added. A new input stands upstream of each of them.
  void Differentiate();

  // Ends building. Whatever is wrong with the row comes out here.
  absl::Status Build();

  // Inputs of the graph: those of the row, then the upstream gradients of each level. Absent and
  // constant ones have no name.
  const std::vector<std::string>& inputs() const { return input_names_; }
  // REQUIRES: built
  const Graph& graph() const { return graph_; }
  // What Run() feeds and fetches.
  TensorMap Feeds(const std::vector<Tensor>& inputs) const;
  std::vector<std::string> Fetches(int level) const;
  // Runs the graph for the op's outputs, level 0, or for what the n-th Differentiate() gave, level
  // n. A gradient that is zero everywhere is absent.
  absl::StatusOr<std::vector<Tensor>> Run(int level, const std::vector<Tensor>& inputs) const;

 private:
  std::string NameOf(Value value) const;

  std::unique_ptr<GraphBuilder> builder_;
  GradientMutation* mutation_;
  std::vector<Value> inputs_;
  std::vector<std::string> input_names_;
  std::vector<std::vector<Value>> outputs_;             // by level
  std::vector<std::vector<std::string>> output_names_;  // "" where absent
  Graph graph_;
};

// The outputs of a row on these inputs, by a graph of its own.
absl::StatusOr<std::vector<Tensor>> RunRow(const Row& row, const std::vector<Tensor>& inputs,
                                           bool symbols = false);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_CONFORMANCE_ROW_GRAPH_H_
