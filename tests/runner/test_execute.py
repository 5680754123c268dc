"""The whole walk on small networks: fixed near golden within derived bounds, same bits for any threads and batches."""

import numpy as np
import pytest

import accel
from accel.config import load_accelerator
from accel.errors import ConfigError, DataError
from accel.layers import Activation, Add, Conv2d, Dense, Flatten, Pool2d, Softmax
from accel.network.graph import INPUT, Model, Network, Node, chain
from accel.numeric.ledger import Ledger
from accel.ops.golden import GoldenArithmetic
from accel.runner import layer_codes
from accel.runner.execute import run_fixed
from accel.runner.inputs import batch_starts
from accel.runner.program import lower
from accel.walk import forward

MACHINE = load_accelerator("gupta2015")
CONVOLUTIONAL = chain(
    "small",
    (2, 11, 9),
    {
        "conv": Conv2d(6, (3, 2), stride=(2, 1), padding=(1, 1), groups=2),
        "relu": Activation("relu"),
        "pool": Pool2d("average", (2, 3), stride=(2, 2)),
        "depthwise": Conv2d(6, (2, 2), groups=6),
        "tanh": Activation("tanh"),
        "maximum": Pool2d("max", (2, 2), stride=(1, 1)),
        "flatten": Flatten(),
        "output": Dense(5),
    },
)


def seeded(network: Network, seed: int, scale: float = 0.4) -> Model:
    """Fill a network with small random values."""
    rng = np.random.default_rng(seed)
    parameters = {
        node: {name: rng.normal(0, scale, spec.shape) for name, spec in specs.items()}
        for node, specs in network.parameter_specs().items()
    }
    return Model(network, parameters, {})


def error_bounds(model: Model, tape: dict[str, np.ndarray], accelerator: accel.Accelerator) -> dict[str, np.ndarray]:
    """Bound |fixed - golden| of every value of every node, from the formats alone (no saturation assumed).

    With |dx| <= e, |dw| <= h (half an lsb of the weights): |sum (x+dx)(w+dw) - sum x w| <= sum e (|w|+h) + |x| h; then
    half an lsb of the bias and half an lsb of the output. ReLU, tanh and poolings are 1-Lipschitz.
    """
    half = {
        key: float(getattr(accelerator.numerics.defaults, key).format.lsb) / 2 for key in ("weight", "bias", "output")
    }
    golden = GoldenArithmetic()
    bounds = {INPUT: np.full_like(tape[INPUT], float(accelerator.numerics.input.format.lsb) / 2)}
    for node in model.network.nodes:
        x, e = tape[node.inputs[0]], bounds[node.inputs[0]]
        layer, ops = node.layer, golden.at(node.name)
        if isinstance(layer, Dense | Conv2d):
            weight = np.abs(model.parameters[node.name]["weight"])
            none = {"bias": np.zeros(len(weight))}
            spread = layer.forward(ops, {"weight": weight + half["weight"], **none}, e)
            spread = spread + layer.forward(ops, {"weight": np.full_like(weight, half["weight"]), **none}, np.abs(x))
            bounds[node.name] = spread + half["bias"] + half["output"]
        elif isinstance(layer, Activation):
            unit_error = 4 * half["output"] if layer.function == "tanh" else half["output"]
            bounds[node.name] = e + unit_error
        elif isinstance(layer, Pool2d) and layer.mode == "average":
            # The reciprocal constant is off by a relative 2^-16 at the most.
            bounds[node.name] = layer.forward(ops, {}, e + 2.0**-16 * np.abs(x)) + half["output"]
        else:
            bounds[node.name] = layer.forward(ops, {}, e)
    return bounds


@pytest.mark.parametrize("seed", range(5))
def test_fixed_stays_within_the_bound_of_its_formats(seed):
    """Every value of every node lies within the bound derived from the formats."""
    model = seeded(CONVOLUTIONAL, seed)
    images = np.random.default_rng(seed + 100).uniform(-1, 1, (7, 2, 11, 9))
    tape = forward(model.network, model.parameters, GoldenArithmetic(), images)
    ledger = Ledger()
    fixed = run_fixed(lower(model, MACHINE), images, ledger)
    assert all(events.overflowed == 0 for events in ledger.events.values())
    for name, bound in error_bounds(model, tape, MACHINE).items():
        excess = np.abs(fixed[name].to_float() - tape[name]) - bound
        assert excess.max() <= 1e-12, name


def test_threads_and_batches_do_not_change_a_bit(monkeypatch):
    """One thread or four, one batch or many: the same document but for its time stamp."""
    model = seeded(CONVOLUTIONAL, 3)
    images = np.random.default_rng(4).uniform(-1, 1, (23, 2, 11, 9))
    whole = accel.run(model, MACHINE, images)
    monkeypatch.setattr("accel.runner.execute.batch_size", lambda model: 5)
    one, four = (accel.run(model, MACHINE, images, jobs=jobs) for jobs in (1, 4))
    assert np.array_equal(whole.fixed, one.fixed)
    assert np.array_equal(one.fixed, four.fixed)
    assert one.to_dict()["layers"] == four.to_dict()["layers"]
    assert [layer.output for layer in whole.layers] == [layer.output for layer in four.layers]


def test_stochastic_rounding_depends_on_place_not_on_batches(monkeypatch):
    """With STOCHASTIC outputs a value's random bits belong to its place in the run, however it is cut into batches."""
    machine = load_accelerator("gupta2015", ["numerics.rounding=STOCHASTIC", "numerics.random.generator=lfsr"])
    model = seeded(CONVOLUTIONAL, 5)
    images = np.random.default_rng(6).uniform(-1, 1, (12, 2, 11, 9))
    whole = accel.run(model, machine, images)
    monkeypatch.setattr("accel.runner.execute.batch_size", lambda model: 5)
    assert np.array_equal(whole.fixed, accel.run(model, machine, images, jobs=2).fixed)
    nearest = accel.run(model, MACHINE, images)
    assert not np.array_equal(whole.fixed, nearest.fixed)


def test_branches_are_added_at_one_binary_point():
    """A skip connection adds two formats exactly and rounds once."""
    nodes = (
        Node("flatten", Flatten(), (INPUT,)),
        Node("dense", Dense(4), ("flatten",)),
        Node("sum", Add(), ("dense", "flatten")),
    )
    model = seeded(Network("skip", (1, 2, 2), nodes), 1)
    images = np.random.default_rng(2).uniform(-1, 1, (9, 1, 2, 2))
    codes = layer_codes(model, MACHINE, images)
    dense, flat, total = (codes[name] for name in ("dense", "flatten", "sum"))
    # Q6.10 + Q2.14: the sum stands at 14 fraction bits and loses 4, half to even.
    exact = dense.codes.astype(int) * 16 + flat.codes.astype(int)
    expected = [int(np.round(value / 16)) for value in exact.ravel()]  # NumPy rounds half to even, exactly here
    assert total.codes.ravel().tolist() == expected


def clip19(value: int) -> int:
    """Saturate to a signed 19-bit accumulator."""
    return max(-(1 << 18), min((1 << 18) - 1, value))


def cell_of_an_output_stationary_array(products: list[int], bias: int) -> int:
    """One cell keeps the sum and adds product after product, the bias last."""
    total = 0
    for product in products:
        total = clip19(total + product)
    return clip19(total + bias)


def column_of_a_weight_stationary_array(products: list[int], bias: int, rows: int = 3) -> int:
    """A column adds the products of its `rows` cells; the partial-sum buffer adds what leaves the column."""
    buffer = 0
    for first in range(0, len(products), rows):
        column = 0
        for product in products[first : first + rows]:
            column = clip19(column + product)
        buffer = clip19(buffer + column)
    return clip19(buffer + bias)


def test_the_array_decides_the_order_of_a_saturating_accumulator():
    """On a narrow saturating accumulator two arrays give different codes, each those of a naive model of that array."""
    arrays = {"os": cell_of_an_output_stationary_array, "ws": column_of_a_weight_stationary_array}
    model = seeded(chain("sum", (1, 1, 40), {"flatten": Flatten(), "output": Dense(6)}), 8, scale=1.2)
    images = np.random.default_rng(9).uniform(-1.9, 1.9, (20, 1, 1, 40))
    formats = [
        "array.rows=3",
        "array.columns=2",
        "numerics.weight=Q4.6",
        "numerics.input=Q2.8",
        "numerics.activation=Q12.10",
    ]
    narrow = ["numerics.accumulator.width=19", "numerics.accumulator.overflow=SAT"]
    codes = {}
    for dataflow, naive in arrays.items():
        machine = load_accelerator("gupta2015", [f"array.dataflow={dataflow}", *formats, *narrow])
        program = lower(model, machine)
        x = run_fixed(program, images, Ledger())["flatten"].codes.astype(int)
        weight = program.parameters["output"]["weight"].codes.astype(int)
        bias = program.nodes["output"].sums.bias
        sums = [[naive([int(p) for p in row * w], int(b)) for w, b in zip(weight, bias, strict=True)] for row in x]
        codes[dataflow] = layer_codes(model, machine, images)["output"].codes
        # The output keeps 10 of the 14 fraction bits, half to even.
        assert codes[dataflow].tolist() == [[int(np.round(total / 16)) for total in row] for row in sums]
    assert not np.array_equal(codes["os"], codes["ws"])
    wide = [
        layer_codes(model, load_accelerator("gupta2015", [f"array.dataflow={d}", *formats]), images)["output"].codes
        for d in arrays
    ]
    assert np.array_equal(*wide)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((3, 5)), r"takes inputs \(N, 2, 11, 9\), not \(3, 5\)"),
        (np.zeros((0, 2, 11, 9)), "no inputs"),
        (np.full((2, 2, 11, 9), np.nan), "finite"),
        (np.array([["a"]]), "numbers"),
    ],
)
def test_inputs_that_cannot_be_used(inputs, message):
    """Wrong shapes, no inputs, NaN and text are refused with what is wanted."""
    with pytest.raises(DataError, match=message):
        accel.run(seeded(CONVOLUTIONAL, 0), MACHINE, inputs)


def test_labels_must_match_inputs():
    """Labels of another number are refused."""
    with pytest.raises(DataError, match="one per input"):
        accel.run(seeded(CONVOLUTIONAL, 0), MACHINE, np.zeros((2, 2, 11, 9)), [1])


def test_exact_accumulators_need_a_proof():
    """An EXACT accumulator that a sum could leave is refused with the bits it needs, all layers at once."""
    machine = load_accelerator("gupta2015", ["numerics.accumulator.mode=exact", "numerics.accumulator.width=29"])
    with pytest.raises(ConfigError, match="worst case") as error:
        lower(seeded(CONVOLUTIONAL, 0), machine)
    assert [problem.split()[0] for problem in error.value.problems] == ["conv", "depthwise", "output"]


def test_softmax_at_the_end_is_reported():
    """Row sums and ties of a final softmax are in the document."""
    network = chain("classes", (1, 2, 2), {"flatten": Flatten(), "dense": Dense(3), "softmax": Softmax()})
    document = accel.run(
        seeded(network, 1), MACHINE, np.random.default_rng(1).uniform(0, 1, (10, 4)), np.zeros(10, int)
    ).to_dict()
    assert abs(document["softmax"]["row_sum_max"] - 1) < 1e-3
    assert document["accuracy"]["golden"] is not None


def test_relu_is_cast_as_the_node_says():
    """A node's rounding and overflow hold for a ReLU too: here the fraction is cut and the excess wraps."""
    rules = [
        "numerics.layers.relu.rounding=TRN",
        "numerics.layers.relu.overflow=WRAP",
        "numerics.layers.relu.activation=UQ2.2",
    ]
    network = chain("wire", (1, 1, 4), {"relu": Activation("relu")})
    values = np.array([[[[0.49, -0.3, 1.99, 1.25]]]]) * 1.0
    machine = load_accelerator("gupta2015", ["numerics.input=Q6.10", *rules])
    codes = layer_codes(Model(network, {}, {}), machine, values * 4)["relu"].codes
    assert codes.ravel().tolist() == [
        7,
        0,
        31 - 16,
        20 - 16,
    ]  # floor(1.96 * 4), 0, floor(7.96 * 4) mod 16, 5 * 4 mod 16


def test_sums_beyond_the_container_are_refused_by_name():
    """A pooling or an addition that could leave 63 bits is refused before anything runs, with its node."""
    network = chain("wide", (1, 4, 4), {"square": Pool2d("l2", 2)})
    machine = load_accelerator("gupta2015", ["numerics.input=Q16.16"])
    with pytest.raises(ConfigError, match=r"square: the sum of 4 squares of Q16\.16 needs 65 bits"):
        accel.run(Model(network, {}, {}), machine, np.zeros((1, 1, 4, 4)))


def test_values_that_a_format_does_not_hold_are_told():
    """Inputs and weights beyond their format are counted, and the report says which, how many and what to do."""
    from accel.report.prose import attention

    model = seeded(chain("loud", (1, 1, 4), {"flatten": Flatten(), "output": Dense(3)}), 2, scale=1.5)
    values = np.array([[0.5, 200.0, -3.0, 255.0]])
    document = accel.run(model, MACHINE, values).to_dict()
    inputs, weight, bias = document["encoded"]
    assert inputs == {"tensor": "input", "format": "Q2.14", "range": {"min": -3.0, "max": 255.0}, "saturated": 0.75}
    beyond = np.abs(model.parameters["output"]["weight"]) > 2
    assert beyond.any()
    assert weight["saturated"] == beyond.mean()
    assert bias["saturated"] == 0
    assert attention(document)[0].startswith("75.0 % of the inputs saturate in Q2.14 (values -3.00 to 255)")


@pytest.mark.parametrize("count", [1, 5, 63, 64, 100, 160, 161, 1000, 1001])
def test_batches_are_equal(count):
    """Batches cover all inputs once, none is larger than allowed, and all but the last have one size."""
    starts = batch_starts(count, 160)
    sizes = [min(starts.step, count - start) for start in starts]
    assert sum(sizes) == count
    assert max(sizes) <= 160
    assert len(set(sizes[:-1])) <= 1
    assert len(sizes) == {True: 1, False: 4 * -(-count // 640)}[count < 64]
