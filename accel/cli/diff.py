"""`accel diff`: one network on two machines, layer by layer: cycles, bits and accuracy side by side."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli import COMMAND, options
from accel.cli.terminal import Terminal


@click.command("diff", short_help="Hold two machines against each other on one network.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@options.network_argument
@options.data_option
@options.limit_option
@options.weights_option
@options.out_option("Page to write as well, e.g. diff.html.")
@options.jobs_option
@options.seed_option
@options.output_options
@click.pass_context
def command(
    ctx: click.Context,
    first: str,
    second: str,
    network: str,
    data: str,
    limit: int | None,
    weights: str | None,
    out: Path | None,
    jobs: int,
    seed: int,
    terminal: Terminal,
) -> None:
    """Run NETWORK (default lenet5) on the machines A and B, each a preset or an accelerator file, and compare.

    Prints what the files say differently, then totals and layers of both. Networks without a data set want -d random.
    """
    from accel.cli.execute import execute
    from accel.cli.report import show
    from accel.config import load_accelerator
    from accel.report.compare import compare
    from accel.workload import load_workload

    machines = [load_accelerator(name) for name in (first, second)]
    workload = load_workload(network, data, limit, weights, seed)
    runs = [
        execute(workload, machine, jobs=jobs, seed=seed, command=ctx.meta[COMMAND], terminal=terminal)
        for machine in machines
    ]
    show(compare(*runs), out, terminal)
