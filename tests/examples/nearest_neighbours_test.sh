#!/usr/bin/env bash
# The nearest neighbours among the first images, or among all, give the known accuracies.
# usage: nearest_neighbours_test.sh FLOWGRAD NEIGHBOURS SAMPLES ACCURACY_OF_1 ACCURACY_OF_5
set -euo pipefail
flowgrad=$1
neighbours=$2
samples=$3

model=$TEST_TMPDIR/nearest_neighbours.pbtxt
sed "s/first: 5000/first: $neighbours/" examples/fashion_mnist/nearest_neighbours.pbtxt >"$model"
# 250 images at a time: their distances to all are 120 MB.
"$flowgrad" run "$model" --metrics --samples "$samples" --batch 250 | tee "$TEST_TMPDIR/output"
diff "$TEST_TMPDIR/output" - <<END
test_accuracy/k1: $4
test_accuracy/k5: $5
END
