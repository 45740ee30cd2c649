// All of Flowgrad's interface in one header, for programs that depend on //:flowgrad.
//
//   ops/        tensors, ops of your own, the registry
//   graph/      graphs from C++ calls or files, differentiation, passes
//   scheduler/  running graphs, checking gradients
//   training/   a session (training/session.h), data, train steps, the loop, weights
//   tools/      the command line, for programs that add ops to it
//
// docs/embedding.md says how to begin; examples/cpp/ and examples/user_op/ use nothing else. No
// header of oneTBB, Eigen or Protocol Buffers is included here. flowgrad_tbb.h beside it takes the
// caller's task_arena.

#ifndef FLOWGRAD_FLOWGRAD_H_
#define FLOWGRAD_FLOWGRAD_H_

#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "graph/graph.h"
#include "graph/graph_builder.h"
#include "graph/graph_dot.h"
#include "graph/graph_file.h"
#include "graph/graph_mermaid.h"
#include "graph/graph_text.h"
#include "graph/initializer.h"
#include "graph/passes/passes.h"
#include "ops/builtin_ops.h"
#include "ops/functions.h"
#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/tensor.h"
#include "scheduler/gradient_check.h"
#include "scheduler/reference_run.h"
#include "scheduler/runner.h"
#include "scheduler/workers.h"
#include "scheduler/written_gradients.h"
#include "tools/main.h"
#include "training/dataset.h"
#include "training/npy.h"
#include "training/optimizer.h"
#include "training/safetensors.h"
#include "training/session.h"
#include "training/train_graph.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

#endif  // FLOWGRAD_FLOWGRAD_H_
