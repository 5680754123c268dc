"""`accel estimate`: cycles only; nothing is computed, so it is immediate for any size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.accelerator import Accelerator
    from accel.arch.result import NetworkReport
    from accel.network.scalesim import Topology


@click.command("estimate", short_help="Count cycles only, without computing anything.")
@options.network_argument
@options.accelerator_options
@click.option("-b", "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@click.option(
    "--scalesim-report",
    "report",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Also write SCALE-Sim's COMPUTE_REPORT.csv, for a topology file.",
)
@click.option("--cores", metavar="N[,N...]", help="Also tell what so many cores are worth, e.g. 1,2,4,8.")
@options.output_options
def command(
    network: str,
    accelerator: str,
    overrides: tuple[str, ...],
    batch: int,
    report: Path | None,
    cores: str | None,
    terminal: Terminal,
) -> None:
    """Estimate the cycles of NETWORK (default lenet5) on an accelerator, layer by layer.

    NETWORK is one of `accel show networks` or a SCALE-Sim topology file (.csv); SCALE-Sim's .cfg files are accelerators
    too. Its report is written as SCALE-Sim 3.0.0 counts without stalls, whatever the timing model of the machine.
    -v also tells the tiles and what would bound a layer next.
    """
    from accel.config import load_accelerator
    from accel.network.scalesim import is_topology, read_topology
    from accel.report import estimate_document
    from accel.report.choices import print_choices, print_scaling
    from accel.report.table import print_estimate

    machine = load_accelerator(accelerator, overrides)
    if is_topology(network):
        from accel.estimator.topology import estimate_topology

        topology = read_topology(network)
        document = estimate_document(estimate_topology(topology, machine, batch))
        written = _write_report(report, topology, machine, batch)
        if any(row.sparsity != (1, 1) for row in topology.rows):
            terminal.note(f"{network}: its N:M sparsity is not used; every layer is counted as dense")
    else:
        document = estimate_document(_estimate_network(network, machine, batch, report))
        written = None
    points = _scaling(network, machine, batch, cores)
    if points:
        document["scaling"] = points
    if terminal.talks:
        print_estimate(document, terminal.console())
        if terminal.verbose:
            print_choices(document, terminal.console())
        if points:
            print_scaling(points, document["clock_hz"], terminal.console())
    if written is not None:
        timing = machine.architecture.array.timing
        terminal.say(f"\n{written}: as SCALE-Sim 3.0.0 counts without stalls (the table: timing '{timing}')")
    terminal.emit(document)


def _estimate_network(network: str, machine: Accelerator, batch: int, report: Path | None) -> NetworkReport:
    from accel.config import check_layers
    from accel.errors import ConfigError
    from accel.estimator import estimate
    from accel.network.zoo import build

    structure = build(network)
    if report is not None:
        raise ConfigError(f"--scalesim-report is for topology files (.csv), and '{network}' is none; leave it out")
    check_layers(machine, structure)
    return estimate(structure, machine, batch)


def _scaling(network: str, machine: Accelerator, batch: int, cores: str | None) -> list[dict[str, Any]]:
    """Return a point for every number of cores that is asked for."""
    from dataclasses import asdict

    from accel.errors import ConfigError
    from accel.estimator import scaling
    from accel.network.scalesim import is_topology

    if cores is None:
        return []
    if is_topology(network):
        raise ConfigError("--cores is for networks: a topology file does not say what its layers hand on; leave it out")
    try:
        numbers = [int(number) for number in cores.split(",")]
    except ValueError:
        raise ConfigError(f"--cores {cores}: whole numbers with commas between them are needed, e.g. 1,2,4,8") from None
    points = scaling(network, machine, numbers, batch)
    return [{**asdict(point), "efficiency": point.efficiency} for point in points]


def _write_report(report: Path | None, topology: Topology, machine: Accelerator, batch: int) -> Path | None:
    """Write SCALE-Sim's report if one is wanted, and return its path."""
    from accel.errors import ConfigError
    from accel.report.compute_report import compute_report, write_compute_report

    if report is None:
        return None
    if batch != 1:
        raise ConfigError(f"SCALE-Sim computes one input at a time, so --scalesim-report goes without -b {batch}")
    architecture = machine.architecture
    layers = [(row.name, row.nest) for row in topology.rows]
    return write_compute_report(report, compute_report(layers, architecture.array, architecture.memory))
