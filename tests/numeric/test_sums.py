"""Which sums are exact, which are replayed, and what is refused."""

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.loopnest import AccumulationOrder
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.sums import Engine, plan_sums
from kernels.modes import Overflow, Rounding

X = QFormat.parse("Q4.4")
WEIGHT = FxArray(np.array([[127, -128, 5], [1, 0, 0]]), "Q4.4")
BIAS = FxArray(np.array([64, -64]), "Q4.4")
CHAIN = AccumulationOrder()


def plan(**rule):
    """Plan these sums for an accumulator rule."""
    return plan_sums("node", X, WEIGHT, BIAS, Accumulator(**rule), CHAIN)


def test_needed_bits_are_those_of_the_worst_input():
    """The proof equals the largest magnitude over all extreme inputs, bias at the product's point."""
    extremes = np.stack(np.meshgrid(*[[-128, 127]] * 3), axis=-1).reshape(-1, 3)
    sums = extremes @ WEIGHT.codes.astype(int).T + BIAS.codes.astype(int) * 16
    largest = int(np.abs(sums).max())
    planned = plan(width=48)
    assert largest.bit_length() + 1 <= planned.needed_bits <= (largest + 2 * 64 * 16).bit_length() + 1
    assert planned.bias.tolist() == [1024, -1024]


@pytest.mark.parametrize(
    ("rule", "engine"),
    [
        ({"width": 48}, Engine.EXACT),
        ({"width": 12, "frac_bits": 8}, Engine.EXACT),  # wrapping is associative
        ({"width": 48, "overflow": Overflow.SAT}, Engine.EXACT),  # proved never to act
        ({"width": 14, "frac_bits": 8, "overflow": Overflow.SAT}, Engine.CERTIFIED),
        ({"width": 14, "frac_bits": 8, "overflow": Overflow.SAT, "mode": Mode.LATE}, Engine.CERTIFIED),
        ({"width": 48, "frac_bits": 6}, Engine.STEPWISE),  # every product is cut first
        ({"width": 48, "frac_bits": 10}, Engine.EXACT),
    ],
)
def test_only_what_can_matter_is_stepped(rule, engine):
    """Additions are stepped only where an overflow or a cut could change a bit."""
    assert plan(**rule).engine is engine


def test_channels_may_have_points_of_their_own():
    """A channel with s more fraction bits has its bias at a point s bits finer; code limits are those of the rest."""
    shifted = plan_sums("node", X, WEIGHT, BIAS, Accumulator(), CHAIN, (2, 0))
    assert shifted.bias.tolist() == [4096, -1024]
    assert shifted.accumulator == plan().accumulator
    with pytest.raises(ConfigError, match="fraction bits for all; leave out frac_bits"):
        plan_sums("node", X, WEIGHT, BIAS, Accumulator(frac_bits=8), CHAIN, (2, 0))
    with pytest.raises(ConfigError, match="late saturation saturates"):
        Accumulator(mode=Mode.LATE)


def test_an_exact_accumulator_must_hold_every_sum():
    """EXACT is refused when too narrow, with the bits it needs, and when it would cut product bits."""
    needed = plan(width=48).needed_bits
    assert plan(width=needed, mode=Mode.EXACT).needed_bits == needed
    with pytest.raises(ConfigError, match=rf"worst case {needed} bits.*at least {needed} bits"):
        plan(width=needed - 1, mode=Mode.EXACT)
    with pytest.raises(ConfigError, match="8 fraction bits"):
        plan(width=48, frac_bits=7, mode=Mode.EXACT)


def test_what_an_accumulator_cannot_be():
    """A bias beyond the accumulator, sums beyond 63 bits, and modes that mean nothing are refused by name."""
    with pytest.raises(ConfigError, match="node: a bias of magnitude 4"):
        plan(width=10)
    wide = FxArray(np.array([[2**31 - 1] * 4]), "Q16.16")
    with pytest.raises(ConfigError, match="can need 65 bits"):
        plan_sums("node", QFormat.parse("Q16.16"), wide, None, Accumulator(), CHAIN)
    with pytest.raises(ConfigError, match="stochastically"):
        Accumulator(rounding=Rounding.STOCHASTIC)
    with pytest.raises(ConfigError, match="SAT_ZERO"):
        Accumulator(overflow=Overflow.SAT_ZERO)


def test_an_accumulator_that_cannot_hold_one_product():
    """An accumulator that follows the products' point must hold one; with a point of its own it may cut."""
    with pytest.raises(ConfigError, match=r"cannot hold a single product.*needs 16 bits.*width to at least 16"):
        plan(width=15, overflow=Overflow.SAT)
    assert plan(width=15, frac_bits=8, overflow=Overflow.SAT).engine is Engine.CERTIFIED
