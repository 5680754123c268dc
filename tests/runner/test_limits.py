"""What an estimate leaves out depends on the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accel.arch.hardware import Cores
from accel.config.technology import load_technology
from accel.estimator import estimate
from accel.runner import limits
from accel.runner.limits import not_modelled
from tests.machines import machine


def limits_of(technology: str | None = None, schedule: str = "layer by layer", **memory: object) -> tuple[str, ...]:
    """The limits of a small machine."""
    accelerator = machine(**memory)
    known = load_technology(technology) if technology else None
    architecture = replace(accelerator.architecture, technology=known, cores=Cores(schedule=schedule))
    return not_modelled(estimate("lenet5", replace(accelerator, architecture=architecture)))


def test_a_channel_and_its_absence():
    """With a bandwidth its irregularities are left out, without one its time."""
    assert limits.CHANNEL in limits_of()
    assert limits.NO_CHANNEL not in limits_of()
    assert limits.NO_CHANNEL in limits_of(dram_bytes_per_cycle=None)
    assert limits.CHANNEL not in limits_of(dram_bytes_per_cycle=None)


def test_layers_one_by_one_and_in_a_pipeline():
    """Overlap is left out only where layers follow each other; a pipeline leaves out other things."""
    assert limits.ONE_AFTER_ANOTHER in limits_of()
    pipelined = limits_of(schedule="layer pipelined")
    assert limits.ONE_AFTER_ANOTHER not in pipelined
    assert set(limits.PIPELINED) <= set(pipelined)
    assert not set(limits.PIPELINED) & set(limits_of())


@pytest.mark.parametrize(
    ("technology", "told"),
    [
        (None, (limits.NO_TECHNOLOGY,)),
        (
            "horowitz-45nm",
            (
                "energy of register file, network, clocks, control, leakage and the cast of finished sums",
                "area of registers, wires, control, clocks and pads",
            ),
        ),
        (
            "eyeriss-relative",
            (
                "energy of unit multiply, unit add, clocks, control, leakage and the cast of finished sums",
                "area: eyeriss-relative has no figure for any of it",
            ),
        ),
    ],
)
def test_energy_and_area(technology, told):
    """Without a technology neither is estimated; with one, what it has no figure for is named."""
    assert tuple(limit for limit in limits_of(technology) if "energy" in limit or "area" in limit) == told


def test_every_limit_stands_once():
    """No limit is told twice, and what always holds is told on every machine."""
    found = limits_of("horowitz-45nm")
    assert len(set(found)) == len(found)
    assert set(limits.ALWAYS) <= set(found)
