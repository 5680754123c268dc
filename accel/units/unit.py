"""What a function unit is: one record that holds its bits (tables, integer steps), its time and its hardware.

A unit maps codes of `source` to codes of `target` and tells how many outputs saturated. Its table rule, bits per entry
and pipeline stages stand in the docstring of its class. Building a unit needs NumPy only; calling it compiles kernels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError, DataError
from accel.numeric.array import for_kernels
from accel.numeric.format import QFormat
from accel.numeric.quantizer import Quantizer
from accel.units.cost import UnitCost
from kernels.modes import Requant, Rounding

Codes = NDArray[Any]

Memories = dict[str, tuple[NDArray[np.int64], int]]
"""Tables by name, each with the bits of one entry as it is stored (two's complement if any entry is negative)."""

MAX_UNIT_WIDTH = 32
"""Widest format of a table unit: the width of data formats."""

MAX_TABLE_WIDTH = 16
"""Widest source whose results are kept: 2^16 of them are evaluated in a millisecond, once."""

SOURCE_FRAC_BITS = range(-16, 32)
TARGET_FRAC_BITS = range(-16, 48)
"""Fraction bits that table units accept: within them no intermediate of any unit passes 62 bits."""

GUARD_BITS = 3
"""Table fraction bits beyond the target's: the entries' own rounding stays below 1/16 lsb."""


class Choice(NamedTuple):
    """Which design of a function is built, and with which options: sorted (name, value) pairs, () for the defaults."""

    design: str
    options: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, eq=False)
class WholeFunction:
    """Every result of a unit, from the unit itself. codes: in the order of source codes. saturated: 0 or 1 for each."""

    codes: Codes
    saturated: NDArray[np.uint8]
    lowest: int
    saturates: bool

    @classmethod
    def of(cls, unit: UnaryUnit) -> WholeFunction:
        """Evaluate every code; a unit counts what saturates, so halves are counted until all or none of one does."""
        source = unit.source
        every = np.arange(source.min_code, source.max_code + 1, dtype=np.int64)
        made, total = unit.evaluate(every)
        flags = np.zeros(every.size, dtype=np.uint8)
        parts = [(0, every.size, total)]
        while parts:
            first, last, count = parts.pop()
            if count == last - first:
                flags[first:last] = 1
            elif count:
                middle = (first + last) // 2
                lower = unit.evaluate(every[first:middle])[1]
                parts += [(first, middle, lower), (middle, last, count - lower)]
        return cls(made.astype(unit.target.dtype), flags, source.min_code, total > 0)

    def look_up(self, codes: Codes) -> tuple[Codes, int]:
        """codes: (n,) integers of the source format -> (n,) codes of the target format, how many saturated."""
        from kernels.lookup import gather, gather_flagged

        out = np.empty(codes.size, dtype=self.codes.dtype)
        if self.saturates:
            return out, int(gather_flagged(codes, self.codes, self.saturated, self.lowest, out))
        gather(codes, self.codes, self.lowest, out)
        return out, 0


@dataclass(frozen=True, eq=False)
class UnaryUnit(ABC):
    """One function of one number. name: the function ("tanh"); design: how it is built ("lut-linear")."""

    name: str
    design: str
    source: QFormat
    target: QFormat
    cost: UnitCost

    def __call__(self, codes: Codes) -> tuple[Codes, int]:
        """Return the output codes (any shape, the target's container) and how many of them saturated.

        Raises DataError for codes that are not integers or lie outside the source format.
        """
        raw = source_codes(codes, self)
        if self._is_worth_a_table(raw.size):
            made, overflowed = self._whole.look_up(for_kernels(raw).reshape(-1))
        else:
            made, overflowed = self.evaluate(np.ascontiguousarray(raw, np.int64).reshape(-1))
        return made.reshape(raw.shape).astype(self.target.dtype, copy=False), overflowed

    @abstractmethod
    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (n,) int64 of the source format -> (n,) codes of the target format, how many saturated."""

    def _is_worth_a_table(self, count: int) -> bool:
        """Tell whether results are looked up: once as many codes have come as the source has, and from then on."""
        width = self.source.width
        if width > MAX_TABLE_WIDTH or "_whole" in vars(self):
            return width <= MAX_TABLE_WIDTH
        self._come[0] += count  # a call lost between two threads only delays the table
        return self._come[0] >= 1 << width

    @cached_property
    def _come(self) -> list[int]:
        return [0]

    @cached_property
    def _whole(self) -> WholeFunction:
        return WholeFunction.of(self)

    def memories(self) -> Memories:
        """Return the tables as hardware stores them; their entries times bits make up `cost.table_bits`."""
        return {}


@dataclass(frozen=True, eq=False)
class RowUnit(ABC):
    """A function of whole rows.

    cost: one lane, one value; `latency_cycles` is the depth of all stages (rows: `row_cost`).
    """

    design: str
    source: QFormat
    target: QFormat
    cost: UnitCost

    @property
    @abstractmethod
    def name(self) -> str:
        """The function, as a unary unit has it."""

    def __call__(self, codes: Codes) -> tuple[Codes, int]:
        """codes: (rows, k) of the source format -> (rows, k) codes of the target format, how many saturated.

        Raises DataError for another number of axes, rows without values, or codes outside the source format.
        """
        raw = np.asarray(source_codes(codes, self), dtype=np.int64, order="C")
        if raw.ndim != 2 or raw.shape[1] == 0:
            raise DataError(f"{self.name} takes (rows, values) with at least one value, not shape {raw.shape}")
        made, overflowed = self.evaluate(raw)
        return made.astype(self.target.dtype, copy=False), overflowed

    @abstractmethod
    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) int64, k >= 1 -> (rows, k) codes of the target format, how many saturated."""

    @abstractmethod
    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        """Return the cost of whole rows of k values: latency is first value in to last out, interval row to row."""

    def memories(self) -> Memories:
        """Return the tables of one lane, those of its parts under names such as "exp.table"."""
        return {}


@dataclass(frozen=True, eq=False)
class SoftmaxUnit(RowUnit):
    """Softmax of rows."""

    @property
    def name(self) -> str:
        """The function, as a unary unit has it."""
        return "softmax"


def source_codes(codes: Codes, unit: UnaryUnit | RowUnit) -> Codes:
    """Return the codes as an array. Raises DataError when they are no codes of the unit's source format."""
    raw = np.asarray(codes)
    source = unit.source
    if raw.dtype.kind not in "iu":
        raise DataError(f"{unit.name} takes integer codes of {source}, not {raw.dtype}; encode values first")
    if source.signed and raw.dtype.kind == "i" and 8 * raw.dtype.itemsize == source.width:
        return raw  # whatever it holds is a code
    if raw.size and not (source.min_code <= int(raw.min()) and int(raw.max()) <= source.max_code):
        raise DataError(
            f"{unit.name} was built for {source} ({source.min_code}..{source.max_code}) and was given codes "
            f"{int(raw.min())}..{int(raw.max())}; build it for the format of the codes"
        )
    return raw


def check_formats(function: str, source: QFormat, target: QFormat) -> None:
    """Raise ConfigError unless a table unit can be built between these formats."""
    for role, spec, frac_bits in (("source", source, SOURCE_FRAC_BITS), ("target", target, TARGET_FRAC_BITS)):
        if spec.width > MAX_UNIT_WIDTH or spec.frac_bits not in frac_bits:
            raise ConfigError(
                f"{function} cannot be built with the {role} format {spec}: {spec.width} bits, {spec.frac_bits} of "
                f"them fraction; use up to {MAX_UNIT_WIDTH} bits with {frac_bits[0]}..{frac_bits[-1]} fraction bits"
            )


def require_unsigned(function: str, source: QFormat) -> None:
    """Raise ConfigError for a signed source of a function that has no negative arguments."""
    if source.signed:
        unsigned = QFormat(False, source.width, source.int_bits)
        raise ConfigError(f"{function} has no negative arguments, {source} does; use {unsigned}")


def require_offered(what: str, option: str, value: int, offered: Iterable[int]) -> None:
    """Raise ConfigError unless `value` is among those that a design offers for an option.

    Sizes that are no power of two, where only powers of two are offered, are told so with their neighbours.
    """
    known = sorted(offered)
    if value in known:
        return
    listed = f"{known[0]}..{known[-1]}" if _consecutive(known) else f"one of {', '.join(map(str, known))}"
    if len(known) > 1 and all(_power_of_two(size) for size in known) and not _power_of_two(value):
        below = [size for size in known if size < value][-1:]
        above = [size for size in known if size > value][:1]
        nearest = " and ".join(map(str, below + above))
        raise ConfigError(
            f"{what} with {option} = {value} cannot be built: a table is addressed by whole bits, so its size is a "
            f"power of two; the nearest offered: {nearest}"
        )
    raise ConfigError(f"{what} with {option} = {value} is not offered; use {listed}")


def _power_of_two(size: int) -> bool:
    return size > 0 and size & (size - 1) == 0


def _consecutive(known: list[int]) -> bool:
    return len(known) > 2 and known == list(range(known[0], known[-1] + 1))


def table_frac_bits(target: QFormat, most: int) -> int:
    """Return the fraction bits of a table's entries: the target's and a guard, 8..most.

    Beyond `most` the error of interpolation, not of the entries, limits the unit.
    """
    return min(max(target.frac_bits + GUARD_BITS, 8), most)


def frozen_table(entries: Iterable[int]) -> NDArray[np.int64]:
    """Return entries as a table that nobody can write to: built units are shared."""
    table = np.array(list(entries), dtype=np.int64)
    table.setflags(write=False)
    return table


def line_memories(table: NDArray[np.int64]) -> Memories:
    """Return what a table of lines keeps for each segment: its first value, and its rise to the next one.

    A table that never rises keeps how far it falls instead, which needs no sign.
    """
    rises = np.diff(table)
    falling = bool((rises <= 0).all())
    slopes = -rises if falling else rises
    return {
        "value": (table[:-1], stored_bits(table[:-1])),
        "fall" if falling else "rise": (slopes, stored_bits(slopes)),
    }


def stored_bits(table: NDArray[np.int64]) -> int:
    """Return the bits of one entry: enough for the largest, one more for two's complement if any is negative."""
    low, high = int(table.min()), int(table.max())
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + (low < 0)


def memory_bits(memories: Memories) -> int:
    """Return the bits of all tables together."""
    return sum(int(table.size) * bits for table, bits in memories.values())


def final_cast(frac_bits: int, target: QFormat, rounding: Rounding = Rounding.RND_CONV) -> Requant:
    """Return the one cast of a unit, from an exact value with that many fraction bits, saturating."""
    return Quantizer(target, rounding).lower(QFormat(True, 63, 63 - frac_bits))
