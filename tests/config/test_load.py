"""Accelerator files: presets, defaults, what a file may say and what it means."""

import pytest

from accel.arch.hardware import UnitChoice
from accel.config import check_layers, load_accelerator, preset_names
from accel.errors import ConfigError
from accel.network.zoo import build
from accel.numeric.accumulator import Accumulator, Mode
from accel.numeric.random import Lfsr, NumpyRandom
from kernels.modes import Overflow, Rounding
from tests.config.files import MINIMAL


@pytest.mark.parametrize(
    ("name", "dataflow", "rows", "columns", "clock_mhz", "accumulator", "operand_bits"),
    [
        ("gupta2015", "os", 28, 28, 166, 48, 16),
        ("tpuv1", "ws", 256, 256, 700, 32, 8),
        ("shidiannao", "os", 8, 8, 1000, 40, 16),
        ("scalesim-32x32", "ws", 32, 32, 1000, 48, 16),
        ("input-stationary-16x16", "is", 16, 16, 500, 48, 16),
        ("diannao", "adder-tree", 16, 16, 980, 20, 16),
        ("eyeriss", "row-stationary", 12, 14, 200, 16, 16),
        ("zhang2015", "conv-engine", 7, 64, 100, 48, 16),
    ],
)
def test_presets_are_the_machines_they_cite(name, dataflow, rows, columns, clock_mhz, accumulator, operand_bits):
    """Array, clock, accumulator and operand width are those of the publication; source and assumptions are stated."""
    machine = load_accelerator(name)
    array = machine.architecture.array
    assert (machine.name, array.dataflow, array.rows, array.columns) == (name, dataflow, rows, columns)
    assert machine.architecture.clock_hz == clock_mhz * 1e6
    bits = machine.numerics.defaults
    assert bits.accumulator.width == accumulator
    assert {bits.weight.format.width, bits.output.format.width, machine.numerics.input.format.width} == {operand_bits}
    assert "Assumed: " in machine.source
    assert machine.document["description"]


def test_presets_reproduce_published_capacities():
    """Peak rate of Gupta 2015 (260 Gop/s), TPU weight bandwidth (34 GB/s), ShiDianNao's 256 KB of data buffers and
    Eyeriss' global buffer (108 KB).
    """
    gupta, tpu, shi = (load_accelerator(name).architecture for name in ("gupta2015", "tpuv1", "shidiannao"))
    assert round(2 * gupta.array.pes * gupta.clock_hz / 1e9) == 260
    assert tpu.memory.dram_bytes_per_cycle * tpu.clock_hz == pytest.approx(34e9, rel=1e-3)
    assert tpu.memory.input_bytes + tpu.memory.output_bytes == 24 << 20
    assert shi.memory.input_bytes + shi.memory.output_bytes + shi.memory.weight_bytes == 256 << 10
    eyeriss = load_accelerator("eyeriss").architecture.memory
    assert eyeriss.input_bytes + eyeriss.output_bytes + eyeriss.weight_bytes == 108 << 10


def test_a_preset_is_read_once():
    """Everybody shares the record of a preset; with overrides, or by path, it is read anew."""
    assert load_accelerator("eyeriss") is load_accelerator("eyeriss")
    assert load_accelerator("eyeriss", ["array.rows=13"]).architecture.array.rows == 13
    assert load_accelerator("eyeriss").architecture.array.rows == 12


def test_every_preset_is_listed_and_distinct():
    """Eight presets, the default among them, no two with the same digest."""
    assert len(preset_names()) == 8
    assert load_accelerator().name == "gupta2015"
    assert len({load_accelerator(name).digest for name in preset_names()}) == 8


def test_defaults_are_the_stated_ones(write):
    """What a file leaves out: UQ0.16 softmax, nearest even, saturation, a wrapping 48-bit accumulator, plain units."""
    machine = load_accelerator(write(MINIMAL))
    bits = machine.numerics.defaults
    assert str(bits.softmax.format) == "UQ0.16"
    assert (bits.output.rounding, bits.output.overflow) == (Rounding.RND_CONV, Overflow.SAT)
    assert bits.accumulator == Accumulator(48, None, Mode.STEPWISE, Overflow.WRAP, Rounding.TRN)
    assert machine.architecture.array.timing == "pipelined"
    assert machine.architecture.units == {
        "sigmoid": UnitChoice("lut-linear"),
        "tanh": UnitChoice("lut-linear"),
        "relu": UnitChoice("relu"),
        "identity": UnitChoice("identity"),
        "softmax": UnitChoice("reference"),
        "pooling": UnitChoice("window"),
        "elementwise": UnitChoice("adder"),
        "normalisation": UnitChoice("two-pass"),
    }


def test_rounding_and_overflow_act_on_outputs_only(write):
    """Weights, biases and inputs stay nearest even and saturating whatever the outputs do."""
    bits = load_accelerator(write(MINIMAL), ["numerics.rounding=TRN", "numerics.overflow=WRAP"]).numerics
    assert (bits.defaults.output.rounding, bits.defaults.output.overflow) == (Rounding.TRN, Overflow.WRAP)
    assert bits.defaults.softmax.rounding == Rounding.TRN
    for encoding in (bits.input, bits.defaults.weight, bits.defaults.bias):
        assert (encoding.rounding, encoding.overflow) == (Rounding.RND_CONV, Overflow.SAT)


def test_layers_change_only_what_they_write(write):
    """A layer's keys replace the defaults one by one, its accumulator's keys too."""
    text = MINIMAL + (
        "[numerics.accumulator]\nwidth = 30\noverflow = 'SAT'\n"
        "[numerics.layers.C1]\nweight = 'Q1.3'\naccumulator = { width = 20 }\n"
        "[numerics.layers.'C1.tanh']\nactivation = 'Q2.14'\nrounding = 'TRN'\n"
    )
    numerics = load_accelerator(write(text)).numerics
    first, tanh, other = numerics.at("C1"), numerics.at("C1.tanh"), numerics.at("C9")
    assert str(first.weight.format) == "Q1.3"
    assert first.accumulator == Accumulator(20, None, Mode.STEPWISE, Overflow.SAT)
    assert first.output == numerics.defaults.output
    assert (str(tanh.output.format), tanh.output.rounding) == ("Q2.14", Rounding.TRN)
    assert tanh.accumulator.width == 30
    assert other is numerics.defaults


def test_accumulator_formats_are_widths_and_points():
    """`format` says width and binary point in one word; an override of either form replaces the other."""
    machine = load_accelerator("gupta2015", ["numerics.accumulator.format=Q20.28"])
    assert (machine.numerics.defaults.accumulator.width, machine.numerics.defaults.accumulator.frac_bits) == (
        48,
        28,
    )
    layer = load_accelerator("gupta2015", ["numerics.layers.F6.accumulator.overflow=SAT"]).numerics.at("F6")
    assert (layer.accumulator.overflow, layer.output.overflow) == (Overflow.SAT, Overflow.SAT)
    back = load_accelerator("gupta2015", ["numerics.accumulator.format=Q20.28", "numerics.accumulator.width=40"])
    assert back.numerics.defaults.accumulator == Accumulator(40, None, Mode.STEPWISE, Overflow.WRAP)
    layer = load_accelerator("gupta2015", ["numerics.layers.C1.accumulator.format=Q8.8"])
    assert layer.numerics.at("C1").accumulator == Accumulator(16, 8)
    assert layer.numerics.defaults.accumulator.width == 48


def test_late_saturation_is_a_way_to_accumulate():
    """mode = "late" with a saturating overflow."""
    machine = load_accelerator("shidiannao", ["numerics.accumulator.mode=late"])
    assert machine.numerics.defaults.accumulator == Accumulator(40, None, Mode.LATE, Overflow.SAT)


def test_the_bias_may_come_first():
    """[array] bias: the last addend unless the file says first."""
    assert not load_accelerator("gupta2015").architecture.array.bias_first
    assert load_accelerator("gupta2015", ["array.bias=first"]).architecture.array.bias_first


def test_weights_may_be_shifted_by_channel(write):
    """One number for each output channel of a layer; elsewhere none; held against the network."""
    text = (
        MINIMAL + "[numerics.layers.C1]\nweight_shifts = [0, 1, -2, 3, 31, -31]\n[numerics.layers.C3]\nbias = 'Q1.3'\n"
    )
    machine = load_accelerator(write(text))
    assert machine.numerics.at("C1").weight_shifts == (0, 1, -2, 3, 31, -31)
    assert machine.numerics.at("C3").weight_shifts == ()
    assert machine.numerics.defaults.weight_shifts == ()
    check_layers(machine, build("lenet5"))
    keys = ["C1.weight_shifts=[1, 2]", "C1.tanh.weight_shifts=[1]"]
    with pytest.raises(ConfigError) as error:
        check_layers(load_accelerator("tpuv1", [f"numerics.layers.{key}" for key in keys]), build("lenet5"))
    assert error.value.problems == (
        "tpuv1 [numerics.layers.C1]: 'weight_shifts' has 2 numbers; give one for each of the 6 channels",
        "tpuv1 [numerics.layers.C1.tanh]: 'weight_shifts' has no effect, the activation unit of this layer has none; "
        "leave it out",
    )


def test_stochastic_rounding_gets_its_generator():
    """[numerics.random] reaches the outputs, and only while they are rounded stochastically."""
    lfsr = ["numerics.random.generator=lfsr", "numerics.random.seed=9", "numerics.random.bits=8"]
    machine = load_accelerator("gupta2015", ["numerics.rounding=STOCHASTIC", *lfsr])
    assert machine.numerics.defaults.output.random == Lfsr(seed=9, bits=8)
    assert load_accelerator("gupta2015", lfsr).numerics.defaults.output.random is None
    research = [
        "numerics.rounding=STOCHASTIC",
        "numerics.random.generator=numpy",
        "numerics.random.centred=true",
    ]
    assert load_accelerator("gupta2015", research).numerics.defaults.output.random == NumpyRandom(centred=True)


def test_layer_overrides_are_held_against_the_network():
    """Names the network lacks, and keys that its layer has no use for, are refused together."""
    keys = [
        "C1.weight=Q4.4",
        "C1.tanh.activation=Q4.4",
        "softmax.softmax=UQ0.8",
        "C33.weight=Q4.4",
        "C1.tanh.bias=Q4.4",
    ]
    machine = load_accelerator("gupta2015", [f"numerics.layers.{key}" for key in [*keys, "F6.softmax=UQ0.8"]])
    with pytest.raises(ConfigError) as error:
        check_layers(machine, build("lenet5"))
    assert error.value.problems == (
        "gupta2015 [numerics.layers.C1.tanh]: 'bias' has no effect, the activation unit of this layer has none; "
        "leave it out",
        "gupta2015 [numerics.layers.C33]: lenet5 has no layer 'C33'. Did you mean 'C3'?",
        "gupta2015 [numerics.layers.F6]: 'softmax' has no effect, the array unit of this layer has none; leave it out",
    )
    check_layers(load_accelerator("gupta2015", [f"numerics.layers.{key}" for key in keys[:3]]), build("lenet5"))


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("norm1.accumulator.width=20", "'accumulator' has no effect, the normalisation unit of this layer has none"),
        ("norm1.weight_shifts=[0]", "'weight_shifts' has no effect, the normalisation unit of this layer has none"),
        ("scores.weight=Q4.4", "'weight' has no effect, the array unit of this layer has none"),
        ("scores.bias=Q4.4", "'bias' has no effect, the array unit of this layer has none"),
        ("norm1.weight=Q4.4", None),
        ("norm1.bias=Q4.4", None),
        ("scores.accumulator.width=20", None),
        ("shares.softmax=UQ0.8", None),
    ],
)
def test_overrides_of_layers_without_weights_of_their_own(override, problem):
    """A product of two activations has sums but no weights, a normalisation weights but no sums."""
    machine = load_accelerator("gupta2015", [f"numerics.layers.{override}"])
    if problem is None:
        check_layers(machine, build("transformer"))
        return
    with pytest.raises(ConfigError, match=problem):
        check_layers(machine, build("transformer"))
