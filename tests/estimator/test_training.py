"""The cost of a training step: MACs by hand, conservation, what is stored, and no compiler loaded."""

from __future__ import annotations

import subprocess
import sys
from math import prod

import pytest

from accel.config import load_accelerator, preset_names
from accel.errors import ModelError
from accel.estimator.training import PHASES, estimate_training
from accel.estimator.training_nests import error_nest, gradient_nest, patches_nest
from accel.layers import Conv2d, Dense, Flatten, Softmax
from accel.network.graph import chain
from accel.network.zoo import build


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Dense(5), (7,)),
        (Dense(5), (4, 7)),
        (Conv2d(6, 3), (4, 9, 8)),
        (Conv2d(6, 3, padding=1, groups=2), (4, 9, 8)),
        (Conv2d(6, (9, 8)), (4, 9, 8)),
    ],
)
def test_backward_products_are_as_large_as_the_forward_one(layer, shape):
    """A gradient has the forward MACs and an output for each weight; an error an output for each input."""
    nest = layer.loop_nest(shape).batched(4)
    gradient, error = gradient_nest(nest), error_nest(nest)
    assert gradient.macs == patches_nest(nest).macs == nest.macs
    assert gradient.outputs == patches_nest(nest).outputs == nest.weights
    assert error.outputs == 4 * prod(shape)
    assert error.weights == nest.weights
    if isinstance(layer, Dense):
        assert error.macs == nest.macs


def test_a_dense_layer_by_hand():
    """784-10 at batch 20: no error, twice 156 800 MACs, inputs stored in 16 bits, updates read and write 7 850."""
    report = estimate_training("softmax-regression", "gupta2015", 20)
    macs = {(each.layer, each.phase): each.macs for each in report.phases if each.macs}
    assert macs == {("output", "forward"): 156_800, ("output", "gradient"): 156_800}
    assert report.parameters == 7850
    assert report.tape == {"input": 2 * 20 * 784, "softmax": 2 * 20 * 10}
    (update,) = (each for each in report.phases if each.phase == "update")
    assert update.dram == {"gradient": 15_700, "read": 31_400, "written": 31_400}
    assert (
        estimate_training("softmax-regression", "gupta2015", 20, momentum=False).cycles["update"]
        < (report.cycles["update"])
    )


@pytest.mark.parametrize("machine", preset_names())
def test_sums_hold_on_every_machine(machine):
    """Phases add up, none is shorter than its cycles or its traffic, and a larger batch learns no slower."""
    bandwidth = load_accelerator(machine).architecture.memory.dram_bytes_per_cycle
    small, large = (estimate_training("lenet5-relu", machine, batch) for batch in (1, 64))
    for report in (small, large):
        assert tuple(report.cycles) == PHASES
        assert report.step_cycles == sum(each.total_cycles for each in report.phases)
        for each in report.phases:
            assert each.total_cycles >= each.compute_cycles
            if bandwidth is not None and each.phase != "forward":
                assert each.total_cycles * bandwidth >= sum(each.dram.values())
    assert large.tape_bytes == 64 * small.tape_bytes
    assert large.samples_per_second > small.samples_per_second


def test_energy_of_an_epoch_is_that_of_its_steps():
    """Where a technology is named a step has the energy of its phases and an epoch that of whole steps."""
    report = estimate_training("mlp", "gupta2015", 64)
    parts = [each.energy.total for each in report.phases if each.energy is not None]
    assert report.energy.total == pytest.approx(sum(parts))
    assert report.epoch_energy_pj(1000) == pytest.approx(16 * report.energy.total_pj)
    bare = load_accelerator("zhang2015")
    assert (bare.architecture.technology is None) == (estimate_training("mlp", bare, 64).energy is None)


def test_a_network_without_parameters_is_refused():
    """There is nothing to train."""
    with pytest.raises(ModelError, match="nothing to train"):
        estimate_training(chain("flat", (1, 1, 2), {"flat": Flatten(), "softmax": Softmax()}), "gupta2015", 4)


def test_large_networks_are_priced():
    """ResNet-18 at batch 8: errors and gradients each need about the forward's MACs."""
    report = estimate_training(build("resnet18"), "gupta2015", 8)
    macs = {name: sum(each.macs for each in report.phases if each.phase == name) for name in PHASES}
    assert macs["gradient"] == macs["forward"]
    assert 0.8 < macs["error"] / macs["forward"] < 2.5


def test_no_compiler_is_loaded():
    """Estimates of training start as instantly as those of inference."""
    code = (
        "import sys; from accel.estimator.training import estimate_training; "
        "import accel.report.training_table; "
        "estimate_training('lenet5', 'gupta2015', 64).to_dict(60000); print('numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
