#!/usr/bin/env bash
# The models that write_models.py writes are those of the folder.
# usage: written_models_test.sh WRITE_MODELS
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" "$work"
count=0
for model in "$work"/*.pbtxt; do
  count=$((count + 1))
  diff "benchmarks/${model##*/}" "$model" || {
    echo "stale: run benchmarks/write_models.py benchmarks"
    exit 1
  }
done
((count > 0))
