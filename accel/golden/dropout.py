"""Masks of dropout in float64 (Srivastava et al., JMLR 15, 2014, sec. 4), scaled so that the mean stays what it was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mask(uniform: Array, share: float) -> Array:
    """uniform: draws of [0, 1) -> 0 for a share of them, 1 / (1 - share) for the others; same shape."""
    return np.where(uniform < share, 0.0, 1.0 / (1.0 - share))


def unmasked(y: Array, factors: Array) -> Array:
    """Return y without its mask; where it was dropped, 0."""
    return np.divide(y, factors, out=np.zeros_like(y), where=factors > 0)
