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
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/tensor.h"
#include "scheduler/gradient_check.h"
#include "scheduler/reference_run.h"
#include "scheduler/runner.h"
#include "scheduler/workers.h"
#include "scheduler/written_gradients.h"
#include "tools/main.h"
#include "training/data/csv_data.h"
#include "training/data/dataset.h"
#include "training/data/idx_data.h"
#include "training/data/known_sets.h"
#include "training/data/load_data.h"
#include "training/data/npy.h"
#include "training/data/npy_data.h"
#include "training/data/text_data.h"
#include "training/event_file.h"
#include "training/history.h"
#include "training/history_plot.h"
#include "training/line_plot.h"
#include "training/optimizer.h"
#include "training/safetensors.h"
#include "training/session.h"
#include "training/train_graph.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

// For kernels of your own, in sources compiled as Flowgrad is: -march=x86-64-v3 -ffp-contract=off.
#ifdef __FMA__
#include "ops/math.h"
#endif

#endif  // FLOWGRAD_FLOWGRAD_H_
