#!/usr/bin/env bash
# The example trains on the threads it has, and has no more of them than it asked for; the same bits come out again.
# usage: embedding_test.sh EMBEDDING
set -euo pipefail
fail() {
  echo "$1"
  exit 1
}
output=$("$1")
echo "$output"
read -r arena process < <(
  sed -nE 's/^threads asked for: 2, in the arena: ([0-9]+), of the process: ([0-9]+)$/\1 \2/p' <<<"$output"
)
((arena >= 1 && arena <= 2)) || fail "there were $arena threads in the arena"
((process >= 1 && process <= 2)) || fail "the process had $process threads"
losses=$(sed -nE 's/^loss (.*)$/\1/p' <<<"$output")
awk 'NR == 1 { first = $1 } END { exit !($1 < first / 20) }' <<<"$losses" || fail "the loss did not become small"
grep -q '^flowgrad: planned a training step for ' <<<"$output" || fail "no line of the log"
hash=$(grep weights_hash <<<"$output")
[[ $("$1" | grep weights_hash) == "$hash" ]] || fail "another run gives other weights"
