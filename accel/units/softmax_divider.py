"""Max-shifted softmax that divides every exponential by the sum instead of multiplying by a reciprocal.

The quotient is exact to the last bit and the remainder tells whether anything follows, so the cast rounds the true
quotient of the exponentials: what error is left is the exp unit's. The price is time, one cycle per result bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.softmax_path import DEFAULT_TARGET, RowPath, StreamedSoftmax, parts_memories
from accel.units.softmax_reference import exp_stages, exp_unit, exponentials, totals
from accel.units.unit import Choice, Codes, Memories, UnaryUnit, check_formats, final_cast
from kernels.modes import Requant


@dataclass(frozen=True, eq=False)
class DividerSoftmax(StreamedSoftmax):
    """Maximum, exact subtraction, exp unit into UQ1.20, exact sum, non-restoring division, one cast (RND_CONV).

    `steps` = target fraction bits + 2: the whole bit, the target's fraction, one bit more; then the sticky bit.
    Time: a lane's divider takes one exponential every `steps` cycles, and one cycle to mend the remainder and round.
    Depth: maximum 1, subtraction 1, exp, sum 1, division `steps` + 1. No table but the exp unit's, one adder.
    """

    exp: UnaryUnit
    steps: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) probabilities."""
        from kernels.softmax import divide

        powers = exponentials(self.exp, codes)
        out = np.empty_like(powers)
        return out, int(divide(powers, totals(powers), self.steps, self.cast, out))

    def memories(self) -> Memories:
        """Return the tables of the exp unit."""
        return parts_memories(exp=self.exp.memories())


def divider(
    source: QFormat,
    target: QFormat = DEFAULT_TARGET,
    exp: Choice | None = None,
    reciprocal: Choice | None = None,
) -> DividerSoftmax:
    """Build the unit. Raises ConfigError for formats out of reach, an exp that cannot be built, a reciprocal."""
    if reciprocal is not None:
        raise ConfigError(f"softmax 'divider' divides, a reciprocal '{reciprocal.design}' has no effect; leave it out")
    check_formats("softmax", source, target)
    powers = exp_unit(source, exp)
    steps = max(target.frac_bits, 0) + 2
    division = UnitCost(latency_cycles=steps + 1, interval_cycles=steps, adders=1)
    path = RowPath(
        lane=exp_stages(powers) + division,
        row=UnitCost(0),
        streams=(1, powers.cost.interval_cycles, steps),
    )
    return DividerSoftmax(
        design="divider",
        source=source,
        target=target,
        cost=path.cost,
        path=path,
        exp=powers,
        steps=steps,
        cast=final_cast(steps, target),  # steps - 1 fraction bits and the sticky bit
    )
