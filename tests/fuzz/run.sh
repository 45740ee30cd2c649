#!/bin/bash
# Lets each fuzzer look for SECONDS:
#
#   tests/fuzz/run.sh SECONDS [BAZEL OPTIONS]
#
# Prints how many inputs each tried and what it found. A finding is kept in tests/fuzz/findings, where
# every later run of the tests tries it again; mend it, and give it a name.
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=${1:?usage: tests/fuzz/run.sh SECONDS}
shift

# Only clang has libFuzzer.
command -v clang >/dev/null || apt-get install -y clang >/dev/null || exit 2

bazel=${BAZEL:-./bazelw}
"$bazel" build --config=fuzz "$@" //tests/fuzz:{bytes_fuzzer,model_fuzzer,write_seeds} || exit 2
bin=$("$bazel" info --config=fuzz "$@" bazel-bin 2>/dev/null)/tests/fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/{bytes,model}
"$bin/write_seeds" "$work/bytes" tests/bad_models/*.pbtxt $(find examples -name '*.pbtxt') || exit 2

failed=0
for fuzzer in bytes model; do
  longest=16384
  [ "$fuzzer" = bytes ] || longest=512
  findings=tests/fuzz/findings/$fuzzer
  mkdir -p "$findings"
  before=$(find "$findings" -type f | wc -l)
  log=$work/$fuzzer.log
  end=$(($(date +%s) + seconds))
  runs=0
  # libFuzzer ends at its first finding: go on until the time is up.
  while left=$((end - $(date +%s))) && [ "$left" -gt 0 ]; do
    "$bin/${fuzzer}_fuzzer" -max_total_time="$left" -timeout=20 -rss_limit_mb=4096 -max_len=$longest \
      -print_final_stats=1 -artifact_prefix="$findings/" "$work/$fuzzer" "$findings" >"$log" 2>&1
    code=$?
    runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log")))
    [ "$code" = 0 ] || grep -m 3 -E '^finding: |ERROR: |SUMMARY: ' "$log"
  done
  found=$(($(find "$findings" -type f | wc -l) - before))
  echo "$fuzzer: $runs inputs in $seconds s, $found findings"
  [ "$found" = 0 ] || failed=1
  [ -n "$(ls -A "$findings")" ] || rmdir "$findings"
done
exit $failed
