"""`accel estimate`: cycles only; nothing is computed, so it is immediate for any size."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.accelerator import Accelerator
    from accel.estimator.advice import Estimates
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
@click.option("--training", is_flag=True, help="Cost of a training step, by phase, for steps of -b examples.")
@click.option(
    "--examples", type=click.IntRange(min=1), metavar="N", help="With --training: also an epoch of N examples."
)
@options.output_options
def command(
    network: str,
    accelerator: str,
    overrides: tuple[str, ...],
    batch: int,
    report: Path | None,
    cores: str | None,
    training: bool,
    examples: int | None,
    terminal: Terminal,
) -> None:
    """Estimate the cycles of NETWORK (default lenet5) on an accelerator, layer by layer.

    NETWORK is one of `accel show networks` or a SCALE-Sim topology file (.csv); SCALE-Sim's .cfg files are accelerators
    too. Its report is written as SCALE-Sim 3.0.0 counts without stalls, whatever the timing model of the machine.
    -v also tells the tiles, what would bound a layer next, and what would help it.
    """
    from accel.config import load_accelerator
    from accel.network.scalesim import is_topology, read_topology
    from accel.report.choices import print_advice, print_choices, print_scaling
    from accel.report.table import print_estimate

    machine = load_accelerator(accelerator, overrides)
    if training:
        _estimate_training(network, machine, batch, examples, terminal)
        return
    if is_topology(network):
        from accel.estimator.topology import estimate_topology

        topology = read_topology(network)
        document = _document(partial(estimate_topology, topology), machine, batch, terminal)
        written = _write_report(report, topology, machine, batch)
        if any(row.sparsity != (1, 1) for row in topology.rows):
            terminal.note(f"{network}: its N:M sparsity is not used; every layer is counted as dense")
    else:
        document = _document(_network_estimates(network, machine, report), machine, batch, terminal)
        written = None
    document |= _scaling(network, machine, batch, cores)
    if terminal.talks:
        print_estimate(document, terminal.console())
        if terminal.verbose:
            print_choices(document, terminal.console())
            print_advice(document, terminal.console())
        if "scaling" in document:
            print_scaling(document["scaling"], document["clock_hz"], terminal.console())
    for refused in document.get("scaling_refused", ()):
        first, *others = refused["problems"]
        terminal.note(f"{first}{f' (and {len(others)} more)' if others else ''}")
    if written is not None:
        timing = machine.architecture.array.timing
        terminal.say(f"\n{written}: as SCALE-Sim 3.0.0 counts without stalls (the table: timing '{timing}')")
    terminal.emit(document)


def _estimate_training(
    network: str, machine: Accelerator, batch: int, examples: int | None, terminal: Terminal
) -> None:
    """Say what a training step costs."""
    from accel.errors import ConfigError
    from accel.estimator.training import estimate_training
    from accel.network.scalesim import is_topology
    from accel.report.training_table import print_training

    if is_topology(network):
        raise ConfigError("--training is for networks: a topology file does not say what is trained; leave it out")
    document = estimate_training(network, machine, batch).to_dict(examples)
    if terminal.talks:
        print_training(document, terminal.console())
    terminal.emit(document)


def _document(estimates: Estimates, machine: Accelerator, batch: int, terminal: Terminal) -> dict[str, Any]:
    """Return an estimate as plain values, with what would help each layer if that is going to be told."""
    from accel.estimator.advice import remedies
    from accel.report import estimate_document

    is_told = terminal.json or (terminal.verbose and terminal.talks)
    found = remedies(estimates, machine, batch) if is_told else None
    return estimate_document(estimates(machine, batch), found)


def _network_estimates(network: str, machine: Accelerator, report: Path | None) -> Estimates:
    """Return what estimates a network of the zoo on the machine and on others like it."""
    from accel.config import check_layers
    from accel.errors import ConfigError
    from accel.estimator import estimate
    from accel.network.zoo import build

    structure = build(network)
    if report is not None:
        raise ConfigError(f"--scalesim-report is for topology files (.csv), and '{network}' is none; leave it out")
    check_layers(machine, structure)
    return partial(estimate, structure)


def _scaling(network: str, machine: Accelerator, batch: int, cores: str | None) -> dict[str, Any]:
    """Return a point for every number of cores that is asked for, and why there is none for the others.

    Raises ConfigError if there is none at all.
    """
    from dataclasses import asdict

    from accel.errors import ConfigError
    from accel.estimator import scaling
    from accel.network.scalesim import is_topology

    if cores is None:
        return {}
    if is_topology(network):
        raise ConfigError("--cores is for networks: a topology file does not say what its layers hand on; leave it out")
    try:
        numbers = [int(number) for number in cores.split(",")]
    except ValueError:
        raise ConfigError(f"--cores {cores}: whole numbers with commas between them are needed, e.g. 1,2,4,8") from None
    if min(numbers) < 1:
        raise ConfigError(f"--cores {cores}: cores.number = {min(numbers)} is too small; use 1 or more")
    points: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for number in numbers:
        try:
            (point,) = scaling(network, machine, (number,), batch)
            points.append({**asdict(point), "efficiency": point.efficiency})
        except ConfigError as error:
            refused.append({"cores": number, "problems": list(error.problems)})
    if not points:
        raise ConfigError(dict.fromkeys(problem for each in refused for problem in each["problems"]))
    return {"scaling": points, **({"scaling_refused": refused} if refused else {})}


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
