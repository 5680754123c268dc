"""What more cores are worth: speed-up and efficiency against the ideal, for one network on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accel.accelerator import Accelerator
from accel.arch.result import NetworkReport
from accel.errors import ConfigError
from accel.estimator.join import estimate, resolved
from accel.network.graph import Model, Network


@dataclass(frozen=True)
class ScalingPoint:
    """A machine of so many cores. latency and interval are of `batch` inputs at once.

    speedup: throughput / throughput of one core; the ideal is `cores`. efficiency: speedup / cores.
    latency_speedup: latency of one core / latency. stall_cycles: waits for the channel, in the latency.
    """

    cores: int
    latency_cycles: int
    interval_cycles: int
    inputs_per_second: float
    stall_cycles: int
    speedup: float
    latency_speedup: float

    @property
    def efficiency(self) -> float:
        """The share of the ideal that is reached."""
        return self.speedup / self.cores


def scaling(
    network: Network | Model | str,
    accelerator: Accelerator | str | Path,
    cores: Sequence[int] = (1, 2, 4, 8, 16),
    batch: int = 1,
) -> tuple[ScalingPoint, ...]:
    """Return a point for every number of cores, cut or pipelined as the machine says.

    Raises ConfigError and ModelError as `estimate` does.
    """
    structure, machine = resolved(network, accelerator)
    one = estimate(structure, _with_cores(machine, 1), batch)
    points = []
    for number in cores:
        report = one if number == 1 else _of_cores(structure, machine, number, batch)
        points.append(
            ScalingPoint(
                cores=number,
                latency_cycles=report.latency_cycles,
                interval_cycles=report.interval_cycles,
                inputs_per_second=report.inputs_per_second,
                stall_cycles=sum(layer.cycles.stall for layer in report.layers),
                speedup=one.interval_cycles / report.interval_cycles,
                latency_speedup=one.latency_cycles / report.latency_cycles,
            )
        )
    return tuple(points)


def _of_cores(network: Network, machine: Accelerator, number: int, batch: int) -> NetworkReport:
    """Return the report of a machine of so many cores. Raises ConfigError with their number before every problem."""
    try:
        return estimate(network, _with_cores(machine, number), batch)
    except ConfigError as error:
        raise ConfigError([f"with {number} cores: {problem}" for problem in error.problems]) from None


def _with_cores(machine: Accelerator, number: int) -> Accelerator:
    cores = replace(machine.architecture.cores, number=number)
    return replace(machine, architecture=replace(machine.architecture, cores=cores))
