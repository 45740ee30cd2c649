// Runs a model that uses Swish, and checks its gradient.

#include <cstdio>

#include "examples/user_op/swish.h"

using namespace flowgrad;  // NOLINT: an example

static absl::Status Run(const char* path) {
  OpRegistry registry;
  RegisterBuiltinOps(registry);
  RegisterSwish(registry);
  ASSIGN_OR_RETURN(const ModelDef model, ReadModelFile(path));
  ASSIGN_OR_RETURN(const Graph graph, BuildGraph(model.graph(), registry));
  ASSIGN_OR_RETURN(TensorMap states, InitializeStates(graph, /*seed=*/1));
  ASSIGN_OR_RETURN(const auto y, ReferenceRun(graph, {}, states, {"y"}, {}));
  for (int i = 0; i < y[0].num_elements(); ++i) std::printf("y %g\n", y[0].at(i));
  ASSIGN_OR_RETURN(const auto check, GradientCheck::Make(graph, {"y"}, {}, states, {}, registry));
  std::printf("gradient: %s\n", check.result().ok() ? "ok" : "WRONG");
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : "examples/user_op/swish.pbtxt");
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
