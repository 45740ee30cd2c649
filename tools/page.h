// The page of a model, in Markdown: what its file says about it, its graph as a picture, and every
// value with its formula, its number, its backward nodes and its derivative.

#ifndef FLOWGRAD_TOOLS_PAGE_H_
#define FLOWGRAD_TOOLS_PAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "tools/model_source.h"

namespace flowgrad {

// Runs the model on the values in its file, or on the first batch of its own data, and
// differentiates the value `y`. Gradients that stand in the file are compared with the derived
// ones. The same model gives the same page, to the byte.
absl::StatusOr<std::string> ModelPage(const Model& model, const std::string& y, bool training);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_PAGE_H_
