"""Many cores on one layer: which axis is cut, what every core gets, and which operands each has for itself.

A core is a copy of the array and its units. The memories are shared and banked: what only one core reads lies in banks
of its own, what all of them read lies there once and is broadcast, so cores never wait for each other's banks. They
share the DRAM channel. Cores walk through their shares tile by tile at the same time, and the largest share decides.

    batch            N   inputs and outputs are a core's own, weights are shared
    output channel   K   weights and outputs are its own, inputs are shared; groups where there are not enough filters
    pixel            P   output rows (columns if there are more of them), weights are shared; neighbours read the rows
                         between them twice
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from accel.arch.hardware import Cores
from accel.errors import ConfigError, suggestion
from accel.loopnest import LoopNest

PARTITIONS = ("batch", "output channel", "pixel")
SCHEDULES = ("layer by layer", "layer pipelined")

WHOLE_ROWS = frozenset({"softmax", "normalisation"})
"""Engines that need a row of outputs in one place."""

_OWN = {"N": ("input", "output"), "K": ("weight", "output"), "G": ("input", "weight", "output")}
_OWN |= {"P": _OWN["N"], "Q": _OWN["N"]}


@dataclass(frozen=True)
class Shares:
    """A layer cut for several cores. parts: (cores, nest of each), the largest first; together they are the layer.

    own: operands of which every core has its own part. ratio: the whole layer / the largest share.
    """

    parts: tuple[tuple[int, LoopNest], ...]
    own: tuple[str, ...]
    ratio: Fraction

    @property
    def largest(self) -> LoopNest:
        """The share that decides."""
        return self.parts[0][1]

    @property
    def active(self) -> int:
        """Cores that have something to do."""
        return sum(count for count, _ in self.parts)

    def times(self, operand: str) -> int:
        """Return how many cores' tiles of an operand move at a time."""
        return self.active if operand in self.own else 1


def shares(nest: LoopNest, cores: int, partition: str) -> Shares:
    """Cut a layer for `cores` cores. Raises ConfigError for an unknown partition."""
    if cores == 1:
        return Shares(((1, nest),), (), Fraction(1))
    axis = _axis(nest, cores, partition)
    extent = getattr(nest, axis)
    largest = -(-extent // cores)
    count, rest = divmod(extent, largest)
    parts = ((count, replace(nest, **{axis: largest})), (1, replace(nest, **{axis: rest})))
    return Shares(parts if rest else parts[:1], _OWN[axis], Fraction(extent, largest))


def _axis(nest: LoopNest, cores: int, partition: str) -> str:
    if nest.engine in WHOLE_ROWS:
        return "N" if nest.N >= nest.P else "P"
    axes: Mapping[str, str] = {
        "batch": "G" if nest.is_product else "N",
        "output channel": "K" if min(cores, nest.G) <= nest.K else "G",
        "pixel": "P" if min(cores, nest.Q) <= nest.P else "Q",
    }
    if partition not in axes:
        raise ConfigError(f"cores.partition = '{partition}' is none of them.{suggestion(partition, axes)}")
    return axes[partition]


def check_cores(cores: Cores) -> list[str]:
    """Return what is wrong with the choice of cores."""
    problems = []
    if cores.number is not None and cores.number < 1:
        problems.append(f"cores.number = {cores.number} is too small; use 1 or more")
    for key, value, known in (("partition", cores.partition, PARTITIONS), ("schedule", cores.schedule, SCHEDULES)):
        if value not in known:
            problems.append(f"cores.{key} = '{value}' is none of them.{suggestion(value, known)}")
    return problems
