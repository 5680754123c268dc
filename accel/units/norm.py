"""Layer normalisation of rows, with a reciprocal square root unit in its middle.

In exact arithmetic n = (x - mean) / sqrt(variance + epsilon) does not change when x is multiplied by D, and then it
needs no division: with the sums S = sum c and Q = sum c^2 of a row of codes,

    D (x - mean) = D c - S        D^2 variance = D Q - S^2        n = (D c - S) / sqrt(D Q - S^2 + D^2 epsilon)

in which everything but the root is an exact integer, so neither mean nor variance is ever rounded. The surprise: where
the source's binary point stands does not matter but for epsilon.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from accel.errors import ConfigError
from accel.numeric.array import FxArray
from accel.numeric.format import MAX_WIDTH, QFormat
from accel.numeric.quantizer import Quantizer
from accel.units.cost import UnitCost
from accel.units.reciprocal_unit import WORKING_BITS
from accel.units.rsqrt import NewtonRoot
from accel.units.softmax_path import RowPath, parts_memories
from accel.units.unit import Codes, Memories, RowUnit, check_formats

SQUARE = UnitCost(latency_cycles=1, multipliers=1)
ACCUMULATE = UnitCost(latency_cycles=1, adders=2)
VARIANCE = UnitCost(latency_cycles=2, multipliers=2, adders=2)
CENTRE = UnitCost(latency_cycles=1, multipliers=1, adders=1)
NORMALISE = UnitCost(latency_cycles=2, multipliers=1, adders=1)
AFFINE = UnitCost(latency_cycles=2, multipliers=1, adders=2)

MAX_VARIANCE_BITS = 62
"""What the reciprocal root takes."""


@dataclass(frozen=True, eq=False)
class LayerNormUnit(RowUnit):
    """Sums, D^2 variance, reciprocal root, centred codes times the root, weight and bias, one cast.

    Steps: S and Q exact; v = D Q - S^2 + epsilon, exact; (y, h) = the root's mantissa of v; n = RND((D c - S) y 2^-h)
    with 20 fraction bits; code = RND_CONV(weight n + bias), saturated. weight, bias: (D,) codes at common points.
    A row is read twice: for its sums, then for its results. Depth: square 1, sums 1, variance 2 (multiply; subtract and
    add epsilon), root (9), centre 1, normalise 2 (multiply; shift and round), weight and bias 2 (multiply; add, round
    and saturate): 18 with the root of the default. A row takes depth + 2 (beats - 1) cycles, and the levels of the tree
    that joins the lanes.
    """

    path: RowPath
    root: NewtonRoot
    weight: NDArray[np.int64]
    bias: NDArray[np.int64]
    epsilon: int
    point: QFormat

    @property
    def name(self) -> str:
        """The function."""
        return "normalisation"

    def evaluate(self, codes: NDArray[np.int64]) -> tuple[Codes, int]:
        """codes: (rows, D) -> (rows, D)."""
        from accel.numeric.cast import cast_codes
        from kernels.norm import scale_rows

        features = codes.shape[1]
        totals = codes.sum(axis=1, dtype=np.int64)
        energies = (codes * codes).sum(axis=1, dtype=np.int64)
        mantissas, halves = self.root.mantissa(features * energies - totals * totals + self.epsilon)
        normal = np.empty_like(codes)
        scale_rows(features * codes - totals[:, None], mantissas, halves, normal)
        made, overflowed = cast_codes(normal * self.weight + self.bias, self.point, Quantizer(self.target))
        return made.codes, overflowed

    def row_cost(self, k: int, lanes: int = 1) -> UnitCost:
        """Return the cost of rows of k values. Raises ConfigError for no values or no lanes."""
        return self.path.row_cost(k, lanes)

    def memories(self) -> Memories:
        """Return the table of the root."""
        return parts_memories(rsqrt=self.root.memories())


def norm_path(root: NewtonRoot) -> RowPath:
    """Return how a row travels; both sums are joined side by side, by one tree's depth."""
    lane = SQUARE + ACCUMULATE + CENTRE + NORMALISE + AFFINE
    return RowPath(lane=lane, row=VARIANCE + root.cost, streams=(1, 1), trees=1)


def layer_norm(
    source: QFormat, target: QFormat, weight: FxArray, bias: FxArray, epsilon: float, root: NewtonRoot
) -> LayerNormUnit:
    """Build the unit of one layer; weight, bias: (D,).

    Raises ConfigError for formats out of reach and for rows so long or codes so wide that v or the results would need
    more bits than are computed.
    """
    check_formats("normalisation", source, target)
    features = len(weight)
    offset = max(1, round(Fraction(epsilon) * features**2 * Fraction(4) ** source.frac_bits))
    most = (features * max(-source.min_code, source.max_code)) ** 2 + offset
    if most.bit_length() > MAX_VARIANCE_BITS:
        raise ConfigError(
            f"the variance of {features} values of {source} needs {most.bit_length()} bits, {MAX_VARIANCE_BITS} are "
            "the most that is computed; narrow the format before it"
        )
    frac_bits = max(WORKING_BITS + weight.format.frac_bits, bias.format.frac_bits)
    scale = frac_bits - WORKING_BITS - weight.format.frac_bits
    # |n| <= sqrt(D - 1) in any row; twice that holds the error of any root.
    largest = (2 * (isqrt(features) + 1) << WORKING_BITS) * (_largest(weight) << scale)
    largest += _largest(bias) << (frac_bits - bias.format.frac_bits)
    if largest.bit_length() >= MAX_WIDTH:
        raise ConfigError(
            f"{features} normalised values times weights of {weight.format} plus a bias of {bias.format} need "
            f"{largest.bit_length() + 1} bits, {MAX_WIDTH} are the most that is computed; narrow those formats"
        )
    path = norm_path(root)
    return LayerNormUnit(
        design="two-pass",
        source=source,
        target=target,
        cost=path.cost,
        path=path,
        root=root,
        weight=weight.codes.astype(np.int64) << scale,
        bias=bias.codes.astype(np.int64) << (frac_bits - bias.format.frac_bits),
        epsilon=offset,
        point=QFormat(True, MAX_WIDTH, MAX_WIDTH - frac_bits),
    )


def _largest(tensor: FxArray) -> int:
    return int(np.abs(tensor.codes.astype(np.int64)).max(initial=0))
