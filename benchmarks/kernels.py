"""Runs the Google Benchmark programs of this folder, and makes tables of what they say."""

import json
import os
import subprocess
import tempfile


def benchmark(program, seconds, repetitions, counter, filter=".", **environment):
    """Medians of a counter by name of the benchmark; None if there is no such program."""
    if not program.exists():
        return None
    with tempfile.NamedTemporaryFile() as out:
        command = [program, f"--benchmark_filter={filter}", f"--benchmark_min_time={seconds}",
                   f"--benchmark_repetitions={repetitions}",
                   "--benchmark_enable_random_interleaving=true",
                   f"--benchmark_out={out.name}", "--benchmark_out_format=json"]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, **environment})  # fmt: skip
        text = out.read()  # nothing if the filter leaves nothing
    runs = json.loads(text)["benchmarks"] if text else []
    runs.sort(key=lambda run: run["family_index"])
    # A single repetition has no aggregates.
    wanted = "aggregate" if repetitions > 1 else "iteration"
    return {
        run["run_name"]: run.get(counter)
        for run in runs
        if run["run_type"] == wanted and run.get("aggregate_name", "median") == "median"
    }


def measure(folder, seconds=0.05, repetitions=5):
    program = folder / "kernel_benchmark"
    how = {"seconds": seconds, "repetitions": repetitions}
    v3 = {"FLOWGRAD_ISA": "x86-64-v3"}
    return {
        "products": benchmark(folder / "product_benchmark", counter="FLOP/s", **how),
        "packing": benchmark(
            folder / "product_benchmark", counter="real_time", filter="^pack/", **how
        ),
        "functions": benchmark(program, counter="floats", filter="^(function|op)/", **how),
        "functions_v3": benchmark(
            program, counter="floats", filter="^(function|op)/", **how, **v3
        ),
        "memory": benchmark(program, counter="bytes", filter="^memory/", **how),
    }


def product_rows(measured):
    """GFLOP/s by shape: of dnnl_sgemm, of ours, and ours as a part of it."""
    rows = [["m × k × n", "dnnl_sgemm", "product", "of it", "packed", "of it"]]
    shapes = {}
    for name, rate in measured.items():
        shape, _, program = name.rpartition("/")
        if rate:
            shapes.setdefault(shape, {})[program] = rate
    for shape, rates in shapes.items():
        row = [shape.replace("x", " × ").replace("/lda:", ", rows apart by ")]
        row.append(f"{rates['onednn'] / 1e9:.1f}")
        for program in ("product", "packed"):
            rate = rates.get(program)
            row += [f"{rate / 1e9:.1f}", f"{rate / rates['onednn']:.2f}"] if rate else ["", ""]
        rows.append(row)
    return rows


def packing_rows(measured):
    rows = [["k × n", "packing, µs", "memcpy, µs", "ratio"]]
    for name in sorted({name.rpartition("/")[0] for name in measured}):
        pack, copy = (measured[f"{name}/{which}"] / 1e3 for which in ("pack", "memcpy"))
        shape = name.removeprefix("pack/").removeprefix("0x").replace("x", " × ")
        rows.append([shape, f"{pack:.1f}", f"{copy:.1f}", f"{pack / copy:.2f}"])
    return rows


def function_rows(kernels, avx512):
    """ns per float: in L1 on both instruction sets, and of the op on 2^20 floats."""
    functions, v3 = kernels["functions"], kernels["functions_v3"]
    rows = [["function", "in L1, AVX-512", "in L1, AVX2", "op on 2²⁰ floats"]]
    if not avx512:
        rows = [["function", "in L1", "op on 2²⁰ floats"]]
    for name in sorted(n.removeprefix("function/") for n in functions if n.startswith("function/")):
        in_l1, op = functions[f"function/{name}"], functions[f"op/{name}"]
        rates = [in_l1, v3[f"function/{name}"], op] if avx512 else [in_l1, op]
        rows.append([name, *(f"{1e9 / rate:.3f}" for rate in rates)])
    return rows


def memory_rows(measured):
    """GB/s."""
    uses = ["read", "write", "copy", "triad"]
    rows = [["GB/s", *uses]]
    for place, title in (("L2", "second-level cache"), ("main", "main memory")):
        rows.append([title, *(f"{measured[f'memory/{place}/{use}'] / 1e9:.0f}" for use in uses)])
    return rows
