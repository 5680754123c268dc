"""Inputs of several rows and products of two activations: the machine's own bits, each held against scalar integers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from accel.errors import ConfigError
from accel.layers import Dense, LayerNorm, MatMul, MergeHeads, Scale, Softmax, SplitHeads
from accel.loopnest import AccumulationOrder
from accel.network.graph import INPUT, Model, Network, Node
from accel.numeric import exact
from accel.numeric.accumulator import Accumulator
from accel.numeric.ledger import Ledger
from accel.numeric.plan import LayerNumerics, Numerics
from accel.numeric.random import Lfsr
from accel.runner.execute import run_fixed
from accel.runner.program import lower
from kernels.modes import Overflow, Rounding
from tests.machines import machine, quantizer

NARROW = Accumulator(12, frac_bits=8, overflow=Overflow.SAT)
DRAWN = replace(quantizer("Q4.4"), rounding=Rounding.STOCHASTIC, random=Lfsr())


def bits_of(accumulator=NARROW, output=None):
    """Q4.4 data and weights, Q8.8 biases; Q4.4 out unless said otherwise."""
    return LayerNumerics(
        quantizer("Q4.4"), quantizer("Q8.8"), accumulator, output or quantizer("Q4.4"), quantizer("UQ0.8")
    )


def lowered(network, parameters=None, bits=None, dataflow="os", detailed=False):
    """A network on a 4 x 4 array of that kind."""
    accelerator = replace(machine(dataflow, 4, 4), numerics=Numerics(quantizer("Q4.4"), bits or bits_of()))
    return lower(Model(network, parameters or {}, {}), accelerator, detailed)


def one(layer, shape):
    """A network of this layer alone."""
    return Network("one", shape, (Node("layer", layer, (INPUT,)),))


def grid(rng, shape, largest=2.0):
    """Values on the grid of Q4.4."""
    return np.round(rng.uniform(-largest, largest, shape) * 16) / 16


@pytest.mark.parametrize("dataflow", ["os", "ws", "adder-tree"])
@pytest.mark.parametrize("layer", [Dense(5), Softmax(rows=True), LayerNorm()], ids=lambda layer: layer.kind)
def test_rows_are_inputs_one_by_one(rng, layer, dataflow):
    """(N, L, F) gives the bits of N L vectors and counts their overflows, even where rounding is drawn by chance."""
    parameters = {
        "layer": {tensor: grid(rng, spec.shape) for tensor, spec in layer.parameters((6,)).items()},
    }
    x = grid(rng, (3, 4, 6), 6.0)
    made, ledgers = [], []
    for shape in ((4, 6), (6,)):
        program = lowered(one(layer, shape), parameters, bits_of(output=DRAWN), dataflow)
        ledgers.append(Ledger())
        made.append(run_fixed(program, x.reshape(-1, *shape), ledgers[-1])["layer"].codes.reshape(12, -1))
    assert np.array_equal(*made)
    rows, vectors = (ledger.to_dict("layer") for ledger in ledgers)
    assert rows == vectors
    if isinstance(layer, Dense):
        assert ledgers[0].at("layer", "accumulator").overflowed > 0


def attention(heads, length, features, transposed):
    """Scores of the input's heads with themselves (transposed), or those scores times the heads."""
    split = Node("heads", SplitHeads(heads), (INPUT,))
    if transposed:
        product = (Node("layer", MatMul(transposed=True), ("heads", "heads")),)
    else:
        scores = Node("across", MatMul(transposed=True), ("heads", "heads"))
        product = (scores, Node("layer", MatMul(), ("across", "heads")))
    return Network("attention", (length, heads * features), (split, *product))


@pytest.mark.parametrize("dataflow", ["os", "ws", "adder-tree"])
@pytest.mark.parametrize("transposed", [True, False])
def test_products_of_activations_are_the_oracle_s(rng, transposed, dataflow):
    """Every element is added in the array's order by a narrow accumulator that saturates, then cast once."""
    heads, length, features = 2, 5, 7
    program = lowered(attention(heads, length, features, transposed), dataflow=dataflow)
    x = grid(rng, (2, length, heads * features), 3.0)
    ledger = Ledger()
    tape = run_fixed(program, x, ledger)
    split = (x * 16).astype(int).reshape(2, length, heads, features).swapaxes(1, 2)
    first = split if transposed else tape["across"].codes.astype(int)
    second = split.swapaxes(2, 3) if transposed else split
    order = {
        "os": AccumulationOrder(),
        "ws": AccumulationOrder(fold=4),
        "adder-tree": AccumulationOrder(group=4, loops="RSC"),
    }[dataflow]
    made = tape["layer"].codes
    overflowed = 0
    for n, h, m, p in np.ndindex(*made.shape):
        products = [int(a) * int(b) for a, b in zip(first[n, h, m], second[n, h, :, p], strict=True)]
        held = exact.accumulate(products, 0, NARROW, 8, order, (len(products), 1, 1))
        overflowed += held != sum(products)
        assert made[n, h, m, p] == exact.cast(held, NARROW.resolve(8), quantizer("Q4.4"))
    assert overflowed > 0
    assert ledger.at("layer", "accumulator").overflowed >= overflowed


@pytest.mark.parametrize("accumulator", [NARROW, Accumulator(40)])
def test_a_batch_is_its_inputs(rng, accumulator):
    """Products, rows and what the ledger says do not depend on how inputs are cut into batches, whatever is drawn."""
    network = Network(
        "block",
        (5, 6),
        (
            Node("dense", Dense(6), (INPUT,)),
            Node("heads", SplitHeads(2), ("dense",)),
            Node("scores", MatMul(transposed=True), ("heads", "heads")),
            Node("scaled", Scale(0.4), ("scores",)),
            Node("shares", Softmax(rows=True), ("scaled",)),
            Node("context", MatMul(), ("shares", "heads")),
            Node("merged", MergeHeads(), ("context",)),
            Node("norm", LayerNorm(), ("merged",)),
        ),
    )
    specs = network.parameter_specs()
    parameters = {node: {t: grid(rng, s.shape) for t, s in tensors.items()} for node, tensors in specs.items()}
    program = lowered(network, parameters, bits_of(accumulator, DRAWN), detailed=True)
    x = grid(rng, (5, 5, 6), 3.0)
    whole, parts = Ledger(True), Ledger(True)
    made = run_fixed(program, x, whole)
    for start, stop in ((3, 5), (0, 3)):
        part = run_fixed(program, x[start:stop], parts, start)
        assert all(np.array_equal(part[name].codes, made[name].codes[start:stop]) for name in network.shapes)
    assert whole.events == parts.events


def test_the_ledger_names_the_element(rng):
    """The first index of an overflow counts input, head, row and column of the product, as its shape does."""
    network = attention(2, 3, 4, transposed=True)
    x = np.zeros((4, 3, 8))
    x[2, 1, 4:] = 7.0  # input 2, position 1, head 1: its score with itself is 196
    ledger = Ledger(True)
    run_fixed(lowered(network, bits=bits_of(Accumulator(40)), detailed=True), x, ledger, first_input=10)
    assert ledger.at("layer", "output").detail.first_index == (12, 1, 1, 1)
    narrow = Ledger(True)
    run_fixed(lowered(network, detailed=True), x, narrow, first_input=10)
    assert narrow.at("layer", "accumulator").detail.first_index == (12, 1, 1, 1)


def test_the_ledger_names_the_row(rng):
    """Rows of a dense layer and of a normalisation are found within their input."""
    x = np.zeros((2, 3, 4))
    x[1, 2] = [7.0, -7.0, 7.0, -7.0]
    weight = np.array([[0.0] * 4, [7.0, -7.0, 0.0, 0.0]])
    ledger = Ledger(True)
    parameters = {"layer": {"weight": weight, "bias": np.zeros(2)}}
    run_fixed(lowered(one(Dense(2), (3, 4)), parameters, bits_of(Accumulator(40)), detailed=True), x, ledger, 5)
    assert ledger.at("layer", "output").detail.first_index == (6, 2, 1)
    ledger = Ledger(True)
    parameters = {"layer": {"weight": np.full(4, 7.5), "bias": np.array([0.0, 0.0, 4.0, 0.0])}}
    run_fixed(lowered(one(LayerNorm(), (3, 4)), parameters, detailed=True), x, ledger, 5)
    assert ledger.at("layer", "output").detail.first_index == (6, 2)


@pytest.mark.parametrize("factor", [0.125, 2.0, 0.3, 128**-0.5])
@pytest.mark.parametrize("rounding", [Rounding.TRN, Rounding.RND_CONV])
def test_scaling_is_one_product_and_one_cast(factor, rounding):
    """Over all 2^8 codes: exact before the cast for a power of two, off by 2^-18 for any other factor."""
    output = replace(quantizer("Q4.4"), rounding=rounding)
    codes = np.arange(-128, 128)
    program = lowered(one(Scale(factor), (256,)), bits=bits_of(output=output))
    made = run_fixed(program, codes[None] / 16, Ledger())["layer"].codes[0].tolist()
    for code, scaled in zip(codes.tolist(), made, strict=True):
        ideal = Fraction(factor) * code / 16
        slack = 0 if factor in (0.125, 2.0) else abs(ideal) / (1 << 18)
        ends = [exact.cast_value(ideal + side * slack, output) for side in (-1, 1)]
        assert min(ends) <= scaled <= max(ends)


def test_weights_with_points_of_their_own_work_on_rows(rng):
    """weight_shifts of a dense layer act on its features, row by row."""
    x, weight, bias = grid(rng, (3, 4, 6)), grid(rng, (5, 6)) / 4, grid(rng, 5)
    bits = replace(bits_of(Accumulator(40)), weight_shifts=(2, 0, 1, 2, 0))
    made = [
        run_fixed(
            lowered(one(Dense(5), shape), {"layer": {"weight": weight, "bias": bias}}, bits),
            x.reshape(-1, *shape),
            Ledger(),
        )
        for shape in ((4, 6), (6,))
    ]
    assert np.array_equal(made[0]["layer"].codes.reshape(-1, 5), made[1]["layer"].codes)


def test_an_accumulator_that_cannot_hold_a_product_of_activations_is_refused():
    """Nothing is known of the second factor but its format, and that is what the proof goes by."""
    with pytest.raises(ConfigError, match=r"layer: accumulator 12 bits .* needs 16 bits, a sum of 7 up to 18;"):
        lowered(attention(2, 5, 7, True), bits=bits_of(Accumulator(12, mode="exact", overflow=Overflow.SAT)))


def test_a_row_that_is_too_wide_is_refused():
    """A normalisation whose variance passes 62 bits is refused before the first input, by the node's name."""
    wide = replace(bits_of(), output=quantizer("Q16.16"))
    network = Network(
        "wide",
        (2048,),
        (Node("dense", Dense(2048, bias=False), (INPUT,)), Node("norm", LayerNorm(), ("dense",))),
    )
    specs = network.parameter_specs()
    parameters = {node: {t: np.ones(s.shape) for t, s in tensors.items()} for node, tensors in specs.items()}
    with pytest.raises(ConfigError, match=r"norm: the variance of 2048 values of Q16\.16 needs"):
        lowered(network, parameters, wide)
