#!/usr/bin/env bash
# The documents show model files, C++ programs and tables as they are.
# usage: readme_test.sh FLOWGRAD
set -euo pipefail
failed=0
# contains DOCUMENT WHAT TEXT
contains() {
  [[ $(<"$1") == *"$3"* ]] || {
    echo "$1 does not show $2 as it is"
    failed=1
  }
}
contains README.md examples/fashion_mnist/mlp.pbtxt "$(<examples/fashion_mnist/mlp.pbtxt)"
contains README.md examples/cpp/build_mlp.cc "$(sed -n '/BuildMlp() {/,$p' examples/cpp/build_mlp.cc)"
contains README.md examples/cpp/train_mlp.cc "$(sed -n '/^absl::Status TrainAndAnswer/,/^}/p' examples/cpp/train_mlp.cc)"
contains README.md "the table" "$("$1" run examples/scalar_chain/scalar_chain.pbtxt --gradients --format table)"
contains docs/models.md examples/line/line.pbtxt "$(<examples/line/line.pbtxt)"
exit "$failed"
