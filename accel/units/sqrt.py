"""Square root, rounded exactly, digit by digit: what L2 pooling ends with (algorithm in `kernels.root`).

The source may be as wide as a sum of squares (63 bits). The surprise: it is exact for every format, because the last
remainder tells the cast whether anything follows the root's bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.unit import Codes, UnaryUnit, final_cast, require_unsigned
from kernels.modes import Requant

MAX_DIGITS = 60
"""The remainder, two digits ahead of twice the root, must fit 63 bits."""


@dataclass(frozen=True, eq=False)
class DigitRoot(UnaryUnit):
    """One result bit per cycle.

    Steps: `lift` zeros extend the radicand so that its root has max(target fraction bits + 1, ceil(source fraction
    bits / 2)) fraction bits; `digits` = ceil((source width + lift) / 2) steps of the school method; code = RND_CONV of
    root and sticky bit, saturated. No table.
    Time: `digits` cycles and one to round; the next radicand enters after `digits` cycles.
    """

    digits: int
    lift: int
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) x -> (n,) sqrt(x)."""
        from kernels.root import square_root

        out = np.empty_like(codes)
        return out, int(square_root(codes, self.digits, self.lift, self.cast, out))


def digit(source: QFormat, target: QFormat) -> DigitRoot:
    """Build the unit. Raises ConfigError for a signed source and for roots of more than 60 digits."""
    require_unsigned("sqrt", source)
    root_frac_bits = max(target.frac_bits + 1, -(-source.frac_bits // 2))
    lift = 2 * root_frac_bits - source.frac_bits
    digits = (source.width + lift + 1) // 2
    if digits > MAX_DIGITS:
        raise ConfigError(
            f"the root of {source} in {target} takes {digits} digits and at most {MAX_DIGITS} can be kept; "
            "use a target with fewer fraction bits"
        )
    return DigitRoot(
        name="sqrt",
        design="digit",
        source=source,
        target=target,
        cost=UnitCost(latency_cycles=digits + 1, interval_cycles=digits, adders=2),
        digits=digits,
        lift=lift,
        cast=final_cast(root_frac_bits + 1, target),  # + 1: the sticky bit
    )
