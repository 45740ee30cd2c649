#!/usr/bin/env bash
# Counts the instructions of one step of small workloads, under valgrind, and compares them with what is recorded
# in instruction_counts.txt: more than 5 % more is an error, and so is more than 5 % less until it is recorded.
# usage: instruction_count_test.sh FLOWGRAD COUNTS [--record REASON]
#
# Valgrind does not know AVX-512: this is about the build for x86-64-v3, in which counts repeat exactly.
set -euo pipefail
flowgrad=$1
counts=$2
reason=""
if [[ ${3:-} == --record ]]; then
  reason=${4:?a reason is needed: what made the figures change}
  counts=${BUILD_WORKSPACE_DIRECTORY:-.}/$counts
fi
export FLOWGRAD_ISA=x86-64-v3
command -v valgrind >/dev/null || {
  echo "valgrind is not installed: apt-get install valgrind"
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# instructions_of_a_step MODEL OPTIONS...: bench takes ten steps before the one that it measures.
instructions_of_a_step() {
  local model=$1 all
  shift
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='flowgrad::RunState::Run(*' \
    "$flowgrad" bench "benchmarks/$model.pbtxt" "$@" --threads 1 --steps 1 >"$work/log" 2>&1 || {
    tail -20 "$work/log" >&2
    return 1
  }
  all=$(sed -nE 's/.*Collected : ([0-9]+)$/\1/p' "$work/log")
  ((all > 0)) || {
    echo "no step of $model was counted: is RunState::Run() still what runs one?" >&2
    return 1
  }
  echo $((all / 11))
}

failed=0
while IFS='|' read -r workload recorded why; do
  if [[ $workload != [a-z]* ]]; then
    echo "$workload" >>"$work/counts"
    continue
  fi
  read -ra command <<<"$workload"
  count=$(instructions_of_a_step "${command[@]}")
  echo "${command[*]}: $count instructions in a step, recorded are ${recorded// /}"
  if ((count * 100 > recorded * 105 || count * 105 < recorded * 100)); then
    if [[ -n $reason ]]; then
      recorded=$(printf ' %11d ' "$count")
      why=" $reason"
    else
      ((count > recorded)) && echo "  over 5 % more" || echo "  over 5 % less: good, record it"
      failed=1
    fi
  fi
  echo "$workload|$recorded|$why" >>"$work/counts"
done <"$counts"

if [[ -n $reason ]]; then
  cp "$work/counts" "$counts"
elif ((failed)); then
  echo "where that is meant: ./bazelw run //tests/benchmarks:instruction_count_test -- --record 'REASON'"
fi
exit "$failed"
