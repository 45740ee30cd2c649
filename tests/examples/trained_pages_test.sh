#!/usr/bin/env bash
# The pages of the trained examples show what their commands print and draw today, and docs/examples.md leads to all.
# usage: trained_pages_test.sh RUN_PAGES FLOWGRAD WRITE_TEXT
set -euo pipefail

"$1" "$2" "$3" "$TEST_TMPDIR/pages"
if ! diff -r docs/examples/trained "$TEST_TMPDIR/pages"; then
  echo "the pages in docs/examples/trained/ are stale; run: bazel run //tools:run_pages"
  exit 1
fi
failed=0
for page in docs/examples/trained/*.md; do
  grep -qF "(${page#docs/})" docs/examples.md || { echo "docs/examples.md has no link to $page"; failed=1; }
done
exit "$failed"
