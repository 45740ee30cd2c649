// The files that a training run writes, so that none is written over by surprise.

#ifndef FLOWGRAD_TOOLS_RUN_FILES_H_
#define FLOWGRAD_TOOLS_RUN_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace flowgrad {

struct RunFiles {
  std::string weights;  // mlp.safetensors
  std::string history;  // mlp.csv
  std::string plot;     // mlp.svg
};

// Where `out` is "": named after the model, in the folder where the user stands, and with a number
// ("mlp-2") where one of these files exists. Otherwise `out` are the weights, and the others have
// its name with another ending; that one of them exists is an error unless `overwrite`, and so is
// a folder that does not exist or may not be written to. None may be one of `inputs`.
absl::StatusOr<RunFiles> ChooseRunFiles(const std::string& model, const std::string& out,
                                        bool overwrite, const std::vector<std::string>& inputs);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_RUN_FILES_H_
