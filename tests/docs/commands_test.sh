#!/usr/bin/env bash
# Runs every flowgrad command that the documents and the help of each subcommand show, in order, in a
# folder that has the examples. A command stands at the start of a line, perhaps after a "$ ", or is indented.
# usage: commands_test.sh FLOWGRAD DOCUMENT...
set -euo pipefail
PATH=$(dirname "$(realpath "$1")"):$PATH
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL examples "$work"
cat "$@" >"$work/texts"
for command in train run check show grad ops bench replay; do
  flowgrad "$command" --help >>"$work/texts"
done
failed=0
count=0
while IFS= read -r command; do
  count=$((count + 1))
  (cd "$work" && bash -c "$command") >"$work/output" 2>&1 </dev/null || {
    echo "failed: $command"
    tail -5 "$work/output"
    failed=1
  }
done < <(sed -nE 's/^(  |    )?(\$ )?(flowgrad (train|run|check|show|grad|ops|bench|replay).*)/\3/p' "$work/texts")
echo "$count commands"
((count >= 20)) || failed=1
exit "$failed"
