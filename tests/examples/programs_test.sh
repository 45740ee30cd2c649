#!/usr/bin/env bash
# The example programs run and print what they should.
# usage: programs_test.sh TRAIN_MLP RUNNER WRITE_TEXT FLOWGRAD
set -euo pipefail

answers=$("$1" "$TEST_TMPDIR/xor.safetensors")
echo "$answers"
for pattern in '^0 xor 0: 0\.0' '^0 xor 1: \(0\.9\|1\.0\)' '^1 xor 0: \(0\.9\|1\.0\)' '^1 xor 1: 0\.0'; do
  grep -q "$pattern" <<<"$answers" || { echo "no line like $pattern"; exit 1; }
done

"$2" check examples/user_op/swish.pbtxt --mutate
"$2" ops Swish | grep -q 'x times its sigmoid'

# Little training gives few words, but the characters of the text, eight and 500 of them, and the same again.
licenses=/usr/share/common-licenses
model=examples/characters/characters.pbtxt
weights=$TEST_TMPDIR/characters.safetensors
"$4" train $model --data $licenses --steps 100 --quiet --out "$weights"
for run in 1 2; do "$3" $model "$weights" $licenses/GPL-3 7 >"$TEST_TMPDIR/text$run"; done
cat "$TEST_TMPDIR/text1"
cmp "$TEST_TMPDIR/text1" "$TEST_TMPDIR/text2"
[[ $(wc -m <"$TEST_TMPDIR/text1") == 509 ]]
