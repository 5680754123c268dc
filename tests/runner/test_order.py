"""The order of additions is the array's: two arrays, one narrow accumulator, other codes; each as its array adds.

The models below are written from what the arrays do, cell by cell, and know nothing of `AccumulationOrder`.
"""

from dataclasses import replace

import numpy as np
import pytest

from accel.layers.conv import Conv2d
from accel.layers.dense import Dense
from accel.network.graph import INPUT, Model, Network, Node
from accel.numeric.accumulator import Accumulator
from accel.numeric.ledger import Ledger
from accel.numeric.plan import LayerNumerics, Numerics
from accel.runner.execute import run_fixed
from accel.runner.program import lower
from kernels.modes import Overflow
from tests.machines import machine, quantizer

LOW, HIGH = -(1 << 11), (1 << 11) - 1


def add(a, b):
    """A 12-bit saturating addition."""
    return max(LOW, min(HIGH, a + b))


def output_stationary(products, bias, bias_first, size):
    """A cell keeps its sum: one product a cycle, in the order in which channels, rows, columns stream in."""
    cell = bias if bias_first else 0
    for product in products.reshape(-1):
        cell = add(cell, product)
    return cell if bias_first else add(cell, bias)


def weight_stationary(products, bias, bias_first, size):
    """Sums sink through `size` rows of cells from zero; the buffer below adds what falls out of each fold."""
    stream = products.reshape(-1).tolist()
    buffer = bias if bias_first else 0
    while stream:
        column, stream = stream[:size], stream[size:]
        sinking = 0
        for product in column:
            sinking = add(sinking, product)
        buffer = add(buffer, sinking)
    return buffer if bias_first else add(buffer, bias)


def adder_tree(products, bias, bias_first, size):
    """At every kernel position `size` channels at once go through a tree, which does not lose bits, into the sum."""
    channels, rows, columns = products.shape
    total = bias if bias_first else 0
    for r in range(rows):
        for s in range(columns):
            for first in range(0, channels, size):
                total = add(total, int(products[first : first + size, r, s].sum()))
    return total if bias_first else add(total, bias)


def conv_engine(products, bias, bias_first, size):
    """`size` channels at once, pixel after pixel at one kernel position after the other, into the output buffer."""
    channels, rows, columns = products.shape
    held = bias if bias_first else 0
    for first in range(0, channels, size):
        for r in range(rows):
            for s in range(columns):
                held = add(held, int(products[first : first + size, r, s].sum()))
    return held if bias_first else add(held, bias)


def row_stationary(products, bias, bias_first, size):
    """A PE has 12 inputs and adds those of its kernel row, column by column; its sum joins what comes from below.

    PEs of a column keep the kernel's rows, and as many times as that fits the `size` rows, other channels.
    """
    channels, rows, columns = products.shape
    sets = size // rows
    own = min(12 // columns, -(-channels // sets))
    from_below = bias if bias_first else 0
    for first in range(0, channels, own):
        for r in range(rows):
            register = 0
            for s in range(columns):
                for product in products[first : first + own, r, s]:
                    register = add(register, int(product))
            from_below = add(from_below, register)
    return from_below if bias_first else add(from_below, bias)


ARRAYS = {
    "os": output_stationary,
    "ws": weight_stationary,
    "is": weight_stationary,
    "adder-tree": adder_tree,
    "conv-engine": conv_engine,
    "row-stationary": row_stationary,
    "vector": output_stationary,
}


def layer_codes(network, weight, bias, images, dataflow, place, width):
    """Codes of the only layer, with Q4.4 data (products Q8.8) and a saturating accumulator of that width."""
    one = LayerNumerics(
        quantizer("Q4.4"),
        quantizer("Q8.8"),
        Accumulator(width, frac_bits=8, overflow=Overflow.SAT),
        quantizer("Q8.8"),
        quantizer("UQ0.8"),
    )
    base = machine(dataflow, rows=4, columns=4)
    array = replace(base.architecture.array, bias=place)
    accelerator = replace(
        base,
        numerics=Numerics(quantizer("Q4.4"), one),
        architecture=replace(base.architecture, array=array),
    )
    program = lower(Model(network, {"layer": {"weight": weight, "bias": bias}}, {}), accelerator)
    return run_fixed(program, images, Ledger())["layer"].codes


def conv_case():
    """A 7-channel 3 x 3 convolution whose sums pass 12 bits often, on values that the formats hold exactly."""
    rng = np.random.default_rng(11)
    weight = rng.integers(-40, 40, (3, 7, 3, 3)) / 16
    bias = rng.integers(-300, 300, 3) / 256
    images = rng.integers(-25, 25, (2, 7, 4, 4)) / 16
    network = Network("one", (7, 4, 4), (Node("layer", Conv2d(3, (3, 3)), (INPUT,)),))
    return network, weight, bias, images


def naive(model, case, bias_first):
    """All outputs of the case by a model of an array."""
    _, weight, bias, images = case
    n, k = len(images), len(weight)
    out = np.empty((n, k, 2, 2), dtype=int)
    for i, f, p, q in np.ndindex(n, k, 2, 2):
        patch = np.rint(images[i, :, p : p + 3, q : q + 3] * 16).astype(int)
        products = patch * np.rint(weight[f] * 16).astype(int)
        out[i, f, p, q] = model(products, round(bias[f] * 256), bias_first, 4)
    return out


@pytest.mark.parametrize("dataflow", ARRAYS)
@pytest.mark.parametrize("place", ["last", "first"])
def test_codes_are_those_of_the_array(dataflow, place):
    """The fixed run equals a cell-by-cell model of the chosen array on a narrow saturating accumulator."""
    case = conv_case()
    codes = layer_codes(*case, dataflow, place, 12)
    assert np.array_equal(codes, naive(ARRAYS[dataflow], case, place == "first"))


def test_arrays_differ_when_the_accumulator_is_narrow_and_agree_when_it_is_wide():
    """Every pair of different arrays gives different codes at 12 bits, and all give the same at 32."""
    case = conv_case()
    narrow = {dataflow: layer_codes(*case, dataflow, "last", 12) for dataflow in ("os", "ws", "adder-tree")}
    wide = [layer_codes(*case, dataflow, "last", 32) for dataflow in narrow]
    assert all(np.array_equal(codes, wide[0]) for codes in wide)
    assert not np.array_equal(narrow["os"], narrow["ws"])
    assert not np.array_equal(narrow["os"], narrow["adder-tree"])
    assert not np.array_equal(narrow["ws"], narrow["adder-tree"])


def test_a_dense_layer_has_channels_only():
    """A dense layer's features are channels: a tree takes four at a time, a systolic column one."""
    rng = np.random.default_rng(3)
    weight, bias = rng.integers(-60, 60, (5, 18)) / 16, np.zeros(5)
    images = rng.integers(-60, 60, (4, 18)) / 16
    network = Network("one", (18,), (Node("layer", Dense(5), (INPUT,)),))
    products = np.rint(images * 16).astype(int)[:, None] * np.rint(weight * 16).astype(int)
    for dataflow, model in ARRAYS.items():
        codes = layer_codes(network, weight, bias, images, dataflow, "last", 12)
        expected = [[model(p.reshape(-1, 1, 1), 0, False, 4) for p in row] for row in products]
        assert codes.tolist() == expected
