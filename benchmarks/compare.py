#!/usr/bin/env python3
"""Measures flowgrad next to its limits, and prints medians and ratios as a table.

    bazel build //tools:flowgrad //benchmarks:all
    benchmarks/compare.py --rounds 5 --seconds 2

In every round each program has its turn, so that what else the machine does hits all of them;
ratios are those of a round, and their median is printed. For each workload:

    one       flowgrad on one thread, steps per second
    by hand   the same step written by hand around oneDNN or Eigen, one thread, and one / by hand
    PyTorch   the better of eager and torch.compile, one thread, and one / PyTorch; with --torch
    two       flowgrad on two threads
    pair      two flowgrads of one thread at the same time, their rates added: what the second core
              gives at that moment, and two / pair
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).absolute().parent.parent
BY_HAND = {
    "deep_chain_1000_tiny": "deep_chain_by_hand",
    "mlp_784_512_512_10": "mlp_by_hand",
    "seed_mlp_batch1": "seed_mlp_by_hand",
}
# Name and batch; 0 where a workload has none.
WORKLOADS = ["mlp_784_512_512_10:32", "mlp_784_512_512_10:128", "mlp_784_512_512_10:512",
             "mlp_adam:128", "seed_mlp_batch1:1", "toy_scalar_chain:0", "wide16_branches:16",
             "elementwise20_1M:0", "deep_chain_1000_tiny:0"]  # fmt: skip


def start(*arguments):
    return subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, text=True)


def rate(*processes):
    """Steps per second of programs that run at the same time, added."""
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit(f"failed: {' '.join(processes[0].args)}")
    return sum(json.loads(output)["steps_per_second"] for output in outputs)


class Workload:
    def __init__(self, text, options):
        self.name, batch = text.split(":")
        self.batch = ["--batch", batch] if batch != "0" else []
        self.title = f"{self.name} {batch}" if batch != "0" else self.name
        self.seconds, self.bin, self.torch = options.seconds, options.bin, options.torch

    def ours(self, threads):
        model = ROOT / "benchmarks" / f"{self.name}.pbtxt"
        return start(self.bin / "tools/flowgrad", "bench", model, *self.batch, "--format", "json",
                     "--threads", threads, "--seconds", self.seconds)  # fmt: skip

    def by_hand(self):
        program = self.bin / "benchmarks" / BY_HAND.get(self.name, "none")
        if not program.exists():
            return None
        batch = self.batch if self.name != "seed_mlp_batch1" else []
        return rate(start(program, *batch, "--seconds", self.seconds, "--format", "json"))

    def pytorch(self):
        if not self.torch:
            return None
        program = [self.torch, ROOT / "benchmarks/pytorch.py", self.name, *self.batch, "--seconds",
                   self.seconds]  # fmt: skip
        eager = rate(start(*program))
        compiled = start(*program, "--compile")
        return max(eager, rate(compiled) if compiled.wait() == 0 else 0)

    def measure(self):
        return {
            "one": rate(self.ours(1)),
            "by hand": self.by_hand(),
            "PyTorch": self.pytorch(),
            "two": rate(self.ours(2)),
            "pair": rate(self.ours(1), self.ours(1)),
        }


def median(rounds, over, below=None):
    """The median of a column, or of the ratios of two, as text."""
    if any(r[over] is None or (below and r[below] is None) for r in rounds):
        return ""
    value = statistics.median(r[over] / r[below] if below else r[over] for r in rounds)
    return f"{value:.2f}" if below else f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def print_table(rows):
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  ".join(cells))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", default=WORKLOADS, metavar="NAME:BATCH",
                        help="default: all; batch 0 where a workload has none")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=2, help="of each turn; default: 2")
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has torch: python3")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "bazel-bin",
                        help="where the programs are; default: bazel-bin")  # fmt: skip
    options = parser.parse_args()

    load = os.getloadavg()[0]
    workloads = [Workload(text, options) for text in options.workloads]
    rounds = [[w.measure() for w in workloads] for _ in range(options.rounds)]
    rows = [["steps/s", "one", "by hand", "ratio", "PyTorch", "ratio", "two", "pair", "ratio"]]
    for workload, r in zip(workloads, zip(*rounds)):
        rows.append([workload.title, median(r, "one"), median(r, "by hand"),
                     median(r, "one", "by hand"), median(r, "PyTorch"), median(r, "one", "PyTorch"),
                     median(r, "two"), median(r, "pair"), median(r, "two", "pair")])  # fmt: skip
    print_table(rows)
    print(f"{options.rounds} rounds of {options.seconds:g} s; {os.cpu_count()} cores; "
          f"load before: {load:.1f}")  # fmt: skip


main()
