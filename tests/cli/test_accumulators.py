"""`accel show accumulators`: widths against sums of Python integers, and against what a machine then accepts."""

from fractions import Fraction

import numpy as np
import pytest

from accel.cli.accumulators import sum_widths
from accel.config import load_accelerator
from accel.errors import ConfigError
from accel.layers import Conv2d, Dense, Flatten
from accel.network.graph import Model, chain
from accel.network.weights import load_model
from accel.numeric.format import QFormat
from accel.runner import layer_codes
from accel.runner.program import lower

SMALL = chain("small", (2, 5, 5), {"conv": Conv2d(4, (3, 3), padding=(1, 1)), "flat": Flatten(), "out": Dense(3)})


def small_model() -> Model:
    """Weights with one channel of zeros and one of full scale, so that channels differ."""
    rng = np.random.default_rng(20)
    parameters = {
        name: {tensor: rng.normal(0, 0.4, spec.shape) for tensor, spec in specs.items()}
        for name, specs in SMALL.parameter_specs().items()
    }
    parameters["conv"]["weight"][1] = 0
    parameters["conv"]["bias"][1] = 0
    parameters["conv"]["weight"][2] = -2
    return Model(SMALL, parameters, {})


def code(value: float, spec: QFormat) -> int:
    """Round half to even and clip, in Python."""
    return sorted((spec.min_code, round(Fraction(float(value)) / spec.lsb), spec.max_code))[1]


def bits(low: int, high: int) -> int:
    """The narrowest two's complement that holds both ends and their negatives."""
    largest, width = max(high, -low), 1
    while 2 ** (width - 1) - 1 < largest:
        width += 1
    return width


def extremes(row: np.ndarray, bias: float, low: int, high: int, weight: QFormat, bias_shift: int) -> tuple[int, int]:
    """Smallest and largest partial sum of one output: only falling addends, only rising ones."""
    codes = [code(value, weight) for value in row.reshape(-1)]
    addends = [sorted((w * low, w * high, 0)) for w in codes]
    constant = code(bias, QFormat.parse("Q6.10")) * 2**bias_shift
    return (
        sum(a[0] for a in addends) + min(constant, 0),
        sum(a[-1] for a in addends) + max(constant, 0),
    )


def test_channels_need_what_python_integers_say():
    """Every channel of both layers, on formats' ranges and on ranges seen; order: formats >= weights >= ranges."""
    model, machine = small_model(), load_accelerator("gupta2015")
    images = np.random.default_rng(21).uniform(-0.5, 0.9, (6, *SMALL.input_shape))
    tape = layer_codes(model, machine, images)
    pixels = [code(value, QFormat.parse("Q2.14")) for value in images.reshape(-1)]
    seen = {
        "conv": (min(*pixels, 0), max(*pixels, 0)),
        "out": (min(int(tape["conv"].codes.min()), 0), max(int(tape["conv"].codes.max()), 0)),
    }
    weight = QFormat.parse("Q2.14")
    for layer in sum_widths(model, machine, images):
        x = QFormat.parse({"conv": "Q2.14", "out": "Q6.10"}[layer.layer])
        shift = x.frac_bits + 14 - 10
        tensors = model.parameters[layer.layer]
        for channel, (row, bias) in enumerate(zip(tensors["weight"], tensors["bias"], strict=True)):
            whole = extremes(row, bias, x.min_code, x.max_code, weight, shift)
            part = extremes(row, bias, *seen[layer.layer], weight, shift)
            assert layer.by_weights[channel] == bits(*whole), (layer.layer, channel)
            assert layer.by_range[channel] == bits(*part), (layer.layer, channel)
        assert layer.observed == seen[layer.layer]
        assert layer.by_format >= max(layer.by_weights) >= max(layer.by_range)
        assert layer.margin == 48 - max(layer.by_weights)


def test_formats_alone_are_the_widest_weights_there_could_be():
    """With every weight and bias at the end of its format, the weights need what the formats say."""
    extreme = {"dense": {"weight": np.full((2, 30), -9.0), "bias": np.full(2, -99.0)}}
    model = Model(chain("one", (30,), {"dense": Dense(2)}), extreme, {})
    for keys in ([], ["numerics.accumulator.frac_bits=30"]):
        (layer,) = sum_widths(model, load_accelerator("gupta2015", keys))
        assert set(layer.by_weights) == {layer.by_format}


def test_a_machine_accepts_the_width_and_not_one_bit_less():
    """An exact accumulator, which needs a proof, runs with the bits shown and is refused with one fewer."""
    model = load_model("lenet5", "digits")
    for layer in sum_widths(model, load_accelerator("gupta2015")):
        keys = [f"numerics.layers.{layer.layer}.accumulator.mode=exact"]
        width = f"numerics.layers.{layer.layer}.accumulator.width="
        lower(model, load_accelerator("gupta2015", [*keys, f"{width}{max(layer.by_weights)}"]))
        with pytest.raises(ConfigError, match=f"worst case {max(layer.by_weights)} bits"):
            lower(model, load_accelerator("gupta2015", [*keys, f"{width}{max(layer.by_weights) - 1}"]))


def test_a_machine_too_narrow_to_run_is_still_shown():
    """Its margin is negative; where products are cut, the bits are those of the accumulator's point."""
    model = small_model()
    narrow = load_accelerator("gupta2015", ["numerics.accumulator={width=8, mode='exact'}"])
    coarse = load_accelerator("gupta2015", ["numerics.accumulator.format=Q8.8"])
    fine = sum_widths(model, load_accelerator("gupta2015"))
    for full, cut, exact in zip(fine, sum_widths(model, coarse), sum_widths(model, narrow), strict=True):
        assert exact.by_weights == full.by_weights
        assert exact.margin == 8 - max(full.by_weights) < 0
        cut_bits = {"conv": 28, "out": 24}[full.layer] - 8
        for before, after in zip(full.by_weights, cut.by_weights, strict=True):
            # every product may round up by one: at most as many units as there are terms (100)
            assert 0 <= after - max(before - cut_bits, 1) <= 7
        assert str(cut.accumulator) == "Q8.8"


def test_shifted_weights_are_those_of_their_channel():
    """A channel with 3 more fraction bits has codes 8 times as large: 3 bits more, the bias moving along."""
    model = small_model()
    plain = sum_widths(model, load_accelerator("gupta2015", ["numerics.weight=Q8.8"]))[0]
    shifts = ["numerics.weight=Q8.8", "numerics.layers.conv.weight_shifts=[0, 3, 0, 3]"]
    shifted = sum_widths(model, load_accelerator("gupta2015", shifts))[0]
    assert shifted.by_weights[0] == plain.by_weights[0]
    assert shifted.by_weights[2] == plain.by_weights[2]
    assert abs(shifted.by_weights[3] - plain.by_weights[3] - 3) <= 1
    assert shifted.by_format >= max(shifted.by_weights)


def test_the_command_prints_and_emits(accel):
    """One row a layer on the screen; every channel in the document; ranges only with -d."""
    shown = accel("show accumulators lenet5 -a tpuv1 -d digits -n 5")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()[2:]] == ["C1", "C3", "C5", "F6", "output"]
    assert "in range seen" in shown.out.splitlines()[1]
    document = accel("show accumulators lenet5 -a tpuv1 --json").json
    assert (document["network"], document["accelerator"], document["inputs"]) == ("lenet5", "tpuv1", None)
    first = document["layers"][0]
    assert (first["layer"], first["terms"], first["product"], first["accumulator"]) == ("C1", 25, "Q2.14", "Q18.14")
    assert len(first["channels_bits"]["by_weights"]) == 6
    assert first["channels_bits"]["by_range"] == []
    assert first["needed_bits"]["by_weights"] == max(first["channels_bits"]["by_weights"])
    assert first["margin_bits"] == 32 - first["needed_bits"]["by_weights"]
