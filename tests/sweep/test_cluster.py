"""A dask scheduler and two workers, each a process of its own on loopback; one worker is killed in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from accel.errors import ConfigError, ToolError
from accel.sweep.engine import Cluster, engine_of
from tests.sweep.examples import here, spec
from tests.sweep.processes import MANY, PATIENCE_SECONDS, finished, rows_of, start, wait_for_rows, written

SLOW = {**MANY, "sweep": {"networks": ["lenet5"], "inputs": 100}, "axes": {**MANY["axes"], "array.rows": [4]}}
SLOW["axes"] = {**SLOW["axes"], "numerics.rounding": ["TRN", "RND"]}


@contextmanager
def running(*words):
    """A process that is ended with the block."""
    process = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def cluster(folder, workers):
    """A scheduler and its workers; yields its address and the worker processes."""
    note = folder / "scheduler.json"
    with ExitStack() as stack:
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(note))
        stack.enter_context(running("distributed.cli.dask_scheduler", *options))
        end = time.monotonic() + PATIENCE_SECONDS
        while not (note.exists() and note.read_text().strip().endswith("}")):
            assert time.monotonic() < end
            time.sleep(0.02)
        address = json.loads(note.read_text())["address"]
        options = (address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        yield (
            address,
            [
                stack.enter_context(running("distributed.cli.dask_worker", *options, "--local-directory", str(folder)))
                for _ in range(workers)
            ],
        )


def test_a_worker_is_killed(tmp_path):
    """The sweep ends with the table that one process gives: no point lost, none twice, none failed."""
    pytest.importorskip("distributed", reason="dask.distributed is in the extra `cluster`")
    (tmp_path / "alone").mkdir()
    file = written(SLOW, tmp_path / "slow.toml")
    with cluster(tmp_path, 2) as (address, workers):
        process = start(file, tmp_path / "out", "--engine", "dask", "--scheduler", address)
        wait_for_rows(process, tmp_path / "out", least_bytes=40_000)
        workers[0].kill()
        code, errors = finished(process)
    assert code == 0, errors
    alone = here(spec(SLOW), tmp_path / "alone").document
    assert rows_of(tmp_path / "out") == alone["rows"]
    assert alone["counts"] == {"done": 40, "outside": 0, "failed": 0}


def test_what_can_be_missing(monkeypatch):
    """No address, an address without --engine dask, nobody there, no package: each one sentence."""
    with pytest.raises(ConfigError, match="wants --scheduler ADDRESS"):
        engine_of("dask", 2, None)
    with pytest.raises(ConfigError, match="is for --engine dask"):
        engine_of("local", 2, "tcp://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ToolError, match=r"pip install 'bitcycle\[cluster\]'"):
        Cluster("tcp://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "joblib.externals.loky", None)
    with pytest.raises(ToolError, match=r"pip install 'bitcycle\[sweep\]', or use -j 1"):
        engine_of("local", 2, None)
