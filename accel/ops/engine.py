"""Which engine multiplies: all give the same bits.

    amx    AMX: products of bytes in tiles of 16 x 16 sums, 16-bit codes as two bytes each; where processor and system
           have it, for layers that fill the tiles (`kernels.products`), vnni or tile for the others
    vnni   AVX-512 VNNI: two int16 products and an int32 addition in one instruction; where the processor has it
    tile   the same tiles in generic vectors; on every other processor
    blas   float64 matrix products of NumPy's BLAS, exact while no sum of magnitudes reaches 2^53

Operands wider than int16 go through BLAS under that proof and through int64 loops without it. ACCEL_ENGINE forces an
engine; forced BLAS still needs its proof, and int64 loops serve what has none.
"""

from __future__ import annotations

import os
from enum import StrEnum
from functools import cache

from accel.errors import ConfigError, suggestion

VARIABLE = "ACCEL_ENGINE"


class Multiplier(StrEnum):
    """How exact products are computed."""

    AMX = "amx"
    VNNI = "vnni"
    TILE = "tile"
    BLAS = "blas"


_NEEDS = {Multiplier.AMX: "AMX and a system that grants it", Multiplier.VNNI: "AVX-512 VNNI"}


def multiplier() -> Multiplier:
    """Return the engine for int16 operands. Raises ConfigError when ACCEL_ENGINE names none of this processor."""
    return _multiplier_for(os.environ.get(VARIABLE, ""))


@cache
def _multiplier_for(value: str) -> Multiplier:
    """Return the engine for a value of ACCEL_ENGINE; asked for every layer of every batch."""
    wanted = value.strip().lower()
    if not wanted:
        return next(each for each in Multiplier if _is_there(each))
    if wanted not in list(Multiplier):
        offered = suggestion(wanted, list(Multiplier))
        raise ConfigError(f"{VARIABLE}={wanted} is not an engine.{offered} Unset it to let the processor decide")
    chosen = Multiplier(wanted)
    if not _is_there(chosen):
        raise ConfigError(f"{VARIABLE}={wanted} needs {_NEEDS[chosen]}; use another one, or unset it")
    return chosen


def forced_engine() -> int | None:
    """Return the engine that ACCEL_ENGINE forces, in the plain integers of the kernels; None: the layer decides."""
    if not os.environ.get(VARIABLE, "").strip():
        return None
    from kernels.amx import AMX
    from kernels.vnni import TILE, VNNI

    chosen: int = {Multiplier.AMX: AMX, Multiplier.VNNI: VNNI}.get(multiplier(), TILE)
    return chosen


def _is_there(engine: Multiplier) -> bool:
    from kernels.amx import has_amx
    from kernels.vnni import has_vnni

    if engine is Multiplier.AMX:
        return bool(has_amx())
    return engine is not Multiplier.VNNI or bool(has_vnni())
