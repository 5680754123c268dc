"""From points to rows: what a worker does. It takes a `Job`, computes bits once, estimates every point, never fails.

A point that cannot be done becomes a row with its error. Constraints that an estimate can decide are asked before any
bits are computed: a point beyond them is "outside" and has no figures of bits unless another point made them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from accel.accelerator import Accelerator
from accel.errors import AccelError, DataError
from accel.estimator import estimate
from accel.network.zoo import build
from accel.sweep.axes import Settings
from accel.sweep.bits import Source, bit_figures, workload_digests
from accel.sweep.constraints import Constraint
from accel.sweep.measures import MEASURES
from accel.sweep.points import Point, machine_of

DONE, OUTSIDE, FAILED = "done", "outside", "failed"
"""What became of a point: measured, measured and beyond a constraint, or not measurable."""

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Row:
    """One finished point. figures: by measure, None where the machine has none; error: why it failed, else ""."""

    hash: str
    status: str
    figures: Figures
    error: str = ""
    bits_key: str = ""


@dataclass(frozen=True)
class Job:
    """Points whose bits are the same, with all that a process elsewhere needs to measure them.

    settings: of every point, by hash. bits_key: "" for a sweep without bits. bits: their figures where they are known.
    digests: of weights, inputs and labels, against which a worker holds what it loads itself.
    """

    source: Source
    base: Mapping[str, Any]
    batch: int
    settings: tuple[tuple[str, Settings], ...]
    constraints: tuple[Constraint, ...]
    digests: Mapping[str, str]
    bits_key: str = ""
    bits: Figures | None = None


@dataclass(frozen=True)
class Measured:
    """What a job found: a row for every point, the figures of its bits where it computed them, and how long it took."""

    rows: tuple[Row, ...]
    bits_key: str
    bits: Figures | None
    seconds: float


def job_of(
    points: Sequence[Point],
    source: Source,
    base: Mapping[str, Any],
    batch: int,
    constraints: Sequence[Constraint],
    digests: Mapping[str, str],
) -> Job:
    """Return the job of points of one network, without bits."""
    settings = tuple((point.hash, point.settings) for point in points)
    return Job(replace(source, network=points[0].network), base, batch, settings, tuple(constraints), digests)


def prepare(sources: Sequence[Source]) -> None:
    """Load what computes bits, and network and inputs of each source; what is wrong with one, its jobs will tell."""
    for source in sources:
        with suppress(Exception):
            import accel.calibrate.evaluate  # noqa: F401 - for what it loads

            workload_digests(source)


def measure(job: Job) -> Measured:
    """Measure all points of a job; whatever a point brings about becomes its row."""
    start = time.perf_counter()
    machines: dict[str, Accelerator] = {}
    rows: dict[str, Row] = {}
    for key, settings in job.settings:
        try:
            machine = machine_of(job.base, settings)
            figures = cycle_figures(job.source.network, machine, job.batch)
        except Exception as error:
            rows[key] = Row(key, FAILED, {}, told(error), job.bits_key)
            continue
        decided = [each for each in job.constraints if not MEASURES[each.measure].of_bits]
        inside = all(each.holds(figures) for each in decided)
        rows[key] = Row(key, DONE if inside else OUTSIDE, figures, bits_key=job.bits_key)
        machines[key] = machine
    bits, computed = job.bits, False
    wanting = [key for key, row in rows.items() if row.status == DONE and job.bits_key]
    if wanting and bits is None:
        try:
            _same_workload(job)
            bits, computed = bit_figures(job.source, machines[wanting[0]]), True
        except Exception as error:
            for key in wanting:
                rows[key] = Row(key, FAILED, rows[key].figures, told(error), job.bits_key)
    if bits is not None:
        for key in wanting:
            whole = {**rows[key].figures, **bits}
            status = DONE if all(each.holds(whole) for each in job.constraints) else OUTSIDE
            rows[key] = replace(rows[key], status=status, figures=whole)
    ordered = tuple(rows[key] for key, _ in job.settings)
    return Measured(ordered, job.bits_key, bits if computed else None, time.perf_counter() - start)


def cycle_figures(network: str, machine: Accelerator, batch: int) -> dict[str, float | None]:
    """Return every figure that an estimate has. Raises what `accel.estimate` raises."""
    structure = build(network)
    report = estimate(structure, machine, batch)
    microseconds = 1e6 / report.clock_hz
    macs = sum(layer.macs for layer in report.layers)
    arrays = [node.name for node, nest in structure.loop_nests() if nest.engine == "array"]
    moved = sum(sum(layer.byte_counts.get("dram", {}).values()) for layer in report.layers)
    return {
        "accumulator_bits": max((machine.numerics.at(name).accumulator.width for name in arrays), default=None),
        "latency_cycles": report.latency_cycles,
        "latency_us": report.latency_cycles * microseconds,
        "interval_cycles": report.interval_cycles,
        "interval_us": report.interval_cycles * microseconds,
        "inputs_per_second": report.inputs_per_second,
        "utilization": macs / (report.pes * report.latency_cycles),
        "pes": report.pes,
        "dram_bytes": moved / batch,
        "energy_pj": report.energy_pj_per_input,
        "area_mm2": None if report.area is None else report.area.total_mm2,
    }


def told(error: BaseException) -> str:
    """Return an error as one line: ours as it stands, any other as one to report."""
    words = " ".join(str(error).split())
    return words if isinstance(error, AccelError) else f"internal error ({type(error).__name__}: {words})"


def _same_workload(job: Job) -> None:
    """Raise DataError when this process loads other weights or inputs than the one that planned the sweep."""
    here = workload_digests(job.source)
    differing = [name for name, digest in job.digests.items() if here[name] != digest]
    if differing:
        raise DataError(
            f"{job.source.network}: a worker has other {' and '.join(differing)} than the process that started the "
            "sweep; give every worker the same files and version"
        )
