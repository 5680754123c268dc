"""Random rows of logits for softmax tests."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from accel.numeric.format import QFormat

figures = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT),
    reason="figures of thousands of rows take compiled kernels; bits are compared anyway",
)


def normal_rows(count: int, k: int, scale: float, seed: int, source: str = "Q6.10") -> NDArray[np.int64]:
    """Rows of codes, their values normally distributed with that spread."""
    form = QFormat.parse(source)
    values = np.random.default_rng([seed, k, round(10 * scale)]).normal(0, scale, (count, k))
    return np.clip(np.rint(np.ldexp(values, form.frac_bits)), form.min_code, form.max_code).astype(np.int64)


def mixed_rows(count: int, k: int, source: str, seed: int, uniform: int = 8) -> NDArray[np.int64]:
    """Rows of every spread, from a few lsb to the whole range of the format, and some uniform ones."""
    form = QFormat.parse(source)
    rng = np.random.default_rng([seed, k])
    spread = 2.0 ** rng.uniform(form.frac_bits - 2, form.frac_bits + 4, (count, 1))
    codes = np.clip(rng.normal(0, spread, (count, k)), form.min_code, form.max_code).astype(np.int64)
    return np.concatenate([codes, rng.integers(form.min_code, form.max_code, (uniform, k), endpoint=True)])
