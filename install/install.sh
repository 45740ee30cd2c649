#!/usr/bin/env bash
# Copies headers, library, program and packages into the folder given. What an earlier version left
# there is replaced.
set -euo pipefail
if (($# != 1)) || [[ -z $1 || $1 == -* ]]; then
  echo "usage: ./bazelw run //install -- PREFIX" >&2
  exit 2
fi
prefix=$1
[[ $prefix == /* ]] || prefix=${BUILD_WORKING_DIRECTORY:-$PWD}/$prefix
headers=$prefix/include/flowgrad
if [[ -e $headers && ! -e $headers/flowgrad.h ]]; then
  echo "install: $headers is there and has no flowgrad.h: remove it or choose another folder" >&2
  exit 1
fi
mkdir -p "$prefix"
prefix=$(realpath "$prefix")
rm -rf "$prefix/include/flowgrad"
cp -rL --remove-destination --no-preserve=mode,ownership install/tree/. "$prefix"
chmod +x "$prefix/bin/flowgrad"
cat <<END
Installed $("$prefix/bin/flowgrad" --version) in $prefix
  bin/flowgrad
  include/flowgrad/flowgrad.h
  lib/libflowgrad.a
  lib/cmake/flowgrad/
  lib/pkgconfig/flowgrad.pc
END
