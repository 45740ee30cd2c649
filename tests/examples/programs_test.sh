#!/usr/bin/env bash
# The example programs run and print what they should.
# usage: programs_test.sh TRAIN_MLP RUNNER
set -euo pipefail

answers=$("$1" "$TEST_TMPDIR/xor.safetensors")
echo "$answers"
for pattern in '^0 xor 0: 0\.0' '^0 xor 1: \(0\.9\|1\.0\)' '^1 xor 0: \(0\.9\|1\.0\)' '^1 xor 1: 0\.0'; do
  grep -q "$pattern" <<<"$answers" || { echo "no line like $pattern"; exit 1; }
done

"$2" check examples/user_op/swish.pbtxt --mutate
"$2" ops Swish | grep -q 'x times its sigmoid'
