#!/usr/bin/env bash
# compare.py measures, and writes what it prints into a page; what differs from PyTorch it refuses.
# A few lines stand for PyTorch, which tests do without.
# usage: compare_test.sh COMPARE
set -euo pipefail
compare=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number='[0-9][0-9.,]*'

# expect PATTERN: a line of the table has it.
expect() {
  grep -qE "$1" <<<"$table" || {
    echo "no line has: $1"
    exit 1
  }
}

printf 'Before.\n<!-- written by benchmarks/compare.py -->\nold\n<!-- until here -->\nAfter.\n' \
  >"$work/performance.md"
table=$("$compare" --quick --bin . --out "$work")
echo "$table"
expect "^\| steps/s .* flowgrad .* PyTorch .* limit .* pair "
expect "^\| seed_mlp_batch1 1 +\| +1 \| +$number \| +\| +\| +50 \| +\| +$number \| +$number \|"
expect "^\| toy_scalar_chain +\| +2 \| +$number \| .* $number \| +$number \| +\|\$"
expect "^\| Peak memory of the mlp"
expect "^\`flowgrad run\` of a small model, from start to exit: $number ms"
expect "^\| Tanh +\| +$number \|"
expect "^\| main memory +\| +$number \| +$number \| +$number \| +$number \|"
[[ $(head -1 "$work/performance.md") == Before. && $(tail -1 "$work/performance.md") == After. ]]
! grep -q '^old$' "$work/performance.md"
page=$(sed '1,/^<!-- written/d; /^<!-- until/,$d' "$work/performance.md" | sed 1d)
[[ $page == "$table" ]]
python3 -m json.tool "$work/performance.json" >/dev/null

cat >"$work/python" <<'EOF'
#!/bin/sh
# The compiled way is the faster one.
head -c 100 "$3" | grep -q gradient/b1 || exit 1
echo '{"best": {"eager": "plain", "compiled": "compiled step"}, "torch": "0.0", "peak_bytes": 1}'
while read -r _; do echo '{"eager": 50, "compiled": 100}'; done
EOF
chmod +x "$work/python"
table=$("$compare" --quick --bin . --python "$work/python" seed_mlp_batch1:1)
echo "$table"
expect "; PyTorch 0.0; "
expect "^\| seed_mlp_batch1 1 +\| +1 \| +$number \| +100 \| +$number \| +50 \| .*\| compiled step +\|\$"

printf '#!/bin/sh\necho "gradient of 0.weight differs by 1, its largest element is 2" >&2\nexit 1\n' \
  >"$work/python"
if table=$("$compare" --quick --bin . --python "$work/python" seed_mlp_batch1:1); then
  echo "a workload that differs was measured"
  exit 1
fi
echo "$table"
expect "^\| seed_mlp_batch1 1 .*\| gradient of 0.weight differs by 1, its largest element is 2 \|\$"
