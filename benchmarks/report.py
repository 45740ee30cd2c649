"""What compare.py measured, as text: tables for people, and the page docs/performance.md."""

import json
import statistics

import kernels

BEGIN, END = "<!-- written by benchmarks/compare.py -->", "<!-- until here -->"


def median(rounds, over, below=None):
    """Of a column, or of the ratios of two; None where there is none."""
    if any(over not in r or (below and below not in r) for r in rounds):
        return None
    return statistics.median(r[over] / r[below] if below else r[over] for r in rounds)


def rate(value):
    if value is None:
        return ""
    return f"{value:.4g}" if value < 1000 else f"{value:,.0f}"


def ratio(value):
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def reached(row, aim):
    """Whether the ratio aimed at, or 0.9 of the limit, is reached."""
    of_torch, of_limit = median(row, "flowgrad", "PyTorch"), median(row, "flowgrad", "limit")
    if of_limit is not None and of_limit >= 0.9:
        return "limit"
    if aim is None or of_torch is None:
        return ""
    return "ratio" if of_torch >= aim else "no"


def best_way(workload, threads, row):
    """That of PyTorch which was faster in the same rounds."""
    ways = workload.get("ways", {}).get(threads, {}).get("best", {})
    return ways[max(ways, key=lambda kind: median(row, kind))] if ways else ""


def workload_rows(workloads):
    rows = [["steps/s", "threads", "flowgrad", "PyTorch", "ratio", "aim", "to eager", "limit",
             "of it", "reached", "of one thread", "pair", "of it",
             "PyTorch's best way"]]  # fmt: skip
    for workload in workloads:
        if "failed" in workload:
            rows.append([workload["title"], *[""] * (len(rows[0]) - 2), workload["failed"]])
            continue
        one = workload["threads"][1]
        for threads, row in workload["threads"].items():
            both = [{"two": b["flowgrad"], "one": a["flowgrad"]} for a, b in zip(one, row)]
            rows.append([
                workload["title"], str(threads),
                rate(median(row, "flowgrad")),
                rate(median(row, "PyTorch")), ratio(median(row, "flowgrad", "PyTorch")),
                f"{workload['aim']:g}" if workload["aim"] else "",
                ratio(median(row, "flowgrad", "eager")),
                rate(median(row, "limit")), ratio(median(row, "flowgrad", "limit")),
                reached(row, workload["aim"]),
                ratio(median(both, "two", "one")) if threads == 2 else "",
                rate(median(row, "pair")), ratio(median(row, "flowgrad", "pair")),
                best_way(workload, threads, row),
            ])  # fmt: skip
    return rows


def table(rows):
    """Markdown, with columns that line up: numbers to the right."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    last = len(widths) - 1
    left = [c == 0 or (c == last and rows[0][c].startswith("PyTorch")) for c in range(last + 1)]
    marks = ["-" * w if is_left else "-" * (w - 1) + ":" for w, is_left in zip(widths, left)]
    lines = []
    for row in [rows[0], marks, *rows[1:]]:
        cells = [cell.ljust(w) if is_left else cell.rjust(w)
                 for cell, w, is_left in zip(row, widths, left)]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n"


def text(result):
    machine = result["machine"]
    torch = {way["torch"] for w in result["workloads"] for way in w.get("ways", {}).values()}
    out = (
        f"{result['date']}, commit {machine['commit']}. {machine['processor']}, "
        f"{machine['cores']} cores{', AVX-512' if machine['avx512'] else ''}, "
        f"{machine['memory_gb']} GB; {machine['system']}; {machine['compiler']}; "
        f"PyTorch {', '.join(torch) or 'not measured'}; oneDNN {machine['oneDNN']}. "
        f"{result['rounds']} rounds of {result['seconds']:g} s; load before: {machine['load']}.\n\n"
    )
    out += table(workload_rows(result["workloads"]))
    for reason in sorted({w["no_limit"] for w in result["workloads"] if "no_limit" in w}):
        out += f"No limit: {reason}.\n\n"
    if "peak_bytes" in result:
        rows = [["Peak memory of the mlp, batch 128, one thread", "MB", "of flowgrad's"]]
        ours = result["peak_bytes"]["flowgrad"]
        for name, size in result["peak_bytes"].items():
            rows.append([name, f"{size / 2**20:.1f}", ratio(size / ours)])
        out += table(rows)
    if "run_ms" in result:
        out += (f"`flowgrad run` of a small model, from start to exit: {result['run_ms']:.1f} ms, "
                "the median of 20.\n\n")  # fmt: skip
    if "kernels" in result:
        out += kernels_text(result["kernels"], machine["avx512"])
    return out


def kernels_text(measured, avx512):
    out = "Kernels on one thread, medians of runs in random order.\n\n"
    if measured["products"]:
        out += "Products, GFLOP/s (' marks an operand that is read transposed):\n\n"
        out += table(kernels.product_rows(measured["products"]))
    else:
        out += "Products need oneDNN: apt-get install libdnnl-dev\n\n"
    if measured["packing"]:
        out += "The right factor of a product put into its packed form:\n\n"
        out += table(kernels.packing_rows(measured["packing"]))
    if measured["functions"]:
        out += "Elementwise functions, ns per float:\n\n"
        out += table(kernels.function_rows(measured, avx512))
    if measured["memory"]:
        out += "Memory, bytes read and written:\n\n"
        out += table(kernels.memory_rows(measured["memory"]))
    return out


def write(folder, generated, result):
    """Puts the text between the marks of performance.md, and all figures into performance.json."""
    page = folder / "performance.md"
    old = page.read_text(encoding="utf-8") if page.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{generated}{END}{after}", encoding="utf-8")
    figures = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (folder / "performance.json").write_text(figures, encoding="utf-8")
