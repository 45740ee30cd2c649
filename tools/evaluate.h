// flowgrad run --metrics, --predictions, --answers: a model measured on a data set.

#ifndef FLOWGRAD_TOOLS_EVALUATE_H_
#define FLOWGRAD_TOOLS_EVALUATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ops/op_registry.h"
#include "scheduler/memory_limit.h"
#include "tools/model_source.h"

namespace flowgrad {

struct EvaluateOptions {
  std::string model, weights, data;
  FileLimits limits;
  std::string part;  // "train" or "test"; "": the test part, or if there is none the training part
  std::string predictions;                 // the file; "": none
  std::vector<std::string> fetches;        // what predictions are; none: the model's outputs
  bool metrics = false;                    // asked for: data without labels are an error
  std::optional<uint64_t> answers;         // rows of the table of answers beside the truth
  std::optional<uint64_t> samples, batch;  // the first so many; so many at once
  std::optional<uint64_t> seed, threads;
  MemoryLimit memory_limit;
  bool check_numerics = false;
};

absl::Status EvaluateModel(const EvaluateOptions& options, const OpRegistry& registry);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_EVALUATE_H_
