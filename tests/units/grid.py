"""Which codes a test evaluates: all of them, or a thinned set where kernels run uncompiled."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from accel.numeric.format import QFormat

THIN = 97
"""Keep one code in so many without compilation; prime, so that every residue of a power of two is met."""


def codes_of(text: str) -> NDArray[np.int64]:
    """Return the codes of a format of at most 16 bits in rising order, both ends included."""
    form = QFormat.parse(text)
    assert form.width <= 16
    codes = np.arange(form.min_code, form.max_code + 1, dtype=np.int64)
    return np.append(codes[:-1:THIN], codes[-1]) if numba.config.DISABLE_JIT else codes


def rows(compiled: int) -> int:
    """Return how many random rows to try: `compiled`, or a few where kernels run uncompiled."""
    return max(2, compiled // 100) if numba.config.DISABLE_JIT else compiled


def spread(form: QFormat) -> NDArray[np.int64]:
    """Return codes >= 0 of a format at all magnitudes, in rising order, both ends included."""
    rng = np.random.default_rng(7)
    dense = np.minimum(np.arange(rows(200)), form.max_code)
    even = np.linspace(0, form.max_code, 50).astype(np.int64)
    small = (rng.random(rows(400)) ** 3 * form.max_code).astype(np.int64)
    return np.unique(np.concatenate([dense, even, small]))


def magnitudes(form: QFormat) -> NDArray[np.int64]:
    """Return codes >= 1 of a format, as many of each magnitude, in rising order, the highest included."""
    rng = np.random.default_rng(5)
    codes = np.minimum(np.exp2(rng.uniform(0, form.width, rows(400))), 2.0**form.width - 1024 * (form.width > 53))
    return np.append(np.unique(np.minimum(codes.astype(np.int64), form.max_code)), form.max_code)
