#!/usr/bin/env bash
# Writes the pages of the worked examples.
#
#   bazel run //tools:write_pages                    into docs/examples/
#   tools/write_pages.sh FLOWGRAD FOLDER             in the project's folder
set -euo pipefail

flowgrad=$(realpath "$1")
folder=$2
if [[ -n ${BUILD_WORKSPACE_DIRECTORY:-} ]]; then
  cd "$BUILD_WORKSPACE_DIRECTORY"
  unset BUILD_WORKING_DIRECTORY # else flowgrad goes there
fi

models=(
  first_assignment/affine
  first_assignment/softmax_loss
  first_assignment/svm_loss
  lstm/lstm
  modulo3/step
  rnn/rnn
  rnn/rnn_step
  scalar_chain/scalar_chain
  sigmoid_layers/sigmoid_layers
  sigmoid_softmax/sigmoid_softmax
  two_sigmoid_layers/step
  two_sigmoid_layers/two_sigmoid_layers
)
right=(lstm rnn rnn_step sigmoid_layers)
wrong=(
  lstm_wrong_gates
  lstm_wrong_state
  rnn_forgotten_sum
  rnn_step_wrong_weight
  rnn_wrong_slope
  sigmoid_layers_slope_outside
)

for model in "${models[@]}" "${right[@]/#/slips/}" "${wrong[@]/#/slips/}"; do
  mkdir -p "$folder/$(dirname "$model")"
  "$flowgrad" show "examples/$model.pbtxt" --format page >"$folder/$model.md"
done

{
  cat <<'END'
# Where hand derivations go wrong

Each of these models has a forward pass and, written beside it by hand, a backward pass with a slip
that was found in published course notes. `flowgrad check` compares what stands in the file with the
gradients that it derives, and names those that differ.

This page was written by

    bazel run //tools:write_pages
END
  for name in "${wrong[@]}"; do
    printf '\n## [%s](slips/%s.md)\n\n    $ flowgrad check examples/slips/%s.pbtxt\n' "$name" "$name" "$name"
    code=0
    errors=$("$flowgrad" check "examples/slips/$name.pbtxt" 2>&1 >/dev/null) || code=$?
    ((code == 1)) || { echo "check of $name ended with $code in place of 1" >&2; exit 1; }
    sed 's/^/    /' <<<"$errors"
  done
  printf '\nThe same passes without a slip:'
  for name in "${right[@]}"; do
    "$flowgrad" check "examples/slips/$name.pbtxt" >/dev/null
    printf ' [%s](slips/%s.md)' "$name" "$name"
  done
  printf '.\n'
} >"$folder/slips.md"
