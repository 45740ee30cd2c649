"""What compare.py needs on a machine: installed where it is missing; and what machine it is."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import sysconfig

TORCH = "torch==2.13.0"
# What is downloaded and compiled for PyTorch, out of the repository.
CACHE = pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "flowgrad/benchmarks"
)


def say(text):
    print(f"compare.py: {text}", file=sys.stderr, flush=True)


def apt_install(package):
    """Whether it is there now."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (root and not shutil.which("sudo")):
        say(f"{package} is missing and cannot be installed here")
        return False
    say(f"installing {package}")
    for arguments in (["update", "-q"], ["install", "-qy", "--no-install-recommends", package]):
        command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get",
                   "-o", "DPkg::Lock::Timeout=300", *arguments]  # fmt: skip
        done = subprocess.run(command, stdout=sys.stderr)
    return done.returncode == 0


def install_onednn():
    """Without it, what is measured against dnnl_sgemm has no limit."""
    if not pathlib.Path("/usr/include/dnnl.h").exists():
        apt_install("libdnnl-dev")


def build(root):
    command = ["./bazelw", "build", "//tools:flowgrad", "//benchmarks:all"]
    if subprocess.run(command, cwd=root, stdout=sys.stderr).returncode:
        sys.exit("compare.py: the build failed")


def has_pytorch(python, environment=None):
    command = [python, "-c", "import torch"]
    return not subprocess.run(command, stderr=subprocess.DEVNULL, env=environment).returncode


def install_pytorch():
    """A Python that has it (or "") and what its environment needs."""
    # torch.compile compiles C++ that includes Python.h.
    if not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists():
        apt_install("python3-dev")
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = {"TORCHINDUCTOR_CACHE_DIR": str(CACHE / "compiled")}
    folder = CACHE / TORCH.replace("==", "-")
    python = str(folder / "bin/python")
    if not pathlib.Path(python).exists() or not has_pytorch(python):
        say(f"installing {TORCH} into {folder}")
        create = [sys.executable, "-m", "venv", "--clear", str(folder)]
        if subprocess.run(create, stdout=sys.stderr).returncode:  # Debian has venv by itself
            apt_install("python3-venv")
            subprocess.run(create, stdout=sys.stderr)
        # setuptools and numpy: torch.compile and torch itself ask for them.
        subprocess.run([python, "-m", "pip", "install", "-q", TORCH, "numpy", "setuptools"],
                       stdout=sys.stderr)  # fmt: skip
    if pathlib.Path(python).exists() and has_pytorch(python):
        return python, environment

    # Debian's OpenBLAS takes its slowest kernels on processors that it does not know.
    say(f"{TORCH} cannot be installed: Debian's, with OPENBLAS_CORETYPE=SKYLAKEX")
    python, environment = "/usr/bin/python3", {"OPENBLAS_CORETYPE": "SKYLAKEX"}
    if has_pytorch(python) or (apt_install("python3-torch") and has_pytorch(python)):
        return python, environment
    say("there is no PyTorch here: it is left out")
    return "", {}


def first(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def output(*command, cwd=None):
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def machine(root):
    """What the figures depend on."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    memory = pathlib.Path("/proc/meminfo").read_text()
    return {
        "processor": first(r"^model name\s*: (.*)", cpu),
        "cores": os.cpu_count(),
        "avx512": " avx512vl" in cpu,
        "memory_gb": round(int(first(r"^MemTotal: *(\d+)", memory)) / 2**20),
        "system": first(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
        + f", Linux {platform.release()}",
        "compiler": output("g++", "--version").partition("\n")[0],
        "oneDNN": output("dpkg-query", "-W", "-f=${Version}", "libdnnl-dev") or "not installed",
        "commit": output("git", "describe", "--always", "--dirty", cwd=root) or "unknown",
        "load": round(os.getloadavg()[0], 1),
    }
