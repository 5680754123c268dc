"""Where jobs run: in this process, in worker processes of this computer, or on a dask.distributed cluster.

All three take jobs and give futures, so `drive` is the same for all: it keeps the workers fed with as few jobs under
way as that takes, and hands each result to the parent, which alone writes. A worker that dies costs nothing but time:
its job is given to another one, and only a job that brings workers down again and again becomes failed points. Each job
is computed on one thread; processes of ours are told so in their environment.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

from accel.errors import ConfigError
from accel.sweep.bits import Source
from accel.sweep.measure import FAILED, Job, Measured, Row, measure, prepare, told
from accel.sweep.optional import optional

ENGINES = ("local", "dask")
ATTEMPTS = 3
"""Workers that may die of one job before it counts as failed."""

_IDLE_SECONDS = 60
_JOIN_SECONDS = 10
_TAKEN_SECONDS = 1
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


class Engine(Protocol):
    """Takes jobs; width: how many it works on at a time."""

    @property
    def width(self) -> int:
        """Jobs at a time."""

    def prepare(self, sources: Sequence[Source]) -> None:
        """Let workers load what jobs from these sources will need, while the parent still plans."""

    def submit(self, job: Job) -> Future[Measured]:
        """Start a job, now or as soon as a worker is free."""

    def close(self, kill: bool) -> None:
        """Let the workers go; kill: without waiting for what they are doing."""


class InProcess:
    """One job at a time, here."""

    width = 1

    def prepare(self, sources: Sequence[Source]) -> None:
        """Do nothing: what loads is what plans."""

    def submit(self, job: Job) -> Future[Measured]:
        """Run the job and return its finished future."""
        future: Future[Measured] = Future()
        future.set_result(measure(job))
        return future

    def close(self, kill: bool) -> None:
        """Nothing is left to close."""


class Local:
    """Worker processes of this computer (loky, which joblib brings): no server, and one that dies is replaced."""

    def __init__(self, jobs: int) -> None:
        remedy = "pip install 'bitcycle[sweep]', or use -j 1"
        loky = optional("joblib.externals.loky", "a sweep on several processors", remedy)
        self._loky = loky
        self._latest: Future[Any] | None = None
        self.width = jobs

    def prepare(self, sources: Sequence[Source]) -> None:
        """Start the worker processes, and each with loading."""
        for _ in range(self.width):
            self._submit(prepare, tuple(sources))

    def submit(self, job: Job) -> Future[Measured]:
        """Start a job in a worker process."""
        return self._submit(measure, job)

    def close(self, kill: bool) -> None:
        """End the worker processes."""
        if kill and self._latest is not None:
            _wait_until_taken(self._latest)
        self._executor().shutdown(wait=True, kill_workers=kill)

    def _submit(self, function: Callable[..., Any], argument: object) -> Future[Any]:
        with _unbroken():
            future: Future[Any] = self._executor().submit(function, argument)
            self._latest = future
        return future

    def _executor(self) -> Any:
        """Return the worker processes, new ones if some have died."""
        return self._loky.get_reusable_executor(
            max_workers=self.width,
            timeout=_IDLE_SECONDS,
            initializer=_settle_worker,
            initargs=(os.getpid(),),
            env=_ONE_THREAD,
        )


class Cluster:
    """The workers of a dask scheduler; start them with one thread each.

    `OPENBLAS_NUM_THREADS=1 dask worker ADDRESS --nthreads 1`: with more, float64 sums of the reference may differ in
    their last digit from worker to worker.
    """

    def __init__(self, address: str) -> None:
        distributed = optional("distributed", "--engine dask", "pip install 'bitcycle[cluster]'")
        try:
            self._client: Any = distributed.Client(address, timeout=_JOIN_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConfigError(f"no dask scheduler answers at {address} ({error}); start one: dask scheduler") from None
        try:
            self._client.wait_for_workers(1, timeout=_JOIN_SECONDS)
        except TimeoutError:
            self._client.close()
            raise ConfigError(
                f"the scheduler at {address} has no workers; start some: "
                f"OPENBLAS_NUM_THREADS=1 dask worker {address} --nthreads 1"
            ) from None
        self._executor: Any = self._client.get_executor(pure=False, retries=0)

    @property
    def width(self) -> int:
        """Threads of all workers that are there now."""
        return max(1, int(sum(self._client.nthreads().values())))

    def prepare(self, sources: Sequence[Source]) -> None:
        """Do nothing: nobody can tell which worker would get it."""

    def submit(self, job: Job) -> Future[Measured]:
        """Start a job on some worker; dask gives it to another one if that dies."""
        future: Future[Measured] = self._executor.submit(measure, job)
        return future

    def close(self, kill: bool) -> None:
        """Leave the cluster; what was submitted and not finished is dropped."""
        self._executor.shutdown(wait=not kill)
        self._client.close()


def engine_of(name: str, jobs: int, scheduler: str | None) -> Engine:
    """Return the engine of that name. Raises ConfigError and ToolError for what cannot be reached or is missing."""
    if name == "dask":
        if not scheduler:
            raise ConfigError("--engine dask wants --scheduler ADDRESS, for example tcp://127.0.0.1:8786")
        return Cluster(scheduler)
    if scheduler:
        raise ConfigError("--scheduler is for --engine dask; add that, or leave the address out")
    return InProcess() if jobs == 1 else Local(jobs)


@contextmanager
def _unbroken() -> Iterator[None]:
    """Let no Ctrl-C break the block: half a submitted job is nothing that loky knows how to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[FrameType | None] = []
    before = signal.signal(signal.SIGINT, lambda _, frame: pressed.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed and callable(before):
        before(signal.SIGINT, pressed[0])


def _wait_until_taken(future: Future[Any]) -> None:
    """Wait until the executor's thread has handed on or dropped this job, and so all before it.

    loky's thread fails on a job that it has not looked at yet when it is told to kill the workers.
    """
    end = time.monotonic() + _TAKEN_SECONDS
    while not future.running() and not wait((future,), timeout=0.005).done and time.monotonic() < end:
        pass


class Interrupts:
    """Ctrl-C while jobs run: once asks to finish what is running (`stopping`), twice stops at once."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self.stopping = False
        self._say = say

    @contextmanager
    def watched(self) -> Iterator[Interrupts]:
        """Take the signal for the time of the block. Raises KeyboardInterrupt at the second one."""
        if threading.current_thread() is not threading.main_thread():  # only that one gets signals
            yield self
            return
        before = signal.signal(signal.SIGINT, self._pressed)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        self._say("stopping: finishing what is running; Ctrl-C again stops at once")


def drive(engine: Engine, jobs: Iterable[Job], finished: Callable[[Measured], object], interrupts: Interrupts) -> None:
    """Run jobs in their order and hand over each result as it comes, until all are done or a stop was asked for."""
    waiting = iter(jobs)
    again: list[tuple[Job, int]] = []
    running: dict[Future[Measured], tuple[Job, int]] = {}
    while True:
        room = engine.width + (engine.width > 1)
        while len(running) < room and not interrupts.stopping:
            entry = again.pop() if again else next(((job, 1) for job in waiting), None)
            if entry is None:
                break
            running[engine.submit(entry[0])] = entry
        if interrupts.stopping:
            running = {future: entry for future, entry in running.items() if not future.cancel()}
        if not running:
            return
        done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
        for future in done:
            job, attempt = running.pop(future)
            error = future.exception()
            if error is None:
                finished(future.result())
            elif isinstance(error, BrokenExecutor) and attempt < ATTEMPTS:
                again.append((job, attempt + 1))
            else:
                finished(_lost(job, error, attempt))


def _lost(job: Job, error: BaseException, attempt: int) -> Measured:
    """Return the rows of a job that no worker came back from."""
    words = told(error)
    if isinstance(error, BrokenExecutor):
        words = f"{attempt} worker processes died of it; it may want more memory than there is: use fewer with -j"
    rows = tuple(Row(key, FAILED, {}, words, job.bits_key) for key, _ in job.settings)
    return Measured(rows, job.bits_key, None, 0.0)


def _settle_worker(parent: int) -> None:
    """In a worker: leave Ctrl-C, which all processes of a terminal get, to the parent, and end when that is gone.

    It ends at once: the parent waits for it, and taking apart what it has loaded takes as long as loading Numba.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(os._exit, 0)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
