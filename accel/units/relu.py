"""relu and identity: a comparison with zero, and the cast from the source to the target format.

Only formats change here, so the cast (RND_CONV, saturating) is the whole arithmetic; every source and target works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.numeric.array import for_kernels
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.units.cost import UnitCost
from accel.units.unit import Codes, UnaryUnit


@dataclass(frozen=True, eq=False)
class Pass(UnaryUnit):
    """max(x, floor) in another format; floor None lets everything pass. One stage: compare, shift, round, saturate.

    A node casts what is `kept` with its own rounding and overflow; called alone, the unit rounds half to even.
    """

    floor: int | None

    def kept(self, codes: Codes) -> Codes:
        """Return max(x, floor), exactly, still in the source format and its container."""
        if self.floor is None:
            return codes
        from kernels.activation import rectify

        flat = for_kernels(codes).reshape(-1)
        out = np.empty_like(flat)
        rectify(flat, self.floor, out)
        return out.reshape(codes.shape)

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) x -> (n,) max(x, floor)."""
        from accel.numeric.cast import cast_codes

        made, overflowed = cast_codes(self.kept(codes), self.source, Quantizer(self.target))
        return made.codes, overflowed


def relu(source: QFormat, target: QFormat) -> Pass:
    """Build max(x, 0)."""
    return Pass("relu", "relu", source, target, UnitCost(latency_cycles=1, adders=2), floor=0)


def identity(source: QFormat, target: QFormat) -> Pass:
    """Build the cast alone."""
    return Pass("identity", "identity", source, target, UnitCost(latency_cycles=1, adders=1), floor=None)
