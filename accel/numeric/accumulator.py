"""`Accumulator`: how wide sums are and what happens at every addition (spec: the order is part of the hardware).

EXACT adds exact products without loss and needs a proof that the format holds every partial sum. STEPWISE applies the
accumulator's overflow after every addition, in the order that the schedule of the array decides
(`accel.loopnest.AccumulationOrder`); if the accumulator has fewer fraction bits than the product, every addend is
first cast with `rounding`. LATE saturates one addition after the flag: a sum that is out of range is kept wrapped and
raises the flag; in the next step the register takes the limit on that side instead of a sum, so the addend of that
step is lost and raises no flag; a flag that stands after the last step of a chain is obeyed then.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from kernels.modes import Overflow, Rounding


class Mode(StrEnum):
    """When the accumulator's overflow acts."""

    EXACT = "exact"
    STEPWISE = "stepwise"
    LATE = "late"


@dataclass(frozen=True)
class Accumulator:
    """A signed accumulator of `width` bits.

    frac_bits: bits below its binary point; None takes the product's, as a DSP slice does, so nothing is cut off.
    """

    width: int = 48
    frac_bits: int | None = None
    mode: Mode = Mode.STEPWISE
    overflow: Overflow = Overflow.WRAP
    rounding: Rounding = Rounding.TRN

    def __post_init__(self) -> None:
        if self.rounding == Rounding.STOCHASTIC:
            raise ConfigError("an accumulator cannot round its products stochastically; choose another rounding")
        if self.overflow not in (Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP):
            raise ConfigError(f"an accumulator saturates (SAT, SAT_SYM) or wraps (WRAP), not {self.overflow.name}")
        if self.mode is Mode.LATE and self.overflow == Overflow.WRAP:
            raise ConfigError("late saturation saturates; choose overflow SAT or SAT_SYM, or mode stepwise to wrap")
        self.resolve(0)

    def resolve(self, product_frac_bits: int) -> QFormat:
        """Return the accumulator's format for products with that many fraction bits."""
        frac_bits = product_frac_bits if self.frac_bits is None else self.frac_bits
        return QFormat(True, self.width, self.width - frac_bits)
