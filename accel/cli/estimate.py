"""`accel estimate`: cycles only; nothing is computed, so it is immediate for any size."""

from __future__ import annotations

import click

from accel.cli import options
from accel.cli.terminal import Terminal


@click.command("estimate", short_help="Count cycles only, without computing anything.")
@options.network_argument
@options.accelerator_options
@click.option("-b", "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@options.output_options
def command(network: str, accelerator: str, overrides: tuple[str, ...], batch: int, terminal: Terminal) -> None:
    """Estimate the cycles of NETWORK (default lenet5) on an accelerator, layer by layer."""
    from accel.config import check_layers, load_accelerator
    from accel.estimator import estimate
    from accel.network.zoo import build
    from accel.report import estimate_document
    from accel.report.table import print_estimate

    machine = load_accelerator(accelerator, overrides)
    structure = build(network)
    check_layers(machine, structure)
    document = estimate_document(estimate(structure, machine, batch))
    if terminal.talks:
        print_estimate(document, terminal.console())
    terminal.emit(document)
