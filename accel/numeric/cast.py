"""Arrays become codes here: values to a format (`quantize`) and codes to another format (`requantize`).

Both round and clip in `kernels.quantize`. A float64 is a 53-bit integer times a power of two, so it is cast as the
exact integer that it is; nothing is rounded before its rounding mode sees it, however large or tiny the value. NaN is
refused. The surprise: infinities saturate in every overflow mode, because there is nothing to wrap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel.errors import ConfigError, DataError, suggestion
from accel.numeric.array import FxArray, for_kernels
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.quantizer import Quantizer
from accel.numeric.random import Lfsr, Random
from kernels.modes import Overflow, Requant, Rounding

ROUNDING_ALIASES: dict[str, Rounding] = {
    "numpy.round": Rounding.RND_CONV,
    "python.round": Rounding.RND_CONV,
    "c.round": Rounding.RND_INF,
    "verilog.>>>": Rounding.TRN,
    "matlab.Nearest": Rounding.RND,
    "matlab.Floor": Rounding.TRN,
    "matlab.Zero": Rounding.TRN_ZERO,
    "matlab.Convergent": Rounding.RND_CONV,
    "matlab.Round": Rounding.RND_INF,
    "tflite.SQRDMULH": Rounding.RND,
    "qonnx.HALF_UP": Rounding.RND_INF,
}
"""What other tools call these modes; the words mislead ("half up" rounds half away from zero in QONNX)."""

ENCODE_WIDTH = 61
"""Widest format that values are encoded to; the derivation is in `kernels.quantize.exact_integer`."""

CONTAINERS = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))
"""Of codes: they are cast as they lie."""

M = TypeVar("M", bound=IntEnum)


def quantize(
    values: ArrayLike,
    format: QFormat | str,  # noqa: A002 - the field's word
    rounding: Rounding | str = Rounding.RND_CONV,
    overflow: Overflow | str = Overflow.SAT,
    saturation_bits: int = 0,
    random: Random | None = None,
) -> FxArray:
    """Return values as codes of a format.

    values: any shape, float64 · STOCHASTIC draws from `random` (None: `Lfsr()`), one lane per index of the last axis.
    Raises DataError for NaN and for what is not a number, ConfigError for modes and formats that cannot be used.
    """
    return encode(values, quantizer(format, rounding, overflow, saturation_bits, random))[0]


def requantize(
    fx: FxArray,
    format: QFormat | str,  # noqa: A002 - the field's word
    rounding: Rounding | str = Rounding.RND_CONV,
    overflow: Overflow | str = Overflow.SAT,
    saturation_bits: int = 0,
    random: Random | None = None,
) -> FxArray:
    """Return codes of one format as codes of another; arguments and errors as for `quantize`."""
    target = quantizer(format, rounding, overflow, saturation_bits, random)
    return cast_codes(fx.codes, fx.format, target, lane_draws(target, fx.shape))[0]


def quantizer(
    format: QFormat | str,  # noqa: A002 - the field's word
    rounding: Rounding | str = Rounding.RND_CONV,
    overflow: Overflow | str = Overflow.SAT,
    saturation_bits: int = 0,
    random: Random | None = None,
) -> Quantizer:
    """Return the quantizer that these names describe. Raises ConfigError for an unknown name."""
    mode = rounding_mode(rounding)
    if mode == Rounding.STOCHASTIC and random is None:
        random = Lfsr()
    return Quantizer(QFormat.parse(format), mode, overflow_mode(overflow), saturation_bits, random)


def rounding_mode(name: Rounding | str) -> Rounding:
    """Return the rounding mode of that name or alias. Raises ConfigError with a suggestion."""
    return ROUNDING_ALIASES[name] if name in ROUNDING_ALIASES else _member(Rounding, name, "a rounding mode")


def overflow_mode(name: Overflow | str) -> Overflow:
    """Return the overflow mode of that name. Raises ConfigError with a suggestion."""
    return _member(Overflow, name, "an overflow mode")


def _member(modes: type[M], name: object, what: str) -> M:
    if isinstance(name, modes):
        return name
    if isinstance(name, str) and name.upper() in modes.__members__:
        return modes[name.upper()]
    raise ConfigError(f"'{name}' is not {what}.{suggestion(str(name).upper(), modes.__members__)}")


def lane_draws(target: Quantizer, shape: tuple[int, ...], first_row: int = 0) -> NDArray[np.int64]:
    """Return the random bits for a tensor of that shape: (size,) int64, or (0,) unless rounding is STOCHASTIC.

    The last axis counts lanes, the other axes rows, of which the first is `first_row`.
    """
    if target.rounding != Rounding.STOCHASTIC or target.random is None:
        return np.empty(0, np.int64)
    columns = shape[-1] if shape else 1
    rows = int(np.prod(shape[:-1], dtype=np.int64))
    return target.random.draws(rows, columns, first_row).reshape(-1)


def encode(values: ArrayLike, target: Quantizer, first_row: int = 0) -> tuple[FxArray, int]:
    """Return values as codes and how many overflowed.

    values: any shape, float64 · first_row: row of the random draws that the first value takes.
    Raises DataError for NaN and for what is not a number, ConfigError for targets wider than 61 bits.
    """
    from kernels import quantize, vector_encode  # compiled code only when something is cast

    x = for_kernels(_as_float64(values, target.format), np.float64)
    flat, codes = x.reshape(-1), np.empty(x.size, target.format.dtype)
    # As a source, a float is a two's complement integer without end, so no bit of the 64 is beyond its width.
    rq, frac_bits = target.lower(target.format)._replace(source_width=64), target.format.frac_bits
    in_vectors, overflowed, in_order = vector_encode.is_vector_encode(rq, frac_bits), 0, 0
    if in_vectors:
        overflowed, in_order = vector_encode.encode(flat, float(1 << frac_bits), rq, codes)
    if not in_order:
        _refuse_nan(x)
        if not (in_vectors and target.overflow in (Overflow.SAT, Overflow.SAT_SYM)):  # which clip infinities, too
            draws = lane_draws(target, x.shape, first_row)
            overflowed = quantize.encode(flat.view(np.int64), frac_bits, rq, draws, codes)
            _confine_infinities(flat, target, codes)
    return FxArray.trusted(codes.reshape(x.shape), target.format), int(overflowed)


def _confine_infinities(values: NDArray[np.float64], target: Quantizer, codes: NDArray[Any]) -> None:
    """Write the ends of the range for infinities, in every overflow mode."""
    if values.size and max(values.max(), -values.min()) == np.inf:
        lowest = -target.format.max_code if target.overflow == Overflow.SAT_SYM else target.format.min_code
        codes[values == np.inf] = target.format.max_code
        codes[values == -np.inf] = max(lowest, target.format.min_code)


def _requantized(codes: NDArray[Any], rq: Requant, draws: NDArray[np.int64], out: NDArray[Any]) -> int:
    """Write codes of codes, likewise."""
    from kernels import quantize, vector_cast

    if vector_cast.is_vector_cast(rq):
        return int(vector_cast.requantize(codes, rq, out))
    return int(quantize.requantize(codes.astype(np.int64, copy=False), rq, draws, out))


def _as_float64(values: ArrayLike, target: QFormat) -> NDArray[np.float64]:
    if target.width > ENCODE_WIDTH:
        raise ConfigError(f"values are encoded to at most {ENCODE_WIDTH} bits; {target} has {target.width}")
    if isinstance(values, FxArray):
        raise DataError(f"these are codes of {values.format} already; to convert them use accel.requantize")
    try:
        raw = np.asarray(values)
    except ValueError as error:
        raise DataError(f"values must form an array; {error}") from None
    if raw.dtype.kind not in "fiub" or raw.dtype.itemsize > 8:
        raise DataError(f"values are real numbers of at most 64 bits, not {raw.dtype}; convert them to float64")
    x = raw.astype(np.float64, copy=False)
    if raw.dtype.kind in "iu" and raw.size and max(int(raw.max()), -int(raw.min())) > 1 << 53:
        raise DataError("integers beyond 2^53 are not exact as float64; use FxArray(codes, format) for codes")
    return x


def _refuse_nan(x: NDArray[np.float64]) -> None:
    """Raise DataError if any value is NaN."""
    if x.size and np.isnan(x.max()):  # NaN is the largest of any numbers that hold one
        missing = np.isnan(x)
        first = tuple(int(index) for index in np.argwhere(missing)[0])
        raise DataError(
            f"{int(missing.sum())} of {x.size} values are NaN, the first at {first}; fixed point has no NaN"
        )


def cast_codes(
    codes: NDArray[Any], source: QFormat, target: Quantizer, draws: NDArray[np.int64] | None = None
) -> tuple[FxArray, int]:
    """Return codes of `source` as codes of the target and how many overflowed.

    codes: any shape, integers · draws: random bits of the same size, read only by STOCHASTIC.
    Raises DataError when a move to more fraction bits would leave 63 bits.
    """
    if holds(target, source):
        return FxArray.trusted(np.asarray(codes).astype(target.format.dtype, copy=False), target.format), 0
    flat = for_kernels(codes, codes.dtype if codes.dtype in CONTAINERS else np.int64).reshape(-1)
    rq = _movable(target.lower(source), flat, source, target.format)
    bits = np.empty(0, np.int64)
    if target.rounding == Rounding.STOCHASTIC:
        assert draws is not None
        assert draws.size == flat.size
        bits = for_kernels(draws, np.int64).reshape(-1)
    out = np.empty(flat.size, target.format.dtype)
    overflowed = _requantized(flat, rq, bits, out)
    return FxArray.trusted(out.reshape(np.shape(codes)), target.format), overflowed


def holds(target: Quantizer, source: QFormat) -> bool:
    """Tell whether every code of the source is a code of the target with the same value, that no mode touches."""
    held = target.format
    lowest = -held.max_code if target.overflow == Overflow.SAT_SYM and held.signed else held.min_code
    same_point = source.frac_bits == held.frac_bits
    return same_point and lowest <= source.min_code and source.max_code <= held.max_code


def _movable(rq: Requant, codes: NDArray[Any], source: QFormat, target: QFormat) -> Requant:
    """Return the cast once it is proved that no code leaves 63 bits when it moves to more fraction bits."""
    if source.width - rq.shift <= MAX_WIDTH:
        return rq
    # The format alone does not prove it, but the codes may.
    largest = max(int(codes.max(initial=0)), -int(codes.min(initial=0)))
    if largest == 0:
        return rq._replace(shift=0)
    needed = largest.bit_length() - rq.shift
    if needed > MAX_WIDTH:
        raise DataError(
            f"a code of magnitude {largest} in {source} needs {needed + 1} bits with the {target.frac_bits} fraction "
            f"bits of {target}, {MAX_WIDTH + 1} are the most that is computed; use fewer fraction bits"
        )
    return rq
