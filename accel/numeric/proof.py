"""Width proofs: what no sum can exceed, from the actual weights and the range of the inputs' format.

Everything is decided in Python integers, so nothing here can overflow while it proves that something else cannot.
Bounds hold for every partial sum in every order: the positive and the negative extremes of all addends are taken
apart, and any partial sum lies between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import MAX_WIDTH, QFormat


def chunk_terms(max_abs_x: int, max_abs_w: int) -> int:
    """Return the largest n with n * max_abs_x * max_abs_w < 2^31, the products one int32 can sum.

    0 when not even one product fits; 2^31 - 1 when all products are zero.
    """
    return ((1 << 31) - 1) // max(int(max_abs_x) * int(max_abs_w), 1)


def sum_bits(max_abs_product: int, terms: int, bias_max: int = 0) -> int:
    """Return the signed width that holds every sum of `terms` products and a bias, whatever their signs."""
    return needed_bits([int(max_abs_product) * int(terms) + int(bias_max)])


def worst_case(
    weight_codes: NDArray[np.integer[Any]], x: QFormat, bias_codes: NDArray[np.integer[Any]] | None = None
) -> NDArray[Any]:
    """Return the largest magnitude that any partial sum of each output can reach; tight.

    weight_codes: (N, K) · x: format of the inputs, whose asymmetric range counts · bias_codes: (N,) at the products'
    binary point, None for none -> (N,) int64, or Python integers (dtype object) where one is beyond int64.
    """
    return worst_case_between(weight_codes, x.min_code, x.max_code, bias_codes)


def worst_case_between(
    weight_codes: NDArray[np.integer[Any]],
    low: int,
    high: int,
    bias_codes: NDArray[np.integer[Any]] | None = None,
) -> NDArray[Any]:
    """Return the same for inputs whose codes lie in low..high, for example as observed; 0 counts as one of them."""
    low, high = min(low, 0), max(high, 0)
    # The extreme addends of w * x are w * high for w > 0 and w * low for w < 0, or the other way round, because 0 lies
    # between them: so the sums of the positive and of the negative weights say all.
    rises = _sums(np.maximum(weight_codes, 0))
    falls = _sums(np.minimum(weight_codes, 0))
    addends = [0] * len(weight_codes) if bias_codes is None else [int(code) for code in bias_codes]
    worst = []
    for rise, fall, bias in zip(rises, falls, addends, strict=True):
        highest = rise * high + fall * low + max(bias, 0)
        lowest = rise * low + fall * high + min(bias, 0)
        worst.append(max(highest, -lowest))
    fits = max(worst, default=0) < 1 << 63
    return np.array(worst, dtype=np.int64 if fits else object)


def needed_bits(worst: NDArray[Any] | Iterable[int]) -> int:
    """Return the narrowest signed width that holds both signs of every magnitude (1 when there are none, or only 0)."""
    return max((int(magnitude) for magnitude in worst), default=0).bit_length() + 1


def _sums(codes: NDArray[np.integer[Any]]) -> list[int]:
    """Return the exact sum of every row."""
    largest = max(abs(int(codes.min(initial=0))), abs(int(codes.max(initial=0))))
    fits = largest * codes.shape[1] < 1 << 63
    return [int(total) for total in codes.sum(axis=1, dtype=np.int64 if fits else object)]


def window_sum_format(source: QFormat, terms: int, multiplier: int = 1, shift: int = 0) -> QFormat:
    """Return the format of the sum of `terms` codes times multiplier * 2^-shift. Raises ConfigError past 63 bits."""
    largest = terms * multiplier * max(-source.min_code, source.max_code)
    return _exact_format(f"the sum of {terms} values of {source}", True, largest, source.frac_bits + shift)


def square_sum_format(source: QFormat, terms: int) -> QFormat:
    """Return the format of the exact sum of `terms` squares. Raises ConfigError past 63 bits."""
    largest = terms * max(-source.min_code, source.max_code) ** 2
    return _exact_format(f"the sum of {terms} squares of {source}", False, largest, 2 * source.frac_bits)


def addition_format(x: QFormat, y: QFormat) -> QFormat:
    """Return the format of the exact sum of two values at the finer binary point. Raises ConfigError past 63 bits."""
    frac_bits = max(x.frac_bits, y.frac_bits)
    largest = sum(max(-q.min_code, q.max_code) << (frac_bits - q.frac_bits) for q in (x, y))
    return _exact_format(f"the sum of {x} and {y}", True, largest, frac_bits)


def _exact_format(what: str, signed: bool, largest: int, frac_bits: int) -> QFormat:
    width = max(largest.bit_length() + signed, 2)
    if width > MAX_WIDTH:
        raise ConfigError(
            f"{what} needs {width} bits, {MAX_WIDTH} are the most that is computed; narrow the formats before it"
        )
    return QFormat(signed, width, width - frac_bits)
