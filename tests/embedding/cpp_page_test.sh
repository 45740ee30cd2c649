#!/usr/bin/env bash
# Each block of C++ that a page shows stands in one of the sources as it is, but for its indentation.
# usage: cpp_page_test.sh PAGE SOURCE...
set -euo pipefail
page=$1
shift
sources=$(sed 's/^ *//' "$@")
count=0
failed=0
block=
inside=0
while IFS= read -r line; do
  if [[ $line == '```cpp' ]]; then
    inside=1 block=
  elif [[ $line == '```' && $inside == 1 ]]; then
    inside=0
    count=$((count + 1))
    [[ $'\n'$sources$'\n' == *$'\n'"$block"* ]] || {
      echo "no source has"
      echo "$block"
      failed=1
    }
  elif [[ $inside == 1 ]]; then
    block+=$(sed 's/^ *//' <<<"$line")$'\n'
  fi
done <"$page"
echo "$count blocks"
((count >= 1)) || failed=1
exit "$failed"
