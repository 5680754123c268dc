"""Learning-rate schedules: frozen records that give the rate of an epoch (counted from 0) from the first rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from accel.errors import ConfigError


class Schedule(Protocol):
    """How the learning rate changes from epoch to epoch."""

    def rate(self, first: float, epoch: int) -> float:
        """Return the learning rate of `epoch`."""
        ...


@dataclass(frozen=True)
class Constant:
    """The first rate throughout."""

    def rate(self, first: float, epoch: int) -> float:
        """Return `first`."""
        return first


@dataclass(frozen=True)
class Step:
    """Multiply by `factor` after every `every` epochs. Raises ConfigError unless every >= 1 and 0 < factor <= 1."""

    every: int
    factor: float

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"step schedule: every = {self.every} epochs; use 1 or more")
        _check_factor("step", self.factor)

    def rate(self, first: float, epoch: int) -> float:
        """Return first * factor^floor(epoch / every)."""
        return first * self.factor ** (epoch // self.every)


@dataclass(frozen=True)
class Exponential:
    """Multiply by `factor` after every epoch. Raises ConfigError unless 0 < factor <= 1."""

    factor: float

    def __post_init__(self) -> None:
        _check_factor("exponential", self.factor)

    def rate(self, first: float, epoch: int) -> float:
        """Return first * factor^epoch."""
        return first * self.factor**epoch


def _check_factor(name: str, factor: float) -> None:
    if not 0 < factor <= 1:
        raise ConfigError(f"{name} schedule: factor = {factor} must lie in (0, 1]; it shrinks the learning rate")
