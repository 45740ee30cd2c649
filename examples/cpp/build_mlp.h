// The network of examples/fashion_mnist/mlp.pbtxt, written in C++.

#ifndef FLOWGRAD_EXAMPLES_CPP_BUILD_MLP_H_
#define FLOWGRAD_EXAMPLES_CPP_BUILD_MLP_H_

#include "flowgrad.h"

absl::StatusOr<flowgrad::Graph> BuildMlp();

#endif  // FLOWGRAD_EXAMPLES_CPP_BUILD_MLP_H_
