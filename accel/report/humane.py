"""Numbers and names as people read them: grouped thousands, three significant digits, a dash for what is absent.

The contract: nothing leaves here as "None", "nan" or a 17-digit float, and a share never rounds to 0 or 100 % unless
it is exactly that (9 999 of 10 000 is 99.99 %, not 100 %).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

DASH = "–"
"""Stands for a value that does not exist for this layer."""

_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-4, 1e15
_LARGEST_COUNT = 1e6
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DURATIONS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_FREQUENCIES = ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz"))
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
_ENERGIES = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))
_POWERS = ((1.0, "W"), (1e-3, "mW"), (1e-6, "µW"), (1e-9, "nW"))
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def integer(value: float | None) -> str:
    """Write a count with grouped thousands."""
    return DASH if _absent(value) else f"{round(value):,}"  # type: ignore[arg-type]


def compact(value: float | None) -> str:
    """Write a count in full up to six digits, as three digits and a power of ten beyond."""
    if value is None or _absent(value) or abs(value) < _LARGEST_COUNT:
        return integer(value)
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}×10{raised(int(exponent))}"


def significant(value: float | None, digits: int = 3) -> str:
    """Write a value with that many significant digits, with a power of ten only where zeros would crowd."""
    if value is None or _absent(value):
        return DASH
    if value == 0:
        return "0"
    if not _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}×10{raised(int(exponent))}"
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{value:#.{digits}g}"


def raised(exponent: int) -> str:
    """Write a whole number as an exponent."""
    return str(exponent).translate(_RAISED)


def percent(fraction: float | None) -> str:
    """Write a share as a percentage without its sign; only exact 0 and 1 read as 0 and 100."""
    if fraction is None or _absent(fraction):
        return DASH
    text = significant(100 * fraction)
    digits = 3
    while text == "100" and fraction != 1 and digits < 9:
        digits += 1
        text = f"{100 * fraction:.{digits}g}"
    return text


def duration(seconds: float | None) -> str:
    """Write a time with the unit that leaves one to three digits before the point."""
    return _scaled(seconds, _DURATIONS)


def frequency(hz: float | None) -> str:
    """Write a clock."""
    return _scaled(hz, _FREQUENCIES)


def byte_size(count: float | None) -> str:
    """Write a size in decimal units (1 kB = 1000 B)."""
    return _scaled(count, _SIZES)


def energy(picojoules: float | None) -> str:
    """Write an energy."""
    return _scaled(picojoules, _ENERGIES)


def power(watts: float | None) -> str:
    """Write a power."""
    return _scaled(watts, _POWERS)


def prefixed(value: float | None) -> str:
    """Write a number with the prefix that leaves one to three digits before the point: 12.3 M."""
    return _scaled(value, _PREFIXES).rstrip()


def shape(extents: Iterable[int] | None) -> str:
    """Write extents as 6×28×28."""
    return "×".join(str(extent) for extent in extents) if extents else DASH


def label(name: object, width: int = 0) -> str:
    """Make a user's name fit for display: unprintable signs become "·"; beyond `width` the middle is left out."""
    text = "".join(sign if sign.isprintable() else "·" for sign in str(name))
    if not width or len(text) <= width:
        return text
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def _absent(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _scaled(value: float | None, units: tuple[tuple[float, str], ...]) -> str:
    if value is None or _absent(value):
        return DASH
    factor, unit = next((pair for pair in units if abs(value) >= pair[0] * 0.9995), units[-1])
    if factor == 1.0 and float(value).is_integer():
        return f"{value:,.0f} {unit}"
    return f"{significant(value / factor)} {unit}"
