// Graphs that the tests of plans share, with feeds and states for them.

#ifndef FLOWGRAD_TESTS_SCHEDULER_PLANNED_GRAPHS_H_
#define FLOWGRAD_TESTS_SCHEDULER_PLANNED_GRAPHS_H_

#include <memory>
#include <string>
#include <vector>

#include "graph/graph_builder.h"
#include "scheduler/reference_run.h"

namespace flowgrad {

struct PlannedGraph {
  std::string name;
  std::shared_ptr<const Graph> graph;
  TensorMap feeds, states;
  std::vector<std::string> fetches;
};

// The train step of a net with two hidden layers, SGD with momentum: outputs "loss" and "logits".
// Its layers have names that start with "layer1", "layer2", "layer3".
PlannedGraph TrainStepOfMlp(int64_t batch, int64_t inputs, int64_t hidden, int64_t classes);

// The train step of chains of layers side by side, whose sum has a loss that is checked: output
// "loss". Layers have names that start with "chain0/layer0" and so on.
PlannedGraph TrainStepOfChains(int64_t batch, int64_t width, int chains, int layers);

// Graphs that reach every path of the planner: panels that do not divide the batch, sums cut into
// parts, views of every kind, states that swap, that are read after they are written, that no op
// can write in place, dropout, tensors without elements.
std::vector<PlannedGraph> SmallGraphs();

// The graph of `make`, fed with numbers drawn from `seed`. All its outputs are fetched, symbols are
// `batch`.
PlannedGraph MakePlanned(const std::string& name, int64_t batch,
                         const std::function<void(GraphBuilder&)>& make);

// So that panels and layers are tasks of their own.
struct PlanOptions SmallestTasks();

// The plan of a run that updates states.
std::shared_ptr<const struct Plan> PlanOf(const PlannedGraph& planned);
std::shared_ptr<const struct Plan> PlanOf(const PlannedGraph& planned,
                                          const struct PlanOptions& options);

// What differs between the states of a store and tensors: "" if nothing does.
std::string StateDifference(const class StateStore& store, const TensorMap& expected);

// Runs `steps` steps and the reference run beside it; what differs: "" if nothing does. With
// PlanOptions::canaries, which watch in place of `observer`, also what they found.
std::string DifferenceFromReference(const PlannedGraph& planned, int steps,
                                    const struct PlanOptions& options, int threads,
                                    class StepObserver* observer = nullptr);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_SCHEDULER_PLANNED_GRAPHS_H_
