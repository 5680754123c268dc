"""Whatever stops a sweep, what was finished is kept, and going on gives the table of an uninterrupted one."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import wait

import pytest

from accel.sweep.engine import Local, _unbroken
from accel.sweep.points import Contexts, planned
from accel.sweep.store import Store
from tests.sweep.examples import here, spec
from tests.sweep.processes import MANY, PATIENCE_SECONDS, finished, interrupt, start, wait_for_rows, written

WAITS = {**MANY, "sweep": {"networks": ["lenet5"], "inputs": 200}}
"""The same with points that take long enough to be interrupted twice."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The document of the sweep that nobody interrupts."""
    return here(spec(MANY), tmp_path_factory.mktemp("whole")).document


def kept(directory, document=MANY):
    """How many points a store holds."""
    wanted = spec(document)
    with Store(directory) as store:
        return store._made.execute("SELECT count(*) FROM points").fetchone()[0], len(
            planned(wanted, Contexts(wanted, {}))
        )


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_killed_in_the_middle(tmp_path, whole, jobs):
    """kill -9 while rows are written, twice, then going on: no point lost, none doubled, the same table."""
    file = written(MANY, tmp_path / "many.toml")
    directory = tmp_path / "out"
    for least_bytes, options in ((60_000, ()), (40_000, ("--resume",))):
        process = start(file, directory, "-j", jobs, *options)
        wait_for_rows(process, directory, least_bytes)
        os.kill(process.pid, signal.SIGKILL)
        assert finished(process)[0] == -signal.SIGKILL
        done, total = kept(directory)
        assert 0 < done < total
    resumed = here(spec(MANY), directory)
    assert resumed.document["rows"] == whole["rows"]
    assert resumed.document["front"] == whole["front"]
    assert resumed.measured == total - done


def test_ctrl_c_once(tmp_path, whole):
    """Once: what is running is finished, the message says how to go on, the exit code is 130."""
    file = written(MANY, tmp_path / "many.toml")
    process = start(file, tmp_path / "out", "-j", "1")
    wait_for_rows(process, tmp_path / "out")
    interrupt(process)
    code, errors = finished(process)
    assert code == 130, errors
    assert "stopping: finishing what is running; Ctrl-C again stops at once" in errors
    assert "of 200 points are kept; go on with: accel sweep" in errors
    assert errors.rstrip().endswith("--resume")
    assert "Traceback" not in errors
    assert here(spec(MANY), tmp_path / "out").document["rows"] == whole["rows"]


def test_ctrl_c_twice(tmp_path):
    """Twice: it stops at once, with 130 and one message; the store is intact."""
    file = written(WAITS, tmp_path / "waits.toml")
    process = start(file, tmp_path / "out", "-j", "2")
    wait_for_rows(process, tmp_path / "out", least_bytes=30_000)
    interrupt(process)
    for line in process.stderr:
        if line.startswith("stopping"):
            break
    interrupt(process)
    code, errors = finished(process)
    assert code == 130, errors
    assert errors.splitlines()[-1].startswith("stopped; go on with: accel sweep")
    assert "Traceback" not in errors
    done, total = kept(tmp_path / "out", WAITS)
    assert 0 < done < total


def test_killed_right_after_a_job_was_given(monkeypatch):
    """Workers may be stopped before the executor's thread has looked at the newest jobs: it must not fail on them."""
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    for _ in range(3):
        engine = Local(2)
        engine.prepare(())
        wait((engine._latest,))
        jobs = [engine._submit(time.sleep, PATIENCE_SECONDS) for _ in range(3)]
        started = time.monotonic()
        engine.close(kill=True)
        assert time.monotonic() - started < PATIENCE_SECONDS / 3
        assert all(job.exception() is not None for job in jobs)
    assert not failures


def test_no_half_submitted_job():
    """Ctrl-C while a job is handed over is pressed as soon as it has been."""
    done = []

    def hand_over():
        with _unbroken():
            signal.raise_signal(signal.SIGINT)
            done.append("the job")
        done.append("the next one")

    with pytest.raises(KeyboardInterrupt):
        hand_over()
    assert done == ["the job"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
