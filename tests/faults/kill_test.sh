#!/usr/bin/env bash
# Training that is killed at random, or interrupted, and goes on with another number of threads, ends in the bytes of
# the run that nothing happened to.
# usage: kill_test.sh FLOWGRAD SIGNAL TIMES      SIGNAL: KILL, TERM or INT
set -euo pipefail

flowgrad=$(realpath "$1")
signal=$2
times=$3
model=$(realpath examples/fashion_mnist/mlp.pbtxt)
RANDOM=20261122
cd "$(mktemp -d "${TEST_TMPDIR:-/tmp}/kill_XXXXXX")"

# Small steps and many of them: most of the time is spent between two borders of steps or in a save.
options=("$model" --steps 1500 --batch 8 --quiet)
"$flowgrad" train "${options[@]}" --threads 2 --out whole.safetensors >whole.txt

ended=0 runs=0
while ((ended < times)); do
  rm -rf parts.*
  while true; do
    "$flowgrad" train "${options[@]}" --threads $((RANDOM % 8 + 1)) --out parts.safetensors \
      --checkpoint-every $((RANDOM % 90 + 10)) --resume auto >parts.txt 2>errors.txt &
    process=$!
    # From before the data are read to a part of the training.
    sleep "0.$(printf '%03d' $((RANDOM % 900 + 50)))"
    if ((ended < times)) && kill -s "$signal" "$process" 2>>/dev/null; then
      status=0
      wait "$process" 2>>/dev/null || status=$?
      if ((status != 0)); then
        ((++ended))
        case $signal:$status in
          KILL:137 | TERM:143 | INT:130) continue ;;
        esac
        echo "after SIG$signal it ended with $status:"
        cat errors.txt
        exit 1
      fi
    else
      wait "$process" || { cat errors.txt; exit 1; }
    fi
    break
  done
  ((++runs))
  cmp whole.safetensors parts.safetensors
  cmp <(cut -d, -f1,2,4- whole.csv) <(cut -d, -f1,2,4- parts.csv)
  [[ -z $(find parts.checkpoints -name '*.tmp') ]]
done
echo "$ended times SIG$signal in $runs runs: the weights and the history are those of the whole run, byte for byte"
