"""hls4ml's stable softmax, bit by bit, with the types that the tool derives by itself: a known-bad unit.

Source: github.com/fastmachinelearning/hls4ml, templates/vivado/nnet_utils/nnet_activation.h (softmax_stable) and
backends/vivado/passes/core_templates.py (types), as of version 1.2. Both tables are addressed by the top bits of their
argument, hence by the lower edge of a bin. The surprises: a sum is seen in steps of 1/4, so a row can add up to 1.25;
and the norm type has one bit less than the logits, so distances beyond half their range wrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.format import QFormat
from accel.units.cost import UnitCost
from accel.units.softmax_path import ACCUMULATE, DEFAULT_TARGET, MAXIMUM, PRODUCT, SUBTRACT, RowPath, StreamedSoftmax
from accel.units.unit import Choice, Codes, Memories, check_formats, final_cast, frozen_table
from kernels.modes import Requant

TABLE_SIZE = 1024
TABLE_FORMAT = QFormat(True, 18, 8)
"""ap_fixed<18,8,AP_RND,AP_SAT>: both tables and the sum that addresses the second one."""

LOOKUP = UnitCost(latency_cycles=1)


@dataclass(frozen=True, eq=False)
class Hls4mlSoftmax(StreamedSoftmax):
    """Maximum, distance, exponential table, sum, inverse table, product.

    Types, for logits ap_fixed<W,I>: distances ap_ufixed<W-1,I-1> (of unsigned logits: their own type), TRN, WRAP;
    both tables ap_fixed<18,8,RND,SAT>; the sum is exact and then cast to that type. Address bits n: 10, or the
    distance's width if that is less.
    Table rules, computed in float32 as the tool does: exponential i = exp(-x), x the distance whose top n bits are i;
    inverse i = 1 / s, s the sum whose top 10 bits are i, two's complement; 1 / 0 saturates. 18 bits per entry.
    The product of two entries is cast to the target once, RND_CONV and saturating.
    Measured on Q6.10 into UQ0.16, ten classes of normal logits with spread 1 to 4: errors up to 0.20, rows that sum to
    1.249, 0.5 to 2.4 % of the winners lost to ties; with spread 8, distances wrap and errors pass 0.6 (0.98 with 1000
    classes).
    Depth (6): maximum 1, distance 1, table 1, sum 1, table 1, product 1.
    """

    exponentials: NDArray[np.int64]
    inverses: NDArray[np.int64]
    norm: QFormat
    cast: Requant

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, k) logits -> (rows, k) shares, how many had a distance that wrapped or saturated at the end."""
        from kernels.softmax_hls4ml import Norm, softmax_hls4ml

        out = np.empty_like(codes)
        norm = Norm(self.norm.width, self.norm.width - _address_bits(self.exponentials))
        below = TABLE_FORMAT.width - _address_bits(self.inverses)
        most = TABLE_FORMAT.max_code
        overflowed = softmax_hls4ml(codes, self.exponentials, self.inverses, norm, below, most, self.cast, out)
        return out, int(overflowed)

    def memories(self) -> Memories:
        """Return both tables."""
        return {
            "exp.table": (self.exponentials, TABLE_FORMAT.width),
            "inverse.table": (self.inverses, TABLE_FORMAT.width),
        }


def hls4ml_stable(
    source: QFormat,
    target: QFormat = DEFAULT_TARGET,
    exp: Choice | None = None,
    reciprocal: Choice | None = None,
) -> Hls4mlSoftmax:
    """Build the unit. Raises ConfigError for formats out of reach and for parts, which it does not take."""
    refuse_parts("hls4ml-stable", exp, reciprocal)
    check_formats("softmax", source, target)
    norm = QFormat(False, source.width - source.signed, source.int_bits - source.signed)
    exponentials = _exponential_table(norm)
    inverses = _inverse_table()
    bits = TABLE_FORMAT.width
    path = RowPath(
        lane=MAXIMUM
        + SUBTRACT
        + UnitCost(latency_cycles=1, table_bits=exponentials.size * bits)
        + ACCUMULATE
        + PRODUCT,
        row=UnitCost(latency_cycles=1, table_bits=inverses.size * bits),
        streams=(1, 1, 1),
    )
    return Hls4mlSoftmax(
        design="hls4ml-stable",
        source=source,
        target=target,
        cost=path.cost,
        path=path,
        exponentials=exponentials,
        inverses=inverses,
        norm=norm,
        cast=final_cast(2 * TABLE_FORMAT.frac_bits, target),
    )


def refuse_parts(design: str, exp: Choice | None, reciprocal: Choice | None) -> None:
    """Raise ConfigError for parts of a softmax that is built as one piece."""
    for part, choice in (("exp", exp), ("reciprocal", reciprocal)):
        if choice is not None:
            raise ConfigError(f"softmax '{design}' has its own {part}, '{choice.design}' has no effect; leave it out")


def _address_bits(table: NDArray[np.int64]) -> int:
    return table.size.bit_length() - 1


def _exponential_table(norm: QFormat) -> NDArray[np.int64]:
    """Return the table that the top bits of a distance address."""
    address_bits = min(TABLE_SIZE.bit_length() - 1, norm.width)
    below = norm.width - address_bits
    x = np.ldexp(np.arange(1 << address_bits, dtype=np.float64), below - norm.frac_bits)
    return _entries(np.exp(-x).astype(np.float32))


def _inverse_table() -> NDArray[np.int64]:
    """Return the table that the top bits of a sum address; the second half is for sums below zero, which never are."""
    index = np.arange(TABLE_SIZE)
    index = np.where(index < TABLE_SIZE // 2, index, index - TABLE_SIZE)
    x = np.ldexp(index.astype(np.float64), TABLE_FORMAT.int_bits - (TABLE_SIZE.bit_length() - 1))
    with np.errstate(divide="ignore"):
        return _entries(np.asarray(1 / x, dtype=np.float32))


def _entries(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return values in the tables' type: half up, saturated."""
    codes = np.floor(np.ldexp(values.astype(np.float64), TABLE_FORMAT.frac_bits) + 0.5)
    return frozen_table(int(code) for code in np.clip(codes, TABLE_FORMAT.min_code, TABLE_FORMAT.max_code))
