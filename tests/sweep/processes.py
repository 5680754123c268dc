"""`accel sweep` as processes of its own, to be stopped in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from accel.config.dump import toml_value
from accel.sweep.store import FILE

PATIENCE_SECONDS = 90

MANY = {
    "sweep": {"networks": ["softmax-regression"], "inputs": 30},
    "objectives": {"accuracy": "max", "latency_cycles": "min"},
    "axes": {
        "numerics.activation": [f"Q6.{n}" for n in range(1, 21)],
        "numerics.rounding": ["TRN", "RND", "RND_CONV", "RND_INF", "RND_ZERO"],
        "array.rows": [4, 8],
    },
}
"""Two hundred points, each pair with bits of its own."""


def written(document, path):
    """Write a SPEC of plain values as TOML and return its path."""
    lines = []
    for table, entries in document.items():
        lines.append(f"[{table}]")
        lines += [f'"{key}" = {toml_value(value)}' for key, value in entries.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def start(file, directory, *options):
    """Start `accel sweep` in a process group of its own, as a terminal does."""
    command = [sys.executable, "-m", "accel", "sweep", str(file), "-o", str(directory), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_rows(process, directory, least_bytes=60_000):
    """Wait until the store has grown, so that the sweep is in the middle of its work."""
    log = directory / f"{FILE}-wal"
    end = time.monotonic() + PATIENCE_SECONDS
    while not (log.exists() and log.stat().st_size > least_bytes):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


def interrupt(process):
    """Press Ctrl-C: every process of the terminal gets it."""
    os.killpg(process.pid, signal.SIGINT)


def finished(process):
    """Return exit code and stderr."""
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, errors


def rows_of(directory):
    """The table of a finished sweep."""
    return json.loads((directory / "sweep.json").read_text())["rows"]
