#!/usr/bin/env bash
# docs/ops.md is the catalogue that the registry gives today.
# usage: ops_page_test.sh FLOWGRAD
set -euo pipefail

if ! diff docs/ops.md <("$1" ops --format markdown); then
  echo "docs/ops.md is stale; run: flowgrad ops --format markdown > docs/ops.md"
  exit 1
fi
