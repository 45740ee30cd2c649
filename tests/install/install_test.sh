#!/usr/bin/env bash
# Installs, and builds a program of somebody else against what is there: with CMake, with pkg-config, with
# other flags than Flowgrad's.
# usage: install_test.sh INSTALL CONSUMER_FOLDER PAGE
set -euo pipefail
install=$1
consumer=$(realpath "$2")
page=$3
work=$TEST_TMPDIR
prefix=$work/prefix

fail() {
  echo "install_test: $*" >&2
  exit 1
}

# What is no folder is refused with a usage line.
for argument in '' --help; do
  message=$("$install" ${argument:+"$argument"} 2>&1) && fail "took \"$argument\""
  [[ $message == "usage: "* ]] || fail "no usage line for \"$argument\": $message"
done
mkdir -p "$work/other/include/flowgrad"
message=$("$install" "$work/other" 2>&1) && fail "took the place of a folder that is not its own"
[[ $message == *"has no flowgrad.h"* ]] || fail "$message"

# Relative to where the user stands; a second time, over what is there.
BUILD_WORKING_DIRECTORY=$work "$install" prefix >"$work/printed"
grep -qF "in $prefix" "$work/printed" || fail "printed no place: $(cat "$work/printed")"
touch "$prefix/include/flowgrad/removed_since.h"
"$install" "$prefix" >/dev/null
[[ ! -e $prefix/include/flowgrad/removed_since.h ]] || fail "an old header is still there"
[[ -z $(find "$prefix" -name '*.pb.h') ]] || fail "installed headers of Protocol Buffers"

# One version everywhere.
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
version=$("$prefix/bin/flowgrad" --version)
[[ $version == "flowgrad $(pkg-config --modversion flowgrad)" ]] || fail "flowgrad.pc is not of $version"
grep -qF "\"${version#flowgrad }\"" "$prefix/lib/cmake/flowgrad/flowgradConfigVersion.cmake" ||
  fail "flowgradConfigVersion.cmake is not of $version"

# A program with other flags must not bring its own arithmetic into the library.
nm -C "$prefix/lib/libflowgrad.a" 2>/dev/null | grep -E ' [VWu] flowgrad::math::' && fail "shared arithmetic"

# What the page says is what the program does.
sed -n '/^```cmake/,/^```$/p' "$page" | grep -v '^```' >"$work/shown"
tail -n "$(wc -l <"$work/shown")" "$consumer/CMakeLists.txt" | diff - "$work/shown" || fail "$page is not true"

cmake -S "$consumer" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
cmake --build "$work/build" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
by_cmake=$("$work/build/consumer") || fail "the program built by CMake failed"
cmake -S "$consumer" -B "$work/build2" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON \
  >"$work/log" 2>&1 && fail "CMake found flowgrad without oneTBB"

# By pkg-config, among other headers of the same names; all of the library, so that no dependency is missing.
mkdir -p "$work/own/graph"
echo '#error "the header of another project"' >"$work/own/graph/graph.h"
read -ra compile <<<"$(pkg-config --cflags flowgrad)"
read -ra link <<<"$(pkg-config --libs flowgrad)"
for flags in "" "-march=native -Ofast"; do
  # shellcheck disable=SC2086
  g++ -std=c++20 $flags -I"$work/own" "${compile[@]}" "$consumer/main.cc" -o "$work/consumer" \
    -Wl,--whole-archive "$prefix/lib/libflowgrad.a" -Wl,--no-whole-archive "${link[@]}"
  output=$("$work/consumer") || fail "the program built with g++ $flags failed"
  [[ $output == "$by_cmake" ]] || fail "g++ $flags: $output, but CMake: $by_cmake"
done
echo "$by_cmake"
