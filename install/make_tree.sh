#!/usr/bin/env bash
# Makes the folder that install.sh copies: the rule install_tree runs it.
# usage: make_tree.sh PARTS TREE, where a line of PARTS is one of
#   archive FILE       a static library that becomes part of lib/libflowgrad.a
#   header NAME FILE   what `#include "NAME"` means
#   interface NAME     a header to install, with those it includes
#   file PLACE FILE    any other file
set -euo pipefail
parts=$1
tree=$2

declare -A headers
archives=()
wanted=()
mkdir -p "$tree/lib"
while read -r kind name file; do
  case $kind in
    archive) archives+=("$name") ;;
    header) headers[$name]=$file ;;
    interface) wanted+=("$name") ;;
    file) install -D "$file" "$tree/$name" ;;
  esac
done <"$parts"

{
  echo "create $tree/lib/libflowgrad.a"
  printf 'addlib %s\n' "${archives[@]}"
  printf 'save\nend\n'
} | ar -M

# Headers name each other by paths relative to themselves, so that a folder "graph" of the user's own
# does not come between.
while ((${#wanted[@]})); do
  name=${wanted[-1]}
  unset 'wanted[-1]'
  place=$tree/include/flowgrad/$name
  [[ ! -e $place ]] || continue
  slashes=${name//[!\/]/}
  edits=()
  while IFS= read -r included; do
    [[ -n ${headers[$included]:-} ]] || continue
    wanted+=("$included")
    edits+=(-e "s|^#include \"$included\"|#include \"${slashes//\//../}$included\"|")
  done < <(sed -nE 's/^#include "(.*)".*/\1/p' "${headers[$name]}")
  mkdir -p "$(dirname "$place")"
  sed -e '' "${edits[@]}" "${headers[$name]}" >"$place"
done
