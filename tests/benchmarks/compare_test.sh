#!/usr/bin/env bash
# compare.py measures a workload and prints its row; what is not built or installed it leaves out.
# usage: compare_test.sh COMPARE
set -euo pipefail
table=$("$1" --bin . --rounds 1 --seconds 0.02 seed_mlp_batch1:1 toy_scalar_chain:0)
echo "$table"
[[ $(head -1 <<<"$table") =~ ^steps/s\ .*one\ .*pair\ +ratio$ ]]
number='[0-9.e+]+'
grep -qE "^seed_mlp_batch1 1 +($number +){3,}$number\$" <<<"$table"
grep -qE "^toy_scalar_chain +($number +){3}$number\$" <<<"$table"
grep -q "^1 rounds of 0.02 s; .* load before: " <<<"$table"
