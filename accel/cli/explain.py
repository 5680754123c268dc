"""`accel explain`: where a network loses bits on a machine, and which format lacks how many."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli import COMMAND, options
from accel.cli.terminal import Terminal


@click.command("explain", short_help="Tell where bits get lost, and which format lacks how many.")
@options.network_argument
@options.accelerator_options
@options.data_option
@options.limit_option
@options.weights_option
@click.option(
    "--min-agreement",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    default=0.995,
    show_default=True,
    help="Inputs classified as float64 does, 0 to 1; a machine below it is diagnosed.",
)
@click.option(
    "--min-sqnr",
    type=float,
    metavar="DB",
    help="Signal to quantization noise of the network's output; a machine below it is diagnosed.",
)
@options.out_option("Run directory to write, with a page about all this.")
@options.jobs_option
@options.seed_option
@options.output_options
@click.pass_context
def command(
    ctx: click.Context,
    network: str,
    accelerator: str,
    overrides: tuple[str, ...],
    data: str,
    limit: int | None,
    weights: str | None,
    min_agreement: float,
    min_sqnr: float | None,
    out: Path | None,
    jobs: int,
    seed: int,
    terminal: Terminal,
) -> None:
    """Explain where NETWORK (default lenet5) loses bits on an accelerator.

    Every layer is run in fixed point alone, up to itself and from itself on, the rest in float64; every tensor of a
    layer is given its format alone. When inputs change their class, formats are widened until they no longer do, and
    those that lack bits are named. With -o a run directory is written whose page has a section about it; with --json
    the record is printed (with -o, all of run.json).
    """
    from accel.cli.execute import execute, warn_if_cold
    from accel.config import check_layers, load_accelerator
    from accel.explain import explain
    from accel.explain.table import print_explanation
    from accel.report import check_place, write_run
    from accel.workload import load_workload

    machine = load_accelerator(accelerator, overrides)
    if out is not None:
        check_place(out)
    workload = load_workload(network, data, limit, weights, seed)
    check_layers(machine, workload.model.network)  # before anything is compiled for it
    warn_if_cold(terminal)
    explained = explain(
        workload.model,
        machine,
        workload.inputs,
        workload.labels,
        threshold=min_agreement,
        threshold_sqnr_db=min_sqnr,
        jobs=jobs,
        stage=terminal.progress,
    )
    document = {"network": network, "accelerator": machine.name, "dataset": dict(workload.dataset)}
    if out is not None:
        document = execute(workload, machine, jobs=jobs, seed=seed, command=ctx.meta[COMMAND], terminal=terminal)
    document["explain"] = explained
    if terminal.talks:
        print_explanation(explained, f"{network} on {machine.name}", terminal.console())
    if out is not None:
        write_run(out, document)
        terminal.say(f"\n{out}: report.html, run.json, layers.csv")
    terminal.emit(document)
