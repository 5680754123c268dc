"""Which engine multiplies: all give the same bits.

    vnni   AVX-512 VNNI: two int16 products and an int32 addition in one instruction; where the processor has it
    tile   the same tiles in generic vectors; on every other processor
    blas   float64 matrix products of NumPy's BLAS, exact while no sum of magnitudes reaches 2^53

Operands wider than int16 go through BLAS under that proof and through int64 loops without it. ACCEL_ENGINE forces an
engine; forced BLAS still needs its proof, and int64 loops serve what has none.
"""

from __future__ import annotations

import os
from enum import StrEnum

from accel.errors import ConfigError, suggestion

VARIABLE = "ACCEL_ENGINE"


class Multiplier(StrEnum):
    """How exact products are computed."""

    VNNI = "vnni"
    TILE = "tile"
    BLAS = "blas"


def multiplier() -> Multiplier:
    """Return the engine for int16 operands. Raises ConfigError when ACCEL_ENGINE names none of this processor."""
    from kernels.vnni import has_vnni

    wanted = os.environ.get(VARIABLE, "").strip().lower()
    if not wanted:
        return Multiplier.VNNI if has_vnni() else Multiplier.TILE
    if wanted not in list(Multiplier):
        offered = suggestion(wanted, list(Multiplier))
        raise ConfigError(f"{VARIABLE}={wanted} is not an engine.{offered} Unset it to let the processor decide")
    chosen = Multiplier(wanted)
    if chosen is Multiplier.VNNI and not has_vnni():
        raise ConfigError(f"{VARIABLE}=vnni needs a processor with AVX-512 VNNI; use tile or blas, or unset it")
    return chosen
