// What pages about a model show: its graph and the backward graph of one of its values, with the
// numbers of a run.

#ifndef FLOWGRAD_TOOLS_MODEL_VIEW_H_
#define FLOWGRAD_TOOLS_MODEL_VIEW_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "scheduler/written_gradients.h"
#include "tools/model_source.h"

namespace flowgrad {

struct ModelView {
  std::string comment;      // at the top of the model's text: Markdown
  std::string y;            // the value whose derivatives these are, or ""
  Graph graph;              // the model's
  Graph both;               // the same with the backward graph of y appended
  std::vector<bool> shown;  // by node of `graph`: what the outputs and y need

  std::map<std::string, std::string> derivatives;  // by value: the name of its derivative
  std::map<std::string, std::string> values;       // by value of `both`: its number, as ShortText()
  std::vector<WrittenGradient> written;            // those that stand in the file

  // Why nothing was differentiated, and why there are no numbers. Without the first, `both` is
  // `graph`, and the derivatives are those that stand in the file.
  absl::Status differentiated, ran;
};

// Differentiates the value `y`, unless that is "", and runs the model on the values in its file, or
// on the first batch of its own data. Gradients that stand in the file are compared with the
// derived ones. Fails only where there is no graph to show; the rest is in the view. The same model
// gives the same view.
absl::StatusOr<ModelView> ViewModel(const Model& model, const std::string& y, bool training);

// "parameter", "variable", "input", or "op".
std::vector<std::string> NodeKinds(const Graph& graph);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_MODEL_VIEW_H_
