#!/usr/bin/env bash
# Writes html_files.cc: the document, the style and the scripts as C++ strings.
# usage: write_strings.sh DOCUMENT STYLE SCRIPT...
set -euo pipefail

string() {
  printf '\nconst char %s[] = R"=====(' "$1"
  shift
  cat "$@"
  printf ')=====";\n'
}

printf '#include "tools/html/html_files.h"\n\nnamespace flowgrad::html {\n'
string kDocument "$1"
string kStyle "$2"
string kScripts "${@:3}"
printf '\n}  // namespace flowgrad::html\n'
