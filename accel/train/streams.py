"""Random bits of the updates: one register per column of a parameter, one draw per row and step.

A tensor (K, ...) is K rows of lanes; row k of step t is draw t K + k of its lanes, whatever the threads, the parts of a
batch, or where training was taken up again. So `Streams` may keep the registers where a step left them: it is a memory
of what `Random.draws` would say, and falls back on it where the next step asked for is another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.numeric.quantizer import Quantizer
from accel.numeric.random import REGISTERS, Lfsr

Draws = NDArray[np.uint32]


NO_STATES = np.empty(0, np.uint32)
NO_LEAP = np.empty((4, 256), np.uint32)


@dataclass
class Streams:
    """Registers by generator and number of lanes, each with the row that it stands before; tables by generator."""

    held: dict[tuple[Lfsr, int], tuple[int, Draws]] = field(default_factory=dict)
    leaps: dict[tuple[int, int], Draws] = field(default_factory=dict)

    def draws(self, cast: Quantizer, rows: int, lanes: int, first_row: int) -> Draws:
        """Return the draws of those rows, (rows, lanes) uint32, or (0, lanes) for a cast that draws nothing."""
        random = cast.random
        if random is None:
            return np.empty((0, lanes), np.uint32)
        if not isinstance(random, Lfsr):
            return random.draws(rows, lanes, first_row).astype(np.uint32)
        from kernels.update import draw_rows

        made = np.empty((rows, lanes), np.uint32)
        draw_rows(self._leap(random), random.bits, self._before(random, rows, lanes, first_row), made)
        return made

    def of_step(self, casts: Sequence[Quantizer], rows: int, lanes: int, first_row: int) -> Any:
        """Return what `kernels.update.step_rows` draws those rows with: registers where they are, else draws."""
        from kernels.update import Random

        none = np.empty((0, lanes), np.uint32)
        parts: list[tuple[Draws, Draws, int, Draws]] = []
        for cast in casts:
            random = cast.random
            if isinstance(random, Lfsr):
                states = self._before(random, rows, lanes, first_row)
                parts.append((states, self._leap(random), random.bits, none))
            else:
                given = none if random is None else self.draws(cast, rows, lanes, first_row)
                parts.append((NO_STATES, NO_LEAP, 0, given))
        return Random(*zip(*parts, strict=True))

    def _before(self, random: Lfsr, rows: int, lanes: int, first_row: int) -> Draws:
        """Return the lanes' states before a row, noted as they will be once those rows are drawn."""
        row, states = self.held.get((random, lanes), (-1, NO_STATES))
        if row != first_row:
            states = _placed(random, lanes, first_row)
        self.held[random, lanes] = (first_row + rows, states)
        return states

    def _leap(self, random: Lfsr) -> Draws:
        from kernels.update import leap_table

        key = random.width, random.bits
        if key not in self.leaps:
            self.leaps[key] = np.empty((4, 256), np.uint32)
            leap_table(_spec(random, 0), self.leaps[key])
        return self.leaps[key]


def _placed(random: Lfsr, lanes: int, first_row: int) -> Draws:
    """Return the lanes' states before a row."""
    from kernels.update import place

    states = np.empty(lanes, np.int64)
    place(_spec(random, first_row), states)
    return states.astype(np.uint32)


def _spec(random: Lfsr, first_row: int) -> Any:
    """Return the generator before a row in the plain integers of the kernels."""
    from kernels.bits import LfsrSpec

    register = REGISTERS[random.width]
    taps = sum(1 << (stage - 1) for stage in register.taps)
    start = (random.stream * register.stream_phase + first_row * random.bits) % ((1 << random.width) - 1)
    return LfsrSpec(random.width, taps, random.seed, random.bits, start, register.lane_phase)
