#!/usr/bin/env bash
# The thread sanitizer finds the race that is planted in a flow graph, and nothing in the right one.
# usage: thread_sanitizer_test.sh PLANTED_RACE
set -euo pipefail
failed=0
# expect TEXT COMMAND...: the command must succeed.
expect() {
  "${@:2}" || {
    echo "expected: $1"
    failed=1
  }
}

code=0
report=$("$1" right 2>&1) || code=$?
expect "the right program ends with exit code 0, not $code" test "$code" -eq 0
expect "no report about the right program" test -z "$report"
echo "$report"

code=0
report=$("$1" racing 2>&1) || code=$?
expect "the racing program ends with exit code 66, not $code" test "$code" -eq 66
expect "a report of a race" grep -q "WARNING: ThreadSanitizer: data race" <<<"$report"
expect "the name of the function that races" grep -q "^ *#.*WritePart" <<<"$report"
((failed == 0)) || echo "$report"
exit "$failed"
