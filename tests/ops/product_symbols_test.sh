#!/usr/bin/env bash
# The product's code for AVX-512 leaves its object file only through two tables: a function that other files have too
# would be taken from here by the linker, perhaps for a machine without AVX-512.
set -euo pipefail

archive=$1
symbols=$(nm --defined-only "$archive" | sed -n '/product_tile_avx512.*:$/,/^$/p')

# A capital letter is a name that the linker sees.
shared=$(awk 'NF == 3 && $2 ~ /[A-Zuvw]/ {print $2, $3}' <<<"$symbols" | c++filt)
expected='D flowgrad::product::kDoubleTilesAvx512
D flowgrad::product::kFloatTilesAvx512'
[[ $(sort <<<"$shared") == "$expected" ]] || {
  echo "product_tile_avx512.cc has these shared symbols, and should have the two tables: $shared"
  exit 1
}
grep -q ' t .*Tile' <<<"$symbols" || {
  echo "no tile among the symbols: this test looks at the wrong file"
  exit 1
}
