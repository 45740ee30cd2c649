#!/usr/bin/env python3
"""Measures flowgrad next to PyTorch and to the limits of the machine, in one command.

    benchmarks/compare.py                    all of it, into docs/performance.md
    benchmarks/compare.py mlp_adam:128       one workload, printed only

Installs what it needs (requirements.py) and builds. For each workload the loss and the gradients of
the first step are compared with PyTorch's on the same weights and inputs; one that differs is not
measured. Then every program has its turn in every round, so that what else the machine does hits
all of them; a ratio is one of figures of the same round, and its median is printed:

    flowgrad    steps per second, on one and on two threads
    PyTorch     on as many; the better of the best eager and the best compiled way that
                pytorch.py finds
    limit       the step by hand (limits.cc); for two threads, two of them side by side
    pair        two flowgrads of one thread side by side: what a second core gives at that moment
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import kernels  # noqa: E402
import report  # noqa: E402
import requirements  # noqa: E402

ROOT = pathlib.Path(__file__).absolute().parent.parent
# Name and batch (0 where a workload has none), and the ratio to PyTorch that is aimed at.
WORKLOADS = {
    "seed_mlp_batch1:1": 50,
    "toy_scalar_chain:0": 50,
    "deep_chain_1000_tiny:0": 100,
    "mlp_784_512_512_10:32": 1.5,
    "mlp_784_512_512_10:128": 1.3,
    "mlp_784_512_512_10:512": 1.1,
    "mlp_adam:128": 1.5,
    "wide16_branches:16": 6,
    "elementwise20_1M:0": 1.2,
    "transformer_d128_l2_t64:16": 1.3,
}
QUICK_WORKLOADS = ["seed_mlp_batch1:1", "toy_scalar_chain:0"]
# What peak memory and the start of a program are measured on.
MEMORY_WORKLOAD = "mlp_784_512_512_10:128"
SMALL_MODEL = "examples/scalar_chain/scalar_chain.pbtxt"


class Failed(Exception):
    """A program failed; the text is what it said."""


def start(*arguments):
    return subprocess.Popen(
        [str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def results(*processes):
    """What programs print that run at the same time."""
    outputs = [process.communicate() for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        if process.returncode:
            raise Failed((errors.strip() or f"{process.args[0]} failed").splitlines()[-1])
    return [json.loads(output) for output, _ in outputs]


def rate(*processes):
    """Their steps per second, added."""
    return sum(result["steps_per_second"] for result in results(*processes))


class PyTorch:
    """A pytorch.py that has found its best way and waits for its turns."""

    def __init__(self, tools, name, step, threads, *more):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [tools.python, ROOT / "benchmarks/pytorch.py", name, step, "--threads", str(threads),
             "--seconds", str(tools.seconds), *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env=tools.python_environment)  # fmt: skip
        self.found = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        raise Failed((self.errors.read().strip() or "pytorch.py ended").splitlines()[-1])

    def turn(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait()


class Tools:
    """Where programs are, and how long they measure."""

    def __init__(self, options):
        self.seconds = options.seconds
        self.bin = options.bin or ROOT / "bazel-bin"
        self.python = options.python
        self.python_environment = dict(os.environ)

    def flowgrad(self, workload, threads, *more):
        model = ROOT / f"benchmarks/{workload.name}.pbtxt"
        return start(self.bin / "tools/flowgrad", "bench", model, *workload.batch,
                     "--format", "json", "--threads", threads, *more)  # fmt: skip

    def measured(self, workload, threads):
        return self.flowgrad(workload, threads, "--seconds", self.seconds)

    def limit(self, workload):
        return start(self.bin / "benchmarks/limits", workload.name, *workload.batch, "--seconds",
                     self.seconds)  # fmt: skip


class Workload:
    def __init__(self, text):
        self.text = text
        self.name, _, batch = text.partition(":")
        self.batch = ["--batch", batch] if batch not in ("", "0") else []
        self.title = f"{self.name} {batch}" if self.batch else self.name
        self.aim = WORKLOADS.get(text)


def measure(workload, tools, rounds):
    """A list of rounds for each number of threads; a round has a figure for each column."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        step = pathlib.Path(folder, "step.safetensors")
        results(tools.flowgrad(workload, 1, "--steps", 1, "--save-step", step))
        result = {"workload": workload.text, "title": workload.title, "aim": workload.aim}
        torches = {}
        if tools.python:
            for threads in (1, 2):
                torch = stack.enter_context(PyTorch(tools, workload.name, step, threads))
                torches[threads] = torch
                result.setdefault("ways", {})[threads] = torch.found
        limits = True
        rows = {1: [], 2: []}
        for _ in range(rounds):
            for threads, row in rows.items():
                figures = {"flowgrad": rate(tools.measured(workload, threads))}
                if torches:
                    both = torches[threads].turn()
                    figures.update(both, PyTorch=max(both.values()))
                if limits:
                    try:
                        side_by_side = [tools.limit(workload) for _ in range(threads)]
                        figures["limit"] = rate(*side_by_side)
                    except Failed as error:
                        limits, result["no_limit"] = False, str(error)
                if threads == 2:
                    pair = [tools.measured(workload, 1) for _ in range(2)]
                    figures["pair"] = rate(*pair)
                row.append(figures)
        result["threads"] = rows
        return result


def peak_memory(tools, measured):
    """Bytes of both sides on a workload, each process running its own way and nothing else."""
    workload = Workload(MEMORY_WORKLOAD)
    with tempfile.TemporaryDirectory() as folder:
        step = pathlib.Path(folder, "step.safetensors")
        results(tools.flowgrad(workload, 1, "--steps", 1, "--save-step", step))
        memory = {"flowgrad": results(tools.measured(workload, 1))[0]["peak_bytes"]}
        for row in measured:
            if row.get("workload") != MEMORY_WORKLOAD:
                continue
            for way in row.get("ways", {}).get(1, {"best": {}})["best"].values():
                with PyTorch(tools, workload.name, step, 1, "--way", way) as torch:
                    memory[f"PyTorch: {way}"] = torch.found["peak_bytes"]
    return memory


def milliseconds_of_a_run(tools, runs=20):
    """`flowgrad run` of a small model from start to exit, the median."""
    spent = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run(
            [tools.bin / "tools/flowgrad", "run", ROOT / SMALL_MODEL],
            check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        spent.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(spent)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "workloads", nargs="*", metavar="NAME:BATCH",
        help="default: all, and the kernels; batch 0 where a workload has none")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=1, help="of each turn; default: 1")
    parser.add_argument(
        "--quick", action="store_true",
        help="a moment of two workloads and without PyTorch, to see that it works")  # fmt: skip
    parser.add_argument(
        "--bin", type=pathlib.Path,
        help="where the programs are; default: they are built")  # fmt: skip
    parser.add_argument(
        "--python",
        help="a Python that has PyTorch; default: one is installed; empty: do without")  # fmt: skip
    parser.add_argument(
        "--out", type=pathlib.Path, metavar="FOLDER",
        help="for performance.md and .json; default: docs, if all is measured")  # fmt: skip
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.02
        options.python = options.python or ""
    elif options.out is None and not options.workloads:
        options.out = ROOT / "docs"
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)

    if options.bin is None:
        requirements.install_onednn()
        requirements.build(ROOT)
    tools = Tools(options)
    if options.python is None:
        tools.python, more = requirements.install_pytorch()
        tools.python_environment.update(more)

    result = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "machine": requirements.machine(ROOT),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workloads": [],
    }
    failures = 0
    for text in options.workloads or (QUICK_WORKLOADS if options.quick else WORKLOADS):
        workload = Workload(text)
        print(f"{workload.title} ...", file=sys.stderr, flush=True)
        try:
            measured = measure(workload, tools, options.rounds)
        except Failed as error:
            failures += 1
            measured = {"title": workload.title, "failed": str(error)}
        result["workloads"].append(measured)
        print(report.table(report.workload_rows([measured])), file=sys.stderr, flush=True)
    if not options.workloads:
        result["peak_bytes"] = peak_memory(tools, result["workloads"])
        result["run_ms"] = milliseconds_of_a_run(tools)
        print("kernels ...", file=sys.stderr, flush=True)
        how = {"seconds": 0.001, "repetitions": 1} if options.quick else {}
        result["kernels"] = kernels.measure(tools.bin / "benchmarks", **how)

    text = report.text(result)
    print(text, end="")
    if options.out:
        report.write(options.out, text, result)
    sys.exit(1 if failures else 0)


main()
