"""`accel.cycle.step`: layers and products in, outputs of their shape out, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from accel.arch.dataflows import schedule
from accel.arch.hardware import Array
from accel.cycle import STEPPERS, step, step_layer
from accel.cycle.exact import exact_outputs
from accel.errors import ConfigError, DataError
from accel.loopnest import Gemm, LoopNest, Window
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.array import FxArray
from accel.numeric.format import QFormat
from accel.numeric.sums import plan_sums
from kernels.modes import Overflow, Rounding

WIDE = Accumulator(40)
pairs = st.tuples(st.integers(1, 2), st.integers(1, 3))


@st.composite
def layers(draw) -> LoopNest:
    """Convolutions with anything a window can have."""
    size, stride, dilation = draw(pairs), draw(pairs), draw(pairs)
    padding = (draw(st.integers(0, 1)), draw(st.integers(0, 2)))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    P, Q = Window(size, stride, padding, dilation).output(height, width)
    assume(P > 0 and Q > 0)
    return LoopNest(
        "array", N=draw(st.integers(1, 2)), G=draw(st.integers(1, 2)), K=draw(st.integers(1, 4)),
        C=draw(st.integers(1, 4)), P=P, Q=Q, R=size[0], S=size[1], height=height, width=width,
        stride=stride, padding=padding, dilation=dilation, has_bias=draw(st.booleans()),
    )  # fmt: skip


def random_codes(rng, target: str, *shape: int) -> FxArray:
    """Any codes of a format."""
    q = QFormat.parse(target)
    return FxArray(rng.integers(q.min_code, q.max_code, shape, endpoint=True), q)


def naive_convolution(nest: LoopNest, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sum after sum in Python integers, padding as zeros."""
    out = np.zeros((nest.N, nest.G * nest.K, nest.P, nest.Q), dtype=object)
    for i, f, p, q in np.ndindex(out.shape):
        for c, r, s in np.ndindex(nest.C, nest.R, nest.S):
            row = p * nest.stride[0] - nest.padding[0] + r * nest.dilation[0]
            column = q * nest.stride[1] - nest.padding[1] + s * nest.dilation[1]
            if 0 <= row < nest.height and 0 <= column < nest.width:
                channel = f // nest.K * nest.C + c
                out[i, f, p, q] += int(x[i, channel, row, column]) * int(weight[f, c, r, s])
    return out


@settings(max_examples=60, deadline=None)
@given(layers(), st.sampled_from(list(STEPPERS)), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_convolutions(nest, dataflow, rows, columns, seed):
    """Windows with stride, padding, dilation, groups and batches: naive sums, and the cycles of the closed form."""
    rng = np.random.default_rng(seed)
    array = Array(dataflow, rows, columns)
    x = random_codes(rng, "Q4.4", nest.N, nest.G * nest.C, nest.height, nest.width)
    weight = random_codes(rng, "Q2.6", nest.G * nest.K, nest.C, nest.R, nest.S)
    bias = random_codes(rng, "Q8.10", nest.G * nest.K) if nest.has_bias else None
    result = step(nest, array, x, weight, bias, WIDE)
    addend = 0 if bias is None else bias.codes.astype(np.int64)[:, None, None]
    is_vector = nest.height == nest.width == nest.P == nest.Q == 1
    want = naive_convolution(nest, x.codes, weight.codes) + addend
    assert np.array_equal(result.outputs, want[:, :, 0, 0] if is_vector else want)
    made = schedule(nest, array)
    assert (result.cycles, result.result_cycles, result.order) == (
        made.compute_cycles, made.result_cycles, made.order,
    )  # fmt: skip
    assert result.overflows == 0
    assert result.pe_cycles == rows * columns * result.cycles


@pytest.mark.parametrize("mode", [Mode.STEPWISE, Mode.LATE])
@pytest.mark.parametrize("dataflow", STEPPERS)
def test_products_in_narrow_accumulators(dataflow, mode, rng):
    """Three groups, 9-bit saturating sums that cut products or not: exact arithmetic in that order agrees."""
    work, array = Gemm(3, 4, 7, 5), Array(dataflow, 3, 2, bias="first")
    x, weight = random_codes(rng, "Q3.2", 3, 4, 7), random_codes(rng, "Q3.2", 3, 5, 7)
    for rule in (
        Accumulator(9, frac_bits=4, mode=mode, overflow=Overflow.SAT),
        Accumulator(8, frac_bits=3, mode=mode, overflow=Overflow.SAT_SYM, rounding=Rounding.RND_CONV),
    ):
        held = rule.resolve(4)
        bias = FxArray(rng.integers(-100, 100, 15), held)
        result = step(work, array, x, weight, bias, rule)
        want = exact_outputs(work, x, weight, bias.codes.astype(np.int64), rule, result.order)
        assert result.outputs.shape == (3, 4, 5)
        assert np.array_equal(result.outputs, want)
        assert result.overflows > 0
        assert result.format == held


def test_one_group_needs_no_axis(rng):
    """A product, a vector layer and a nest of 1 x 1 windows may leave out what has extent 1."""
    x, weight = random_codes(rng, "Q4.4", 4, 6), random_codes(rng, "Q4.4", 3, 6)
    array = Array("ws", 2, 2)
    product = step(Gemm(1, 4, 6, 3), array, x, weight, None, WIDE)
    layer = step(LoopNest("array", N=4, C=6, K=3), array, x, weight, None, WIDE)
    assert product.outputs.shape == (1, 4, 3)
    assert np.array_equal(product.outputs[0], layer.outputs)
    assert np.array_equal(layer.outputs, x.codes.astype(int) @ weight.codes.T.astype(int))


def test_wide_codes(rng):
    """Codes beyond 32 bits go through registers of 64."""
    x, weight = random_codes(rng, "Q20.20", 2, 3), random_codes(rng, "Q4.16", 2, 3)
    result = step(Gemm(1, 2, 3, 2), Array("is", 2, 2), x, weight, None, Accumulator(63))
    assert np.array_equal(result.outputs[0], x.codes @ weight.codes.T.astype(np.int64))


def test_a_planned_layer_with_channels_of_their_own(rng):
    """`step_layer` takes the plan of a lowered network, weight shifts and all, and steps it to the same sums."""
    nest = LoopNest("array", K=3, C=4, has_bias=True)
    x, weight = random_codes(rng, "Q4.4", 1, 4), random_codes(rng, "Q4.4", 3, 4)
    bias, array = random_codes(rng, "Q4.4", 3), Array("os", 2, 2)
    plan = plan_sums("F", x.format, weight, bias, WIDE, schedule(nest, array).order, (0, 1, 3))
    result = step_layer(nest, array, x, weight, plan)
    want = x.codes.astype(int) @ weight.codes.T.astype(int) + (bias.codes.astype(int) << (4 + np.array([0, 1, 3])))
    assert np.array_equal(result.outputs, want)


def test_timing_models_are_of_paper_only(rng):
    """What is stepped is causal hardware, whatever the array calls its timing."""
    operands = (random_codes(rng, "Q4.4", 4, 6), random_codes(rng, "Q4.4", 3, 6), None, WIDE)
    honest, named = Array("os", 2, 3), Array("os", 2, 3, "scalesim")
    assert step(Gemm(1, 4, 6, 3), named, *operands).cycles == step(Gemm(1, 4, 6, 3), honest, *operands).cycles


NEST = LoopNest("array", K=3, C=6, Q=4, width=4)
MAPS, FILTERS = (1, 6, 1, 4), (3, 6, 1, 1)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"array": Array("row-stationary", 2, 2)},
            ConfigError,
            r"'row-stationary' is not stepped\. Did you mean|Known",
        ),
        ({"array": Array("so", 2, 2)}, ConfigError, r"'so' is not stepped\."),
        ({"array": Array("os", 0, 2)}, ConfigError, "an array of 0 x 2 computes nothing"),
        ({"array": Array("ws", 2, -1)}, ConfigError, "an array of 2 x -1 computes nothing"),
        ({"nest": replace(NEST, Q=0, width=0)}, ConfigError, "cannot be mapped; every extent"),
        ({"nest": replace(NEST, engine="pooling", function="max")}, ConfigError, "max is not done by the array"),
        ({"nest": replace(NEST, Q=5)}, DataError, "over 1 x 4 positions has not 1 x 5 places"),
        ({"maps": (1, 5, 1, 4)}, DataError, r"inputs of shape \(1, 5, 1, 4\) do not fit; this product wants"),
        ({"filters": (3, 6, 2, 1)}, DataError, r"weights of shape \(3, 6, 2, 1\) do not fit"),
        ({"biases": (4,)}, DataError, r"biases of shape \(4,\) do not fit; this product wants \(3,\)"),
        ({"registers": 3}, ConfigError, "registers of 'os' are those of its array"),
        ({"array": Array("conv-engine", 2, 2), "registers": -1}, ConfigError, "-1 pipeline registers cannot be built"),
        ({"rule": Accumulator(14, mode=Mode.EXACT)}, ConfigError, "step accumulator 14 bits .* worst case"),
    ],
)
def test_what_is_refused(changes, error, message, rng):
    """Unknown arrays, nothing to do, operands that do not fit: named, with the shapes."""
    given = {
        "nest": NEST, "array": Array("os", 2, 2), "maps": MAPS, "filters": FILTERS, "biases": (3,), "registers": None,
        "rule": WIDE,
    } | changes  # fmt: skip
    x, weight, bias = (random_codes(rng, "Q4.4", *given[name]) for name in ("maps", "filters", "biases"))
    with pytest.raises(error, match=message):
        step(given["nest"], given["array"], x, weight, bias, given["rule"], registers=given["registers"])


def test_a_trace_that_is_too_large(rng):
    """A trace is refused with its size before it is made; the same product steps without one."""
    work, array = Gemm(1, 300, 64, 64), Array("ws", 64, 64)
    x, weight = random_codes(rng, "Q4.4", 300, 64), random_codes(rng, "Q4.4", 64, 64)
    cycles = step(work, array, x, weight, None, WIDE).cycles
    with pytest.raises(ConfigError, match=rf"a trace of {cycles} cycles of 64 x 64 PEs has \d+ values"):
        step(work, array, x, weight, None, WIDE, traced=True)
