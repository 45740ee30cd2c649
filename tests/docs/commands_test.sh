#!/usr/bin/env bash
# Runs every flowgrad command that the documents show, in their order, where the examples are.
# usage: commands_test.sh FLOWGRAD DOCUMENT...
set -euo pipefail
PATH=$(dirname "$(realpath "$1")"):$PATH
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL examples "$work"
failed=0
count=0
while IFS= read -r command; do
  count=$((count + 1))
  (cd "$work" && bash -c "$command") >"$work/output" 2>&1 </dev/null || {
    echo "failed: $command"
    tail -5 "$work/output"
    failed=1
  }
done < <(awk '/^```/ {inside = !inside; next} inside && /^(\$ )?flowgrad / {sub(/^\$ /, ""); print}' "$@")
echo "$count commands"
((count > 0)) || failed=1
exit "$failed"
