"""Schedules against their formulas."""

from __future__ import annotations

import pytest

from accel.errors import ConfigError
from accel.train.schedules import Constant, Exponential, Schedule, Step


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (Constant(), [0.8, 0.8, 0.8, 0.8, 0.8]),
        (Step(2, 0.5), [0.8, 0.8, 0.4, 0.4, 0.2]),
        (Step(1, 0.25), [0.8, 0.2, 0.05, 0.0125, 0.003125]),
        (Exponential(0.5), [0.8, 0.4, 0.2, 0.1, 0.05]),
        (Exponential(1.0), [0.8, 0.8, 0.8, 0.8, 0.8]),
    ],
)
def test_rates(schedule: Schedule, rates: list[float]) -> None:
    """The rate of each epoch is the first rate times the factor's power."""
    assert [schedule.rate(0.8, epoch) for epoch in range(5)] == pytest.approx(rates, rel=1e-15)


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.1, float("nan")])
def test_factors_that_cannot_work(factor: float) -> None:
    """A factor must shrink the rate and leave something of it."""
    for make in (Exponential, lambda f: Step(1, f)):
        with pytest.raises(ConfigError, match=r"factor = .* must lie in \(0, 1\]"):
            make(factor)


def test_step_needs_epochs() -> None:
    """A step of no epochs is refused."""
    with pytest.raises(ConfigError, match="every = 0"):
        Step(0, 0.5)
