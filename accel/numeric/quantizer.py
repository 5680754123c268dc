"""`Quantizer`: a target format with its rounding and overflow; `lower` turns it into integers for a kernel."""

from __future__ import annotations

from dataclasses import dataclass

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.numeric.random import Random
from kernels.modes import Overflow, Requant, Rounding


@dataclass(frozen=True)
class Quantizer:
    """How a value becomes a code: target format, rounding, overflow, saturation bits, random source.

    Raises ConfigError for combinations that mean nothing: WRAP_SM on an unsigned target, saturation bits without a
    wrapping mode or more than the width, STOCHASTIC without a random source.
    """

    format: QFormat
    rounding: Rounding = Rounding.RND_CONV
    overflow: Overflow = Overflow.SAT
    saturation_bits: int = 0
    random: Random | None = None

    def __post_init__(self) -> None:
        if self.overflow == Overflow.WRAP_SM and not self.format.signed:
            raise ConfigError(f"WRAP_SM needs a signed format, {self.format} is not; use WRAP")
        if self.saturation_bits and self.overflow not in (Overflow.WRAP, Overflow.WRAP_SM):
            raise ConfigError(f"saturation_bits belongs to WRAP and WRAP_SM, not to {self.overflow.name}; leave it out")
        if not 0 <= self.saturation_bits <= self.format.width:
            raise ConfigError(
                f"saturation_bits = {self.saturation_bits} does not fit {self.format}; use 0..{self.format.width}"
            )
        if self.rounding == Rounding.STOCHASTIC and self.random is None:
            raise ConfigError("STOCHASTIC rounding draws bits; name the generator, for example Lfsr(seed=1)")

    def lower(self, source: QFormat) -> Requant:
        """Return the cast from `source` as plain integers."""
        stochastic = self.rounding == Rounding.STOCHASTIC and self.random is not None
        return Requant(
            shift=source.frac_bits - self.format.frac_bits,
            rounding=int(self.rounding),
            overflow=int(self.overflow),
            signed=int(self.format.signed),
            width=self.format.width,
            saturation_bits=self.saturation_bits,
            source_width=source.width,
            random_bits=self.random.bits if stochastic and self.random else 0,
            centred=int(self.random.centred) if stochastic and self.random else 0,
        )
