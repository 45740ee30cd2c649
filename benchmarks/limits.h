// The steps of the workloads written by hand: the limits that they are measured against.

#ifndef FLOWGRAD_BENCHMARKS_LIMITS_H_
#define FLOWGRAD_BENCHMARKS_LIMITS_H_

#include <cstdint>
#include <functional>

namespace flowgrad {

// Memory, weights and data of a step on one thread, and the function that runs it.
using Step = std::function<void()>;

Step DeepChainStep();
Step ElementwiseStep();
Step SeedMlpStep();
Step ToyChainStep();

// Around dnnl_sgemm; empty where oneDNN is not installed.
enum class Optimizer { kSgd, kAdam };
Step MlpStep(int64_t batch, Optimizer optimizer);
Step TransformerProducts(int64_t batch);
Step WideBranchesProducts(int64_t batch);

}  // namespace flowgrad

#endif  // FLOWGRAD_BENCHMARKS_LIMITS_H_
