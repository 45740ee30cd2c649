#!/usr/bin/env bash
# Pages in HTML: whole, self-contained, the same on every run, and safe whatever a model's names are.
# usage: html_page_test.sh FLOWGRAD CHECK.py
set -euo pipefail
flowgrad=$1
check=$2
pages=$TEST_TMPDIR/pages
mkdir -p "$pages"

fail() {
  echo "$1" >&2
  exit 1
}

# Differentiated with numbers, with gradients of its own in the file, and with hostile names.
hostile=tests/tools/testdata/hostile_names.pbtxt
for model in examples/{rnn/rnn,lstm/lstm,two_sigmoid_layers/step,slips/rnn_wrong_slope}.pbtxt \
  "$hostile"; do
  page=$pages/$(basename "$model" .pbtxt).html
  "$flowgrad" show "$model" --format html -o "$page"
  "$flowgrad" show "$model" --format html | cmp - "$page" || fail "$model: not the same again"
done
grep -q '"wrong":{"at"' "$pages/rnn_wrong_slope.html" || fail "a wrong gradient is not in the page"

# A model that was differentiated before: what stands in the file has partners too.
"$flowgrad" grad examples/rnn/rnn.pbtxt -o "$TEST_TMPDIR/rnn_grad.pbtxt"
"$flowgrad" show "$TEST_TMPDIR/rnn_grad.pbtxt" --format html -o "$pages/rnn_grad.html"

# No numbers, and no backward graph, and neither.
node='node { name: "z" op: "MatMul" input: ["x", "w"] }'
params='parameter { name: "w" type: "float[3,2]" init { zeros {} } }'
unfed='input { name: "x" type: "float[N,3]" }'
fed='input { name: "x" type: "float[1,3]" value { values: [1, 2, 3] } }'
printf 'format_version: 1 graph { %s %s %s output: "z" }\n' "$unfed" "$params" "$node" \
  >"$TEST_TMPDIR/unfed.pbtxt"
printf 'format_version: 1 graph { %s %s %s output: "z" output: "w" }\n' "$fed" "$params" "$node" \
  >"$TEST_TMPDIR/two_outputs.pbtxt"
printf 'format_version: 1 graph { %s %s %s output: "z" output: "w" }\n' "$unfed" "$params" "$node" \
  >"$TEST_TMPDIR/neither.pbtxt"
for model in unfed two_outputs neither; do
  "$flowgrad" show "$TEST_TMPDIR/$model.pbtxt" --format html -o "$pages/$model.html"
done
grep -q 'No numbers: .*input ..x.. float\[N,3\] has no value' "$pages/unfed.html" ||
  fail "does not say why there are no numbers"
grep -q 'Nothing was differentiated: .*several outputs' "$pages/two_outputs.html" ||
  fail "does not say why nothing was differentiated"
"$flowgrad" show "$TEST_TMPDIR/two_outputs.pbtxt" --gradients --of z --format html \
  -o "$pages/of_z.html"

# A model of 10,000 nodes.
{
  echo 'format_version: 1 graph { name: "deep" input { name: "n0" type: "double[]" value { values: 1 } }'
  for ((i = 1; i <= 10000; ++i)); do
    echo "node { name: \"n$i\" op: \"Tanh\" input: \"n$((i - 1))\" }"
  done
  echo 'output: "n10000" }'
} >"$TEST_TMPDIR/deep.pbtxt"
"$flowgrad" show "$TEST_TMPDIR/deep.pbtxt" --format html -o "$pages/deep.html"

python3 "$check" "$pages"/*.html

# What was asked for and cannot be had; the model's own file.
! "$flowgrad" show "$TEST_TMPDIR/unfed.pbtxt" --gradients --of nothing --format html \
  >"$TEST_TMPDIR/out" 2>"$TEST_TMPDIR/err" || fail "a value that is not there was differentiated"
grep -q '"nothing"' "$TEST_TMPDIR/err" || fail "does not say what is not there"
cp "$TEST_TMPDIR/unfed.pbtxt" "$TEST_TMPDIR/kept.pbtxt"
! "$flowgrad" show "$TEST_TMPDIR/kept.pbtxt" --format html -o "$TEST_TMPDIR/kept.pbtxt" \
  2>"$TEST_TMPDIR/err" || fail "wrote over the model"
cmp "$TEST_TMPDIR/kept.pbtxt" "$TEST_TMPDIR/unfed.pbtxt"
