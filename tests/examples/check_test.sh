#!/usr/bin/env bash
# Every example's gradients agree with differences, and every mistake put into a rule is noticed.
# usage: check_test.sh FLOWGRAD MODEL...
set -euo pipefail
flowgrad=$1
shift
failed=0
for model; do
  "$flowgrad" check "$model" --mutate >"$TEST_TMPDIR/output" 2>&1 || {
    echo "failed: flowgrad check $model --mutate"
    tail -20 "$TEST_TMPDIR/output"
    failed=1
  }
done
echo "$# models"
exit "$failed"
