"""Many machines at once: the closed forms of a dataflow over arrays of sizes and bandwidths, without a loop over them.

What is the same as in an estimate: the cycles of the array, to the cycle. What is simpler: the channel is a bound, so a
layer takes max(its cycles, its bytes / bandwidth); every operand crosses once for every time that the caller's bytes
say (no tiles are chosen); latencies, first fills and function units are left out. So totals are never more than an
estimate's interval of that layer by itself.

Row stationary is not here: its mapping is searched for every machine, and the search is what takes the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel.arch.dataflows import chosen
from accel.arch.hardware import Array
from accel.errors import ConfigError
from accel.loopnest import Gemm, LoopNest

Ints: TypeAlias = NDArray[np.int64]

CHUNK = 1 << 14
"""Pairs of layer and machine that are computed together, so that intermediate arrays stay in a core's cache."""


@dataclass(frozen=True)
class Machines:
    """Sizes of the array and bandwidths, arrays of one length (or numbers for all); one dataflow and timing.

    dram_bytes_per_cycle: None for machines whose channel is not modelled.
    """

    dataflow: str
    rows: ArrayLike
    columns: ArrayLike
    dram_bytes_per_cycle: ArrayLike | None = None
    timing: str = "pipelined"


@dataclass(frozen=True)
class CyclesOfMany:
    """Of every layer (first axis) on every machine (second): cycles without waiting, and with the channel's bound."""

    compute: Ints
    total: Ints

    @property
    def stall(self) -> Ints:
        """Cycles beyond those of computing."""
        return self.total - self.compute


def cycles_of_many(nests: Sequence[LoopNest], machines: Machines, dram_bytes: ArrayLike = 0) -> CyclesOfMany:
    """Return the cycles of layers of the array on many machines.

    dram_bytes: (layers,) what each moves between DRAM and chip.
    Raises ConfigError for unknown dataflows and timings, for sizes below 1, for bandwidths that move nothing, and for
    cycles that 64 bits may not hold.
    """
    rows, columns, bandwidth = _checked(machines)
    dataflow = chosen(Array(machines.dataflow, 1, 1, machines.timing))
    model: Any = dataflow.timings[machines.timing]
    takes = signature(model).parameters
    if "nest" in takes:
        raise ConfigError(
            f"'{machines.dataflow}' is mapped by a search on every machine; use accel.estimate, one at a time"
        )
    if any(nest.engine != "array" for nest in nests):
        raise ConfigError("only layers of the array have closed forms over many machines; leave out the others")
    products = np.array([nest.gemm for nest in nests], np.int64).reshape(-1, 4, 1)
    gemm = Gemm._make(products[:, axis] for axis in range(4))
    windows = {"window": np.array([[nest.R * nest.S] for nest in nests], np.int64)} if "window" in takes else {}
    moved = np.broadcast_to(np.asarray(dram_bytes, np.float64), (len(nests),))[:, None]
    _refuse_too_many(nests, rows, columns, moved, bandwidth)
    compute = np.empty((len(nests), rows.size), np.int64)
    total = np.empty_like(compute)
    step = max(1, CHUNK // max(1, len(nests)))
    for first in range(0, rows.size, step):
        part = slice(first, first + step)
        compute[:, part] = model(gemm, rows[part], columns[part], **windows).total
        total[:, part] = compute[:, part]
        if bandwidth is not None:
            transfer = np.ceil(moved / bandwidth[part]).astype(np.int64)
            np.maximum(total[:, part], transfer, out=total[:, part])
    return CyclesOfMany(compute, total)


def _checked(machines: Machines) -> tuple[Ints, Ints, NDArray[np.float64] | None]:
    """Return sizes and bandwidths as arrays of one length."""
    bandwidth = machines.dram_bytes_per_cycle
    given = (machines.rows, machines.columns, 1.0 if bandwidth is None else bandwidth)
    try:
        rows, columns, channel = np.broadcast_arrays(*(np.atleast_1d(np.asarray(each)) for each in given))
    except ValueError:
        shapes = ", ".join(str(np.shape(each)) for each in given)
        raise ConfigError(
            f"rows, columns and bandwidths of shapes {shapes} do not go together; use one length"
        ) from None
    for name, sizes in (("rows", rows), ("columns", columns)):
        if sizes.dtype.kind not in "iu" or rows.ndim != 1 or (sizes < 1).any():
            raise ConfigError(f"{name} must be one row of whole numbers of at least 1")
    if not (channel > 0).all():
        raise ConfigError("a bandwidth of 0 moves nothing; use more than 0, or None for a channel that is not modelled")
    return rows.astype(np.int64), columns.astype(np.int64), None if bandwidth is None else channel.astype(np.float64)


def _refuse_too_many(
    nests: Sequence[LoopNest],
    rows: Ints,
    columns: Ints,
    moved: NDArray[np.float64],
    bandwidth: NDArray[np.float64] | None,
) -> None:
    """Raise ConfigError where cycles could pass 64 bits.

    A fold of R x C takes at most the streamed length and 2 (R + C) cycles, and no axis is cut into more folds than it
    is long; so 8 groups (m + R + C) (k + R + C) (n + R + C) are more than any array takes.
    """
    edges = int(rows.max(initial=1)) + int(columns.max(initial=1))
    most = max(
        (8 * g * (m + edges) * (k + edges) * (n + edges) for g, m, k, n in (nest.gemm for nest in nests)), default=0
    )
    transfer = 0.0 if bandwidth is None else float(moved.max(initial=0.0) / bandwidth.min(initial=np.inf))
    if most >= 1 << 63 or transfer >= 1 << 62:
        raise ConfigError(
            "the largest of these layers may take more cycles than 64 bits hold; use accel.estimate, which counts with "
            "whole numbers of any size, one machine at a time"
        )
