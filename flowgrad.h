// All of Flowgrad's interface in one header, for programs that depend on //:flowgrad.
//
//   ops/        tensors, ops of your own, the registry
//   graph/      graphs from C++ calls or files, differentiation, passes
//   scheduler/  running graphs, checking gradients
//   training/   data, train steps, the loop, weights
//   tools/      the command line, for programs that add ops to it
//
// examples/cpp/ and examples/user_op/ use nothing else.

#ifndef FLOWGRAD_FLOWGRAD_H_
#define FLOWGRAD_FLOWGRAD_H_

#include "base/status_macros.h"
#include "graph/autodiff.h"
#include "graph/graph.h"
#include "graph/graph_builder.h"
#include "graph/graph_dot.h"
#include "graph/graph_mermaid.h"
#include "graph/graph_text.h"
#include "graph/initializer.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "ops/builtin_ops.h"
#include "ops/functions.h"
#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/tensor.h"
#include "proto/model_file.h"
#include "scheduler/gradient_check.h"
#include "scheduler/reference_run.h"
#include "scheduler/written_gradients.h"
#include "tools/main.h"
#include "training/dataset.h"
#include "training/npy.h"
#include "training/safetensors.h"
#include "training/train_graph.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

#endif  // FLOWGRAD_FLOWGRAD_H_
