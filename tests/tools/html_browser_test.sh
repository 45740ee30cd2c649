#!/usr/bin/env bash
# Pages in HTML as Chromium shows them: every node is drawn, nothing fails, and names stay names.
# Skipped where there is no Chromium.
# usage: html_browser_test.sh FLOWGRAD
set -euo pipefail
flowgrad=$1
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "skipped: no Chromium here"
  exit 0
}

fail() {
  echo "$1" >&2
  exit 1
}

# show MODEL PART-OF-A-NAME: the page after its scripts, with that node chosen, on standard output.
show() {
  "$flowgrad" show "$1" --format html -o "$TEST_TMPDIR/page.html"
  HOME=$TEST_TMPDIR timeout 60 "$browser" --headless --no-sandbox --disable-gpu \
    --user-data-dir="$TEST_TMPDIR/profile" --enable-logging=stderr --virtual-time-budget=5000 \
    --dump-dom "file://$TEST_TMPDIR/page.html#$2" 2>"$TEST_TMPDIR/log" >"$TEST_TMPDIR/dom"
  ! grep -E 'CONSOLE' "$TEST_TMPDIR/log" || fail "$1: the browser complains"
  # The script's text is in the page too: what it made stands before the model.
  sed '/<script type="application\/json"/,$d' "$TEST_TMPDIR/dom"
}


show examples/rnn/rnn.pbtxt gradients/Whh >"$TEST_TMPDIR/rnn"
nodes=$(grep -o 'data-node="[0-9]*"' "$TEST_TMPDIR/rnn" | sort -u | wc -l)
((nodes == 46 + 113)) || fail "rnn: $nodes nodes are drawn, 159 are in the model"
grep -q 'class="link"' "$TEST_TMPDIR/rnn" || fail "rnn: no line between the partners"
grep -q 'Derived from' "$TEST_TMPDIR/rnn" || fail "rnn: the panel is not about a backward node"

show tests/tools/testdata/hostile_names.pbtxt __proto__ >"$TEST_TMPDIR/hostile"
! grep -q '<img' "$TEST_TMPDIR/hostile" || fail "hostile: a name became an element"
grep -q '<title>&lt;/title&gt;&lt;script&gt;' "$TEST_TMPDIR/hostile" ||
  fail "hostile: the title is not the name"
grep -q 'u200fevil' "$TEST_TMPDIR/hostile" || fail "hostile: an invisible letter is not seen"
