"""Softmax: bits against an integer model of the whole unit, values against float64, order of the logits, time."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from accel.errors import ConfigError, DataError
from accel.numeric.format import QFormat
from accel.units.exp import EXP
from accel.units.reciprocal import RECIPROCAL, WORKING_BITS
from accel.units.registry import build_softmax
from accel.units.softmax import PARTS, SOFTMAX, reference
from accel.units.unit import Choice, SoftmaxUnit, memory_bits
from tests.units import model
from tests.units.grid import rows

SOURCE = QFormat.parse("Q6.10")
SCALES = (0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 16.0)


def unit(source: str = "Q6.10", target: str = "UQ0.16") -> SoftmaxUnit:
    return build_softmax("reference", QFormat.parse(source), QFormat.parse(target))


def logits(count: int, k: int, scale: float, seed: int) -> NDArray[np.int64]:
    """Random rows of Q6.10 codes, normally distributed."""
    values = np.random.default_rng([seed, k, round(10 * scale)]).normal(0, scale, (count, k))
    return np.clip(np.rint(values * 1024), SOURCE.min_code, SOURCE.max_code).astype(np.int64)


def float_softmax(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Textbook softmax of Q6.10 codes."""
    powers = np.exp((codes - codes.max(axis=1, keepdims=True)) / 1024)
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("k", "count", "bound"), [(2, 2000, 3e-5), (10, 2000, 3e-5), (100, 300, 3e-5), (1000, 60, 6e-5)]
)
def test_error_against_float64(k: int, count: int, bound: float, scale: float) -> None:
    """No error above 3e-5 up to 100 classes (7e-5 asked) or 6e-5 for 1000 (2e-4 asked), at any spread of the logits."""
    codes = logits(rows(count), k, scale, seed=1)
    assert np.abs(np.ldexp(unit()(codes)[0], -16) - float_softmax(codes)).max() <= bound


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("k", [2, 10, 100])
def test_order_of_the_logits_is_kept(k: int, scale: float) -> None:
    """A larger logit never gets a smaller probability: the argmax can tie at 16 bits and never flips."""
    codes = logits(rows(500), k, scale, seed=2)
    order = np.argsort(codes, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(unit()(codes)[0], order, axis=1), axis=1) >= 0).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("k", [2, 10, 100, 1000])
def test_row_sums(k: int, scale: float) -> None:
    """A row sums to 1 within half an lsb per value (each is rounded on its own) and 3e-5 per probability mass."""
    codes = logits(rows(200), k, scale, seed=3)
    sums = unit(target="UQ1.16")(codes)[0].sum(axis=1)
    assert np.abs(sums - 65536).max() <= k / 2 + 2


@pytest.mark.parametrize(
    ("source", "target", "k"),
    [
        ("Q6.10", "UQ0.16", 10),
        ("Q6.10", "Q1.15", 3),
        ("Q6.10", "UQ0.16", 100),
        ("Q1.31", "UQ0.32", 5),
        ("Q32.0", "UQ0.16", 5),
        ("Q18.-16", "UQ1.7", 4),
        ("UQ4.4", "UQ-15.47", 6),
        ("Q1.1", "Q1.1", 7),
        ("Q2.14", "Q6.-4", 2),
    ],
)
def test_bits_are_those_of_the_model(source: str, target: str, k: int) -> None:
    """Every output equals the model of the whole unit in Fractions, and so does the number that saturated."""
    x, y = QFormat.parse(source), QFormat.parse(target)
    rng = np.random.default_rng(k)
    spread = 2.0 ** rng.uniform(x.frac_bits - 2, x.frac_bits + 4, (rows(60), 1))
    codes = np.clip(rng.normal(0, spread, (len(spread), k)), x.min_code, x.max_code).astype(np.int64)
    uniform = rng.integers(x.min_code, x.max_code, (8, k), endpoint=True)
    codes = np.concatenate([codes, uniform])
    made, overflowed = unit(source, target)(codes)
    exact = [model.softmax(row.tolist(), x.frac_bits, y.frac_bits) for row in codes]
    clipped = [[model.clip(code, y.signed, y.width) for code in row] for row in exact]
    assert made.tolist() == clipped
    assert overflowed == int((np.array(exact) != np.array(clipped)).sum())


@pytest.mark.parametrize("level", [SOURCE.min_code, -1, 0, SOURCE.max_code])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 10, 64, 1000])
def test_equal_logits_share_equally(k: int, level: int) -> None:
    """k equal logits, at the format's ends too, each get the nearest code of 1/k; a single one saturates UQ0.16."""
    codes, overflowed = unit()(np.full((2, k), level))
    assert (codes == min(round(65536 / k), 65535)).all()
    assert overflowed == (2 if k == 1 else 0)


def test_one_hot_rows() -> None:
    """The highest code against the lowest gives 1 (saturated in UQ0.16, exact in UQ1.15) and exact zeros."""
    codes = np.full((10, 10), SOURCE.min_code)
    np.fill_diagonal(codes, SOURCE.max_code)
    made, overflowed = unit()(codes)
    assert (made == 65535 * np.eye(10, dtype=int)).all()
    assert overflowed == 10
    made, overflowed = unit(target="UQ1.15")(codes)
    assert (made == 32768 * np.eye(10, dtype=int)).all()
    assert overflowed == 0


def test_only_differences_count() -> None:
    """Adding a constant to a row changes no bit: the subtraction of the largest logit is exact."""
    codes = logits(50, 10, 2.0, seed=4) // 2
    assert (unit()(codes)[0] == unit()(codes + 12345)[0]).all()


def test_row_cost_is_the_depth_and_three_streams() -> None:
    """Walking a row through its stages cycle by cycle gives the stated latency, for any length and number of lanes."""
    design = reference(SOURCE)
    for k in (1, 2, 10, 64, 1000):
        for lanes in (1, 3, 16):
            beats, levels = math.ceil(k / lanes), math.ceil(math.log2(lanes))
            maximum_ready = max(beat + 1 + levels for beat in range(beats))
            sum_ready = max(
                maximum_ready + beat + 1 + design.exp.cost.latency_cycles + 1 + levels for beat in range(beats)
            )
            reciprocal_ready = sum_ready + design.reciprocal.cost.latency_cycles
            last_out = max(reciprocal_ready + beat + 1 for beat in range(beats))
            assert design.row_cost(k, lanes).latency_cycles == last_out
    assert design.row_cost(1).latency_cycles == design.cost.latency_cycles == 16
    assert design.row_cost(10).latency_cycles == 43
    assert design.row_cost(10).passes == 2


def test_lanes_repeat_all_but_the_reciprocal() -> None:
    """Four lanes carry four exp units and one reciprocal, which works once per row."""
    design = reference(SOURCE)
    exp, reciprocal = design.exp.cost, design.reciprocal.cost
    four = design.row_cost(10, 4)
    assert four.table_bits == 4 * exp.table_bits + reciprocal.table_bits
    assert four.multipliers == 4 * (exp.multipliers + 1) + reciprocal.multipliers


@pytest.mark.parametrize("reciprocal", RECIPROCAL)
@pytest.mark.parametrize("exp", EXP)
def test_any_exp_and_any_reciprocal_fit(exp: str, reciprocal: str) -> None:
    """Shares are the chosen exp unit's outputs times the chosen reciprocal's, cast once; the winner keeps its place."""
    design = reference(SOURCE, QFormat.parse("UQ0.16"), Choice(exp), Choice(reciprocal))
    codes = logits(rows(200), 10, 2.0, seed=5)
    made, _ = design(codes)
    distances = codes.max(axis=1, keepdims=True) - codes
    powers = design.exp(distances)[0].astype(np.int64)
    mantissas, sizes = design.reciprocal.mantissa(powers.sum(axis=1))
    for row, y, size, shares in zip(powers.tolist(), mantissas.tolist(), sizes.tolist(), made.tolist(), strict=True):
        scale = Fraction(2) ** (16 - WORKING_BITS - size)
        assert shares == [min(model.half_even(power * y * scale), 65535) for power in row]
    assert np.abs(made / 65536 - float_softmax(codes)).max() < 0.02
    assert design.cost.table_bits == memory_bits(design.memories())


def test_parts_change_the_time() -> None:
    """An exp unit that takes an input every 18 cycles spreads the second stream; a divider works once per row."""
    own, cordic = reference(SOURCE), reference(SOURCE, exp=Choice("cordic"))
    interval = cordic.exp.cost.interval_cycles
    assert interval > 1
    stages = cordic.exp.cost.latency_cycles - own.exp.cost.latency_cycles
    longer = cordic.row_cost(10).latency_cycles - own.row_cost(10).latency_cycles
    assert longer == stages + 9 * (interval - 1)
    slow = reference(SOURCE, reciprocal=Choice("non-restoring"))
    once = slow.reciprocal.cost.latency_cycles - own.reciprocal.cost.latency_cycles
    for k in (1, 10, 100):
        assert slow.row_cost(k).latency_cycles - own.row_cost(k).latency_cycles == once


def test_default_parts_are_named() -> None:
    """The reference is 64 lines and 64 seeds with two steps: naming them changes nothing."""
    named = reference(
        SOURCE,
        QFormat.parse("UQ0.16"),
        Choice("pow2-linear", (("entries", 64),)),
        Choice("lut-newton", (("entries", 64), ("steps", 2))),
    )
    codes = logits(20, 10, 2.0, seed=6)
    assert (named(codes)[0] == unit()(codes)[0]).all()
    assert named.cost == unit().cost


@pytest.mark.parametrize("design", SOFTMAX)
def test_every_design_is_a_softmax(design: str) -> None:
    """Rows in, rows out in the target's container, none without rows, one value alone near 1, tables as they cost."""
    made = build_softmax(design, SOURCE, QFormat.parse("UQ0.16"))
    assert (made.design, made.name) == (design, "softmax")
    codes, overflowed = made(logits(7, 10, 1.0, seed=7).astype(np.int16))
    assert codes.shape == (7, 10)
    assert codes.dtype == made.target.dtype
    assert isinstance(overflowed, int)
    assert made(np.zeros((0, 10), int))[0].shape == (0, 10)
    assert made(np.zeros((1, 1), int))[0][0, 0] >= 65500
    assert made.cost.table_bits == memory_bits(made.memories())
    assert made.row_cost(1).latency_cycles == made.cost.latency_cycles
    assert made.row_cost(100, 4).latency_cycles < made.row_cost(100).latency_cycles
    for table, bits in made.memories().values():
        assert -(1 << (bits - 1)) <= table.min() <= table.max() < 1 << bits


@pytest.mark.parametrize("design", SOFTMAX)
def test_parts_are_taken_or_refused_as_stated(design: str) -> None:
    """`PARTS` tells which parts a builder takes; called directly, it refuses the others too."""
    for part, choice in (("exp", Choice("pow2-linear")), ("reciprocal", Choice("lut-newton"))):
        if part in PARTS[design]:
            assert SOFTMAX[design](SOURCE, QFormat.parse("UQ0.16"), **{part: choice}).cost.latency_cycles
        else:
            with pytest.raises(ConfigError, match="leave it out"):
                SOFTMAX[design](SOURCE, QFormat.parse("UQ0.16"), **{part: choice})


def test_what_cannot_be_used_is_refused() -> None:
    """Other shapes, empty rows, codes of another format and formats out of reach are clear errors."""
    with pytest.raises(DataError, match=r"not shape \(3,\)"):
        unit()(np.zeros(3, int))
    with pytest.raises(DataError, match="at least one value"):
        unit()(np.zeros((3, 0), int))
    with pytest.raises(DataError, match=r"built for Q6\.10 \(-32768\.\.32767\) and was given codes 0\.\.32768"):
        unit()(np.array([[0, 32768]]))
    with pytest.raises(ConfigError, match="softmax cannot be built with the source format"):
        unit("Q20.20")
    with pytest.raises(ConfigError, match="softmax of 10 values in 0 lanes does not exist"):
        unit().row_cost(10, 0)
    assert unit()(np.zeros((0, 10), int))[0].shape == (0, 10)
