"""Profiles: what a tool or a DSP slice does where nobody says otherwise, under one name.

A profile is a set of defaults for [numerics]; keys that a file writes itself win. The bits are the ordinary ones of
`accel.numeric.cast`; a profile only chooses among them. The surprise: two tools that both "round to nearest" differ at
ties, and `ap_fixed` neither rounds nor saturates unless it is told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError, DataError
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from accel.numeric.cast import cast_codes
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.quantizer import Quantizer
from kernels.modes import Overflow, Rounding

INT16 = QFormat(True, 16, 16)

TFLITE_SUM_BITS = 48
"""Widest sum that TFLite's 16-bit requantisation takes: -2^47 <= sum < 2^47."""

_MULTIPLIER_BITS = 15
_FULL_MULTIPLIER = 0x7FFF
_ROUNDS_TO_FULL = 0x7FFF0000


@dataclass(frozen=True)
class Profile:
    """Defaults of one tool. means: in one line. source: where they are published. formats: those it fixes, by key."""

    name: str
    means: str
    source: str
    rounding: Rounding
    overflow: Overflow
    accumulator: Accumulator
    formats: Mapping[str, QFormat] = field(default_factory=dict)

    def quantizer(self, target: QFormat) -> Quantizer:
        """Return the cast to `target` as the tool makes it."""
        return Quantizer(target, self.rounding, self.overflow)

    def settings(self) -> dict[str, Any]:
        """Return the profile as the keys of [numerics] in an accelerator file."""
        rule = self.accumulator
        point = {} if rule.frac_bits is None else {"frac_bits": rule.frac_bits}
        sums = {"width": rule.width, **point, "mode": rule.mode.value}
        return {
            **{key: str(spec) for key, spec in self.formats.items()},
            "rounding": self.rounding.name,
            "overflow": self.overflow.name,
            "accumulator": {**sums, "overflow": rule.overflow.name, "rounding": rule.rounding.name},
        }


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="ap_fixed",
            means="truncates and wraps, at every assignment",
            source="AMD UG1399, Vitis HLS, Arbitrary Precision Fixed-Point Data Types: AP_TRN and AP_WRAP by default",
            rounding=Rounding.TRN,
            overflow=Overflow.WRAP,
            accumulator=Accumulator(mode=Mode.STEPWISE, overflow=Overflow.WRAP, rounding=Rounding.TRN),
        ),
        Profile(
            name="dsp48",
            means="48-bit accumulator that wraps, then one convergent rounding that saturates",
            source="AMD UG479, 7 Series DSP48E1 Slice: 48-bit ALU; rounding and saturation by pattern detection",
            rounding=Rounding.RND_CONV,
            overflow=Overflow.SAT,
            accumulator=Accumulator(width=48, mode=Mode.STEPWISE, overflow=Overflow.WRAP),
        ),
        Profile(
            name="tflite-s16",
            means="exact sums of up to 48 bits, half up, saturates; softmax in Q1.15",
            source="TensorFlow Lite, 16x8 quantisation: MultiplyByQuantizedMultiplier of int64 sums",
            rounding=Rounding.RND,
            overflow=Overflow.SAT,
            accumulator=Accumulator(width=TFLITE_SUM_BITS, mode=Mode.EXACT, overflow=Overflow.SAT),
            formats={"softmax": QFormat(True, 16, 1)},
        ),
        Profile(
            name="matlab-nearest-saturate",
            means="exact sums, half up, saturates",
            source="MathWorks Fixed-Point Designer, fimath: Nearest, Saturate, ProductMode and SumMode FullPrecision",
            rounding=Rounding.RND,
            overflow=Overflow.SAT,
            accumulator=Accumulator(width=MAX_WIDTH, mode=Mode.EXACT, overflow=Overflow.SAT),
        ),
    )
}
"""Profiles by name."""


def tflite_requantize(codes: NDArray[np.integer[Any]], multiplier: int, shift: int) -> FxArray:
    """Return sums scaled by multiplier * 2^(shift - 31) as TFLite scales them to int16.

    codes: any shape, -2^47 <= sum < 2^47 · multiplier: 0..2^31 - 1 · shift: -31..7 -> the same shape, Q16.0.
    The multiplier is first reduced to 15 bits, half up; then one product and ONE cast, half up, saturating. Source:
    tensorflow/lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier(int64_t, int32_t, int).
    Raises DataError for sums that are no integers or out of range, ConfigError for another multiplier or shift.
    """
    if not 0 <= multiplier < 1 << 31:
        raise ConfigError(f"a quantized multiplier of {multiplier} cannot be used; use 0..{(1 << 31) - 1}")
    if not -31 <= shift <= 7:
        raise ConfigError(f"a shift of {shift} cannot be used; use -31..7")
    sums = np.asarray(codes)
    if sums.dtype.kind not in "iu":
        raise DataError(f"sums are integers, not {sums.dtype}")
    limit = 1 << (TFLITE_SUM_BITS - 1)
    if sums.size and not (-limit <= int(sums.min()) and int(sums.max()) < limit):
        raise DataError(f"sums {int(sums.min())}..{int(sums.max())} lie outside -2^47..2^47-1, which is all that fits")
    reduced = _FULL_MULTIPLIER if multiplier >= _ROUNDS_TO_FULL else (multiplier + (1 << 15)) >> 16
    # 48 bits times 15 bits stay below 2^62.
    scaled = sums.astype(np.int64) * reduced
    return cast_codes(scaled, _scaled(shift), PROFILES["tflite-s16"].quantizer(INT16))[0]


def _scaled(shift: int) -> QFormat:
    """Return the format of a product whose lsb is worth 2^-(15 - shift)."""
    return QFormat(True, MAX_WIDTH, MAX_WIDTH - (_MULTIPLIER_BITS - shift))
