"""Are stepped arrays right? Their sums against exact arithmetic, their moving lines against shifted lists."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel.loopnest import AccumulationOrder
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator, Mode
from kernels.chain import Steps
from kernels.modes import Overflow, Rounding
from kernels.step_registers import EMPTY, SLACK, empty_lines, rewind
from kernels.step_trees import Trees, rows_of_operations, step_trees
from kernels.step_weights import step_weight_stationary
from kernels.systolic import Stepped, step_output_stationary

INTERPRETED = bool(numba.config.DISABLE_JIT)
EXAMPLES = 15 if INTERPRETED else 150
PRODUCT_FRAC_BITS = 4
NO_RECORDING = np.zeros((0, 0), dtype=np.int64)
ARRAYS = ("os", "ws", "is", "adder-tree", "conv-engine")

accumulators = st.one_of(
    st.builds(
        Accumulator,
        width=st.integers(6, 12),
        frac_bits=st.one_of(st.none(), st.integers(1, 7)),
        mode=st.just(Mode.STEPWISE),
        overflow=st.sampled_from([Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP]),
        rounding=st.sampled_from([mode for mode in Rounding if mode != Rounding.STOCHASTIC]),
    ),
    st.builds(
        Accumulator,
        width=st.integers(6, 9),
        mode=st.just(Mode.LATE),
        overflow=st.sampled_from([Overflow.SAT, Overflow.SAT_SYM]),
    ),
)


def order_of(array: str, rows: int, bias_first: bool) -> AccumulationOrder:
    """The order in which each microarchitecture adds."""
    if array == "os":
        return AccumulationOrder(bias_first=bias_first)
    if array in ("ws", "is"):
        return AccumulationOrder(fold=rows, bias_first=bias_first)
    return AccumulationOrder(group=rows, loops="RSC" if array == "adder-tree" else "CRS", bias_first=bias_first)


def steps_of(rule: Accumulator, order: AccumulationOrder) -> Steps:
    """The same in plain integers."""
    q = rule.resolve(PRODUCT_FRAC_BITS)
    return Steps(
        shift=PRODUCT_FRAC_BITS - q.frac_bits,
        rounding=int(rule.rounding),
        group=order.group,
        fold=order.fold,
        bias_first=int(order.bias_first),
        low=-q.max_code if rule.overflow == Overflow.SAT_SYM else q.min_code,
        high=q.max_code,
        wrap=int(rule.overflow == Overflow.WRAP),
        late=int(rule.mode is Mode.LATE),
    )


def step(array, x, w, bias, window, steps, order, rows, columns, container):
    """Step any array: x (G, M, K), w (G, N, K) -> what it did, sums (G, M, N)."""
    (groups, M, _), N = x.shape, w.shape[1]
    x, w = x.astype(container), w.astype(container)
    if array == "os":
        out = np.zeros((groups, M, N), dtype=np.int64)
        return step_output_stationary(x, w, bias, steps, rows, columns, out, NO_RECORDING), out
    if array == "ws":
        out = np.zeros((groups, M, N), dtype=np.int64)
        addends = np.ascontiguousarray(bias[:, None, :])
        return step_weight_stationary(x, w, addends, steps, rows, columns, out, NO_RECORDING), out
    if array == "is":
        out = np.zeros((groups, N, M), dtype=np.int64)
        addends = np.ascontiguousarray(bias[:, :, None])
        return step_weight_stationary(w, x, addends, steps, rows, columns, out, NO_RECORDING), out.swapaxes(1, 2)
    sequence = np.array(order.sequence(*window))
    tiles = -(-N // columns)
    tiled = np.zeros((groups, tiles, len(sequence), columns), dtype=container)
    for n in range(N):
        tiled[:, n // columns, :, n % columns] = np.where(sequence >= 0, w[:, n, sequence], 0)
    fed = np.ascontiguousarray(np.where(sequence >= 0, x[..., sequence], 0), dtype=container)
    if array == "adder-tree":
        trees = Trees(rows, columns, 1 + (rows - 1).bit_length(), 1, len(sequence) // rows, 0)
    else:
        trees = Trees(rows, columns, 2, M, window[1] * window[2], 1)
    out = np.zeros((groups, M, N), dtype=np.int64)
    return step_trees(fed, tiled, bias, steps, trees, out, NO_RECORDING), out


@pytest.mark.parametrize("array", ARRAYS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_sums_are_those_of_the_machine(array, data):
    """Any accumulator, rounding, bias, shape and array: every sum is what exact arithmetic holds in that order."""
    draw = data.draw
    groups, M, N = draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    window = (draw(st.integers(1, 5)), draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rule, order = draw(accumulators), order_of(array, rows, draw(st.booleans()))
    steps = steps_of(rule, order)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x, w = (rng.integers(-9, 10, (groups, extent, int(np.prod(window)))) for extent in (M, N))
    bias = rng.integers(steps.low, steps.high, (groups, N), endpoint=True)
    container = draw(st.sampled_from([np.int32, np.int64]))
    done, sums = step(array, x, w, bias, window, steps, order, rows, columns, container)
    assert done[3] == 0
    for g, m, n in np.ndindex(sums.shape):
        products = [int(a) * int(b) for a, b in zip(x[g, m], w[g, n], strict=True)]
        want = exact.accumulate(products, int(bias[g, n]), rule, PRODUCT_FRAC_BITS, order, window)
        assert sums[g, m, n] == want


def test_extreme_codes():
    """Products of 62 bits in a 63-bit accumulator: nothing leaves int64, and clipping is exact."""
    limit = 1 << 62
    steps = Steps(0, int(Rounding.TRN), 1, 0, 0, -limit, limit - 1, 0, 0)
    x = np.full((1, 2, 3), -(1 << 30), dtype=np.int32)
    w = np.array([[[-(1 << 31)] * 3, [(1 << 31) - 1] * 3]], dtype=np.int32)
    bias = np.zeros((1, 2), dtype=np.int64)
    out = np.zeros((1, 2, 2), dtype=np.int64)
    done = Stepped(*step_output_stationary(x, w, bias, steps, 2, 2, out, NO_RECORDING))
    assert out[0].tolist() == [[limit - 1, -limit]] * 2
    assert done.overflows == 2 * (2 + 1)  # 2^61 each: the second sum is out above, the third is out below


@pytest.mark.parametrize(("cells", "distance"), [(1, 1), (6, 1), (6, 3), (6, 6), (40, 2)])
def test_a_line_moves_every_value_on(cells, distance, rng):
    """A window over a buffer is the shift register that it stands for, whenever it is copied back."""
    lines, places = empty_lines(3, cells)
    held = [EMPTY] * cells
    room = SLACK * cells // distance
    for cycle in range(4 * room):
        if cycle % room == 0 or rng.random() < 0.1:
            rewind(lines, places, cells)
        places[1] -= distance
        entering = rng.integers(-99, 99, distance)
        lines[places[1] : places[1] + distance] = entering
        held = entering.tolist() + held[: cells - distance]
        assert lines[places[1] : places[1] + cells].tolist() == held
    for line in (0, 2):  # left alone
        assert places[line] == (line + 1) * len(lines) // 3 - cells
        assert (lines[places[line] : places[line] + cells] == EMPTY).all()


@pytest.mark.parametrize(
    ("inputs", "registers", "heights"),
    [
        (1, 0, [1]),
        (1, 3, [1, 1, 1]),
        (2, 2, [2, 1]),
        (5, 1, [5, 3, 2, 1]),
        (7, 4, [7, 4, 2, 1]),
        (8, 6, [8, 4, 2, 1, 1, 1]),
    ],
)
def test_the_shape_of_a_tree(inputs, registers, heights):
    """Products, levels that halve, rounded up, down to one sum, and then registers that only delay."""
    assert np.diff(rows_of_operations(inputs, registers)).tolist() == heights
