#!/usr/bin/env bash
# Runs the commands that stand in the pages of the trained examples, and writes the pages with what they print, and with
# the plots that they draw.
#
#   bazel run //tools:run_pages                              in docs/examples/trained/
#   tools/run_pages.sh FLOWGRAD WRITE_TEXT FOLDER            in the project's folder
#
# A command stands behind "    $ "; the lines under it, down to the next text, are its output.
set -euo pipefail

flowgrad=$(realpath "$1")
write_text=$(realpath "$2")
folder=$3
[[ -z ${BUILD_WORKSPACE_DIRECTORY:-} ]] || cd "$BUILD_WORKSPACE_DIRECTORY"
unset BUILD_WORKING_DIRECTORY # else flowgrad goes there

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL examples "$work"
mkdir -p "$work/bin" "$work/bazel-bin/examples/cpp" "$folder"
ln -s "$flowgrad" "$work/bin/flowgrad"
ln -s "$write_text" "$work/bazel-bin/examples/cpp/write_text"
PATH=$work/bin:$PATH

# Standard output only: what else a run tells, it tells of its progress.
output_of() {
  (cd "$work" && bash -o pipefail -c "$1" </dev/null 2>stderr) | sed 's/^/    /; s/ *$//' || {
    cat "$work/stderr" >&2
    echo "failed: $1" >&2
    exit 1
  }
}

run_page() {
  local line in_output=0
  while IFS= read -r line; do
    if [[ $line == '    $ '* ]]; then
      printf '%s\n' "$line"
      output_of "${line#    $ }"
      in_output=1
    elif ((in_output)) && [[ -z $line || $line == '    '* ]]; then
      continue
    else
      ((!in_output)) || echo
      in_output=0
      printf '%s\n' "$line"
    fi
  done
}

for page in docs/examples/trained/*.md; do
  run_page <"$page" >"$work/page"
  cat "$work/page" >"$folder/$(basename "$page")"
  # A plot tells how long the run took, which no two runs do the same.
  for plot in $(sed -nE 's/^!\[.*\]\((.*\.svg)\)$/\1/p' "$page"); do
    sed -E 's/(epochs), [0-9][^<]*/\1/' "$work/$plot" >"$folder/$plot"
  done
done
