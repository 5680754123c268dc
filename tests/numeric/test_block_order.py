"""Orders that take a block of channels at a time: the oracle, the kernels and a by-hand chain agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.loopnest import AccumulationOrder
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.sums import plan_sums
from accel.ops.sums import ConvProducts, accumulate
from kernels.conv import Geometry
from kernels.modes import Overflow

X = QFormat.parse("Q1.7")


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    extents=st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 3)),
    block=st.integers(1, 4),
    group=st.integers(1, 2),
    loops=st.sampled_from(["CRSc", "CRcS", "RCSc", "CcRS"]),
    folds=st.booleans(),
    bias_first=st.booleans(),
    width=st.integers(15, 18),
    mode=st.sampled_from([Mode.STEPWISE, Mode.LATE]),
)
def test_kernels_equal_the_oracle(seed, extents, block, group, loops, folds, bias_first, width, mode):
    """Blocks that the channels fill and blocks that they do not, saturating at once and one addition late."""
    rng = np.random.default_rng(seed)
    _, rows, columns = extents
    fold = block * columns if folds else 0
    order = AccumulationOrder(group, fold, bias_first, loops, block)
    x = rng.integers(-128, 128, (2, *extents)).astype(np.int8)
    weight = rng.integers(-128, 128, (3, *extents)).astype(np.int8)
    bias = rng.integers(-900, 900, 3)
    rule = Accumulator(width, 14, mode, Overflow.SAT)
    plan = plan_sums("node", X, FxArray(weight, "Q1.7"), FxArray(bias, "Q2.14"), rule, order)
    held = accumulate(ConvProducts(x, weight, Geometry(1, 1, 0, 0, 1, 1, 1, rows, columns), (1, 1)), plan, False)
    for n, k in np.ndindex(2, 3):
        products = (x[n].astype(int) * weight[k]).reshape(-1).tolist()
        assert held.codes[n, k, 0, 0] == exact.accumulate(products, int(bias[k]), rule, 14, order, extents)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (
            AccumulationOrder(fold=4, loops="CRSc", block=2),
            (127 - 100) + 20,
        ),  # 100, 127, 27 | 20: the channel left over
        (AccumulationOrder(fold=2, loops="CRS"), (100 - 100) + 100 + 20),  # 100, 0 | 100, 100 (0 added) | 20
        (AccumulationOrder(loops="CRSc", block=3), 127 - 100 + 20),  # one block: 100, 127, 127; -100, 27, 27; no more
    ],
)
def test_by_hand(order, expected):
    """Three channels of two columns, (100, -100), (100, 0), (0, 20), in eight saturating bits."""
    products = [100, -100, 100, 0, 0, 20]
    assert exact.accumulate(products, None, Accumulator(8, overflow=Overflow.SAT), 0, order, (3, 1, 2)) == expected
