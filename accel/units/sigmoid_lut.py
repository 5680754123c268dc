"""sigmoid and tanh looked up directly: one address, one entry, no arithmetic on the result.

The surprise: the table is addressed by rounding, not by cutting bits off, so that an entry stands for what lies around
it: half the error of the usual table of lower bin edges (sigmoid 4.8e-3, tanh 8.5e-3), and f(0) is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.curves import check_curve, sigmoid_curve
from accel.units.unit import Codes, Memories, UnaryUnit, final_cast, frozen_table, require_offered, stored_bits
from kernels.modes import Requant

ENTRIES = (64, 128, 256, 512, 1024, 2048, 4096)
SIGMOID_REACH_BITS = 3
TANH_REACH_BITS = 2


@dataclass(frozen=True, eq=False)
class DirectLut(UnaryUnit):
    """A table over [-8, 8) for sigmoid, [-4, 4) for tanh; beyond, its ends stand.

    Table rule: entry i = round(f((i - entries / 2) * step) * 2^target fraction bits), step = 16 (8) / entries; kept
    saturated, as many bits as the largest needs.
    Steps: address = RND(x / step) + entries / 2, held at both ends; the entry is the code.
    Error for 1024 entries: sigmoid step / 8 = 1.95e-3, tanh step / 2 = 3.91e-3, and half an lsb.
    Stages (2): round and hold the address; table. Adders: rounding and two comparisons.
    """

    table: NDArray[np.int64]
    shift: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) x -> (n,) f(x)."""
        from kernels.lookup import nearest

        out = np.empty_like(codes)
        return out, int(nearest(codes, self.table, self.shift, self.cast, out))

    def memories(self) -> Memories:
        """Return the table with its entries saturated, as it is kept."""
        return _memories(self.table, self.target)


def sigmoid_lut(source: QFormat, target: QFormat, *, entries: int = 1024) -> DirectLut:
    """Build sigmoid. Raises ConfigError for formats out of reach and tables not offered."""
    return _direct("sigmoid", sigmoid_curve, SIGMOID_REACH_BITS, entries, source, target)


def tanh_lut(source: QFormat, target: QFormat, *, entries: int = 1024) -> DirectLut:
    """Build tanh. Raises ConfigError for formats out of reach, an unsigned target and tables not offered."""
    return _direct("tanh", math.tanh, TANH_REACH_BITS, entries, source, target)


def _direct(
    name: str,
    curve: Callable[[float], float],
    reach_bits: int,
    entries: int,
    source: QFormat,
    target: QFormat,
) -> DirectLut:
    check_curve(name, source, target)
    require_offered(f"{name} lut", "entries", entries, ENTRIES)
    step_frac_bits = entries.bit_length() - 1 - (reach_bits + 1)
    points = (math.ldexp(i - entries // 2, -step_frac_bits) for i in range(entries))
    table = frozen_table(round(math.ldexp(curve(x), target.frac_bits)) for x in points)
    ((kept, bits),) = _memories(table, target).values()
    return DirectLut(
        name=name,
        design="lut",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=2, table_bits=kept.size * bits, adders=3),
        table=table,
        shift=source.frac_bits - step_frac_bits,
        cast=final_cast(target.frac_bits, target),
    )


def _memories(table: NDArray[np.int64], target: QFormat) -> Memories:
    kept = np.clip(table, target.min_code, target.max_code)
    return {"table": (kept, stored_bits(kept))}
