"""[training]: defaults that follow inference, formats that do not go together, and everything said at once."""

import pytest

from accel.config import load_accelerator, preset_names
from accel.numeric.format import QFormat
from kernels.modes import Rounding
from tests.config.files import MINIMAL, problems


def test_a_machine_without_the_table_has_the_recipe(write):
    """Inputs, activations and weights follow [numerics], biases the weights; nothing but updates draws bits."""
    numbers = load_accelerator(write(MINIMAL)).training
    assert str(numbers.forward.input.format) == "Q2.6"
    assert str(numbers.forward.defaults.output.format) == "Q4.4"
    assert numbers.working("weight").format == numbers.working("bias").format == QFormat.parse("Q2.6")
    assert numbers.update_of("bias").format == QFormat.parse("Q2.6")
    assert (numbers.update.rounding, numbers.gradient.rounding) == (Rounding.STOCHASTIC, Rounding.RND_CONV)
    assert numbers.forward.overrides == {}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_asked_to_train(name):
    """Training leaves inference as it was, layer overrides included, and has a recipe on every machine."""
    machine = load_accelerator(name)
    changed = load_accelerator(name, ("training.weight=Q3.13", "training.master=Q3.29", "training.rate=shift"))
    assert changed.numerics == machine.numerics
    assert changed.training.store("weight") == QFormat.parse("Q3.29")
    assert changed.training.rate is None
    assert machine.training.error.format.width == 16


def test_every_key_arrives(write):
    """Each key of the table is a field of the record."""
    text = (
        MINIMAL
        + """
[training]
input = "Q4.12"
activation = "Q8.8"
weight = "Q2.14"
bias = "Q4.12"
error = "Q1.15"
gradient = "Q4.20"
update = "Q2.10"
momentum = "Q1.17"
rate = "UQ2.14"
coefficient = "UQ0.12"
decay = "UQ-4.20"
loss_scale = 4
loss_scale_steps = 100
[training.rounding]
error = "STOCHASTIC"
update = "RND"
[training.random]
width = 32
seed = 9
"""
    )
    numbers = load_accelerator(write(text)).training
    assert [str(cast.format) for cast in (numbers.error, numbers.gradient, numbers.update, numbers.momentum)] == [
        "Q1.15",
        "Q4.20",
        "Q2.10",
        "Q1.17",
    ]
    assert (str(numbers.rate), str(numbers.coefficient), str(numbers.decay)) == ("UQ2.14", "UQ0.12", "UQ-4.20")
    assert (numbers.loss_scale, numbers.loss_scale_steps) == (4, 100)
    assert (numbers.error.random.width, numbers.error.random.seed) == (32, 9)
    assert numbers.update.random is None
    assert not numbers.update_follows


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('error = "UQ0.16"', "it has both signs; use Q0.16"),
        ('rate = "Q2.14"', "a constant is positive and an operand of a multiplier"),
        ('rate = "UQ0.20"', "a constant is positive and an operand of a multiplier"),
        ('master = "Q1.31"', "does not hold every weight of Q2.6"),
        ('update = "Q2.10"', "is finer than what it is added to (Q2.6)"),
        ("loss_scale = 99", "it must be at most 32"),
        ('rounding = { update = "NEAREST" }', "not a rounding mode"),
        ("random = { width = 17 }", "an LFSR of width 17 is not offered"),
        ('weigth = "Q2.14"', "unknown key 'weigth'"),
    ],
)
def test_what_does_not_go_together(write, lines, expected):
    """One problem, with file, line and table."""
    (problem,) = problems(write(f"{MINIMAL}[training]\n{lines}\n"))
    assert expected in problem
    assert "edge.toml:" in problem
    assert "[training" in problem


def test_all_problems_come_together(write):
    """Problems of [training] do not wait for those of [numerics], and the other way round."""
    found = problems(write(MINIMAL.replace('weight = "Q2.6"', 'weight = "Q2"') + '[training]\nerror = "UQ0.16"\n'))
    assert len(found) == 2
