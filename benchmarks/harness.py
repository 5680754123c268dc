"""What every benchmark shares: paired timing, the machine's name tag, and the result file.

Times drift on shared machines, so every figure is a ratio against a peer timed in turn in the same process
(A B A B ...), given as minimum, median and maximum of the pairwise ratios.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("bitcycle", "numpy", "numba", "llvmlite", "matplotlib", "apytypes", "fxpmath", "onnx", "onnxruntime")


def seconds(task: Callable[[], object]) -> float:
    """Return the wall time of one call in seconds."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def spread(values: list[float]) -> dict[str, float]:
    """Return minimum, median and maximum."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def alone(task: Callable[[], object], runs: int = 7, warmup: int = 1) -> dict[str, Any]:
    """Time one task: {"seconds": {min, median, max}, "runs"}."""
    for _ in range(warmup):
        task()
    return {"seconds": spread([seconds(task) for _ in range(runs)]), "runs": runs}


def paired(ours: Callable[[], object], peer: Callable[[], object], runs: int = 7, calls: int = 1) -> dict[str, Any]:
    """Time two tasks in turn after one warm-up each; ratio = ours / peer, pair by pair (below 1: ours is faster).

    calls: how many calls in a row make one time, for tasks of microseconds; times are per call.
    """
    ours()
    peer()
    pairs = [(_per_call(ours, calls), _per_call(peer, calls)) for _ in range(runs)]
    return {
        "ours_seconds": spread([a for a, _ in pairs]),
        "peer_seconds": spread([b for _, b in pairs]),
        "ratio": spread([a / b for a, b in pairs]),
        "runs": runs,
    }


def _per_call(task: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        task()
    return (time.perf_counter() - start) / calls


def growth_bytes(task: Callable[[], object]) -> int:
    """Return by how much the resident memory of this process grows at its peak while a task runs (Linux only).

    The C library first gives back what it keeps, or earlier tasks would lend their memory to this one.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status_bytes("VmRSS")
    kept = task()
    grown = _status_bytes("VmHWM") - before
    del kept
    return grown


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:"))


def options(description: str) -> argparse.ArgumentParser:
    """Return the command line that every benchmark has; scripts may add to it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small and few, for a look; writes no result file")
    return parser


def publish(name: str, figures: dict[str, Any], is_look: bool) -> None:
    """Print the figures, and write them unless this was only a look."""
    tell(figures)
    if not is_look:
        print(f"written: {write(name, figures).name}")


def write(name: str, figures: dict[str, Any]) -> Path:
    """Write benchmarks/results/NAME.json: the figures, the machine, versions, threads, commit."""
    document = {
        "benchmark": name,
        "command": f"python benchmarks/{name}.py",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def tell(figures: dict[str, Any]) -> None:
    """Print one line a figure."""
    for name, figure in figures.items():
        print(f"{name:56} {_brief(figure)}")


def _brief(figure: object) -> str:
    assert isinstance(figure, dict)
    words = []
    for key in ("ratio", "seconds", "ours_seconds"):
        if key in figure:
            low, middle, high = (figure[key][k] for k in ("min", "median", "max"))
            words.append(f"{key} {low:.3g} / {middle:.3g} / {high:.3g}")
    words += [f"{figure['mebibytes']:.0f} MiB"] if "mebibytes" in figure else []
    return " · ".join(words)


def machine() -> dict[str, Any]:
    """Return processor, cores, versions and the thread settings in force."""
    threads = {
        name: os.environ[name]
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
        if name in os.environ
    }
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "threads": threads,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        names = {key.strip(): value.strip() for key, value in fields.items()}
        flags = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if flag in names.get("flags", "")]
        return f"{names.get('model name', platform.machine())} ({', '.join(flags)})"
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def commit() -> str:
    """Return the commit that was measured, marked when the tree differs from it."""
    root = Path(__file__).parent.parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    changed = [
        line
        for line in git("status", "--porcelain").splitlines()
        if "benchmarks/results" not in line and "reports/" not in line
    ]
    return git("rev-parse", "--short", "HEAD") + ("+changes" if changed else "")
