"""Random bits of the updates: one register per column of a parameter, one draw per row and step.

A tensor (K, ...) is K rows of lanes; row k of step t is draw t K + k of its lanes, whatever the threads, the parts of a
batch, or where training was taken up again. So `Streams` may keep the registers where a step left them: it is a memory
of what `Random.draws` would say, and falls back on it where the next step asked for is another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.numeric.quantizer import Quantizer
from accel.numeric.random import REGISTERS, Lfsr

Draws = NDArray[np.uint32]


@dataclass
class Streams:
    """Registers by generator and number of lanes, each with the row that it stands before."""

    held: dict[tuple[Lfsr, int], tuple[int, Draws]] = field(default_factory=dict)

    def draws(self, cast: Quantizer, rows: int, lanes: int, first_row: int) -> Draws:
        """Return the draws of those rows, (rows, lanes) uint32, or (0, lanes) for a cast that draws nothing."""
        random = cast.random
        if random is None:
            return np.empty((0, lanes), np.uint32)
        if not isinstance(random, Lfsr):
            return random.draws(rows, lanes, first_row).astype(np.uint32)
        from kernels.update import draw_rows

        row, states = self.held.get((random, lanes), (-1, np.empty(lanes, np.uint32)))
        if row != first_row:
            states = _placed(random, lanes, first_row)
        made = np.empty((rows, lanes), np.uint32)
        draw_rows(_taps(random), states, made)
        self.held[random, lanes] = (first_row + rows, states)
        return made


def _taps(random: Lfsr) -> Any:
    from kernels.update import Taps

    return Taps(random.width, *REGISTERS[random.width].taps, random.bits)


def _placed(random: Lfsr, lanes: int, first_row: int) -> Draws:
    """Return the lanes' states before a row."""
    from kernels.bits import LfsrSpec
    from kernels.update import place

    register = REGISTERS[random.width]
    taps = sum(1 << (stage - 1) for stage in register.taps)
    start = (random.stream * register.stream_phase + first_row * random.bits) % ((1 << random.width) - 1)
    states = np.empty(lanes, np.int64)
    place(LfsrSpec(random.width, taps, random.seed, random.bits, start, register.lane_phase), states)
    return states.astype(np.uint32)
