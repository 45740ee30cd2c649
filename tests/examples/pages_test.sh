#!/usr/bin/env bash
# The pages of the worked examples are what flowgrad writes today, and docs/examples.md leads to all.
# usage: pages_test.sh WRITE_PAGES FLOWGRAD
set -euo pipefail

"$1" "$2" "$TEST_TMPDIR/pages"
if ! diff -r --exclude trained docs/examples "$TEST_TMPDIR/pages"; then
  echo "the pages in docs/examples/ are stale; run: bazel run //tools:write_pages"
  exit 1
fi
failed=0
while read -r page; do
  grep -qF "(examples/$page)" docs/examples.md || { echo "docs/examples.md has no link to $page"; failed=1; }
done < <(cd "$TEST_TMPDIR/pages" && find . -name '*.md' -not -path './slips/*' | sed 's|^\./||')
exit "$failed"
