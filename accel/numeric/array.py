"""`FxArray`: integer codes and the format that gives them meaning; what travels between layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from accel.errors import DataError
from accel.numeric.format import QFormat


def for_kernels(codes: NDArray[Any], kind: DTypeLike | None = None) -> NDArray[Any]:
    """Return an array C-contiguous and writable, and of one type if that is given.

    Numba would compile kernels once more for others; an array that is so already, as most are, costs nothing.
    """
    flags = codes.flags
    if flags.c_contiguous and flags.writeable and (kind is None or codes.dtype == kind):
        return codes
    made: NDArray[Any] = np.require(codes, kind, ["C", "W"])
    return made


@dataclass(frozen=True, eq=False)
class FxArray:
    """Codes in the narrowest signed container of their format; value = code * 2^-frac_bits.

    Raises DataError for codes that are not integers or lie outside the format.
    """

    codes: NDArray[Any]
    format: QFormat

    def __init__(self, codes: ArrayLike, format: QFormat | str) -> None:  # noqa: A002 - the field's word
        target = QFormat.parse(format)
        raw = np.asarray(codes)
        if raw.dtype.kind not in "iub":
            raise DataError(f"codes are integers, not {raw.dtype}; for values use accel.quantize(values, '{target}')")
        if raw.size and not (target.min_code <= int(raw.min()) and int(raw.max()) <= target.max_code):
            raise DataError(
                f"codes {int(raw.min())}..{int(raw.max())} lie outside {target}, which holds "
                f"{target.min_code}..{target.max_code}; to convert with overflow use accel.requantize"
            )
        object.__setattr__(self, "codes", raw.astype(target.dtype, copy=False))
        object.__setattr__(self, "format", target)

    @classmethod
    def trusted(cls, codes: NDArray[Any], format: QFormat) -> FxArray:  # noqa: A002 - the field's word
        """Wrap codes that a cast has just made, without checking them again."""
        array = object.__new__(cls)
        object.__setattr__(array, "codes", codes)
        object.__setattr__(array, "format", format)
        return array

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of the codes."""
        return self.codes.shape

    def to_float(self) -> NDArray[np.float64]:
        """Return the values; exact for every format up to 53 bits."""
        return np.ldexp(self.codes.astype(np.float64), -self.format.frac_bits)

    def reshape(self, *shape: int) -> FxArray:
        """Return the same codes in another shape."""
        return FxArray.trusted(self.codes.reshape(*shape), self.format)

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"FxArray({self.format}, shape={self.shape}, codes={np.array2string(self.codes, threshold=8)})"
