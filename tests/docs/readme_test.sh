#!/usr/bin/env bash
# The README shows the model file, the C++ program and the table as they are.
# usage: readme_test.sh FLOWGRAD
set -euo pipefail
readme=$(<README.md)
failed=0
contains() {
  [[ $readme == *"$2"* ]] || {
    echo "README.md does not show $1 as it is"
    failed=1
  }
}
contains examples/fashion_mnist/mlp.pbtxt "$(<examples/fashion_mnist/mlp.pbtxt)"
contains examples/cpp/build_mlp.cc "$(sed -n '/BuildMlp() {/,$p' examples/cpp/build_mlp.cc)"
contains examples/cpp/train_mlp.cc "$(sed -n '/^absl::Status TrainAndAnswer/,/^}/p' examples/cpp/train_mlp.cc)"
contains "the table" "$("$1" run examples/scalar_chain/scalar_chain.pbtxt --gradients --format table)"
exit "$failed"
