"""`accel calibrate`: formats placed for a network and its data, as few bits as an accuracy allows, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli import COMMAND, options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.workload import Workload

INPUTS = 256
HELD_OUT = 1000


@click.command("calibrate", short_help="Choose formats from data or proof, write an accelerator file.")
@options.network_argument
@options.accelerator_options
@options.data_option
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=INPUTS,
    show_default=True,
    help="Calibrate on the first N inputs of the training split.",
)
@click.option(
    "--held-out",
    type=click.IntRange(min=0),
    metavar="M",
    default=HELD_OUT,
    show_default=True,
    help="Verify on the first M inputs of the test split; 0: none.",
)
@options.weights_option
@click.option(
    "--method", metavar="NAME", default="mse", show_default=True, help="max, percentile, mse (least error) or proof."
)
@click.option(
    "--percentile",
    type=float,
    metavar="P",
    default=99.9,
    show_default=True,
    help="Percent of a tensor's values that a format must reach.",
)
@click.option(
    "--bits",
    type=int,
    metavar="N",
    help="Word length of every format; longer biases keep theirs  [default: the machine's own].",
)
@click.option(
    "--keep",
    metavar="METRIC=LEAST",
    help="Take bits away while this holds: accuracy=0.97, agreement=0.995 or sqnr=40 (dB).",
)
@click.option("--per-channel", is_flag=True, help="Give the weights of every output channel a binary point.")
@options.out_option("Accelerator file (.toml)  [default: runs/NETWORK-ACCELERATOR-calibrated.toml].")
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
    limit: int,
    held_out: int,
    weights: str | None,
    method: str,
    percentile: float,
    bits: int | None,
    keep: str | None,
    per_channel: bool,
    out: Path | None,
    jobs: int,
    seed: int,
    terminal: Terminal,
) -> None:
    """Place the formats of NETWORK (default lenet5) on an accelerator, and write the accelerator file that has them.

    Word lengths are the machine's own, or --bits; with --keep they shrink, where it costs least, while the target
    holds on the calibration inputs, and bits are given back until it holds on the held-out inputs too. With --json the
    record is printed, and a file is written only when -o names one.
    """
    from accel.calibrate import calibrate
    from accel.calibrate.table import print_calibration
    from accel.cli.execute import warn_if_cold
    from accel.config import check_layers, load_accelerator
    from accel.files import write_file

    if out is not None and out.suffix != ".toml":
        raise click.BadParameter(f"{out} must end in .toml", param_hint="--out")
    machine = load_accelerator(accelerator, overrides)
    workload, verification = _workloads(network, data, limit, held_out, weights, seed)
    check_layers(machine, workload.model.network)  # before anything is compiled for it
    warn_if_cold(terminal)
    calibration = calibrate(
        workload.model,
        machine,
        workload.inputs,
        workload.labels,
        method=method,
        percentile=percentile,
        bits=bits,
        keep=keep,
        per_channel=per_channel,
        held_out=None if verification is None else (verification.inputs, verification.labels),
        jobs=jobs,
        stage=terminal.progress,
        about_inputs=f"{workload.dataset['name']}, {workload.dataset['split']}",
    )
    if terminal.talks:
        print_calibration(calibration, terminal.console())
    if out is None and not terminal.json:
        out = Path("runs") / f"{network}-{calibration.accelerator.name}.toml"
    if out is not None:
        write_file(out, calibration.to_toml(ctx.meta[COMMAND]).encode())
        terminal.say(f"\n{out}: accelerator file\naccel run {network} -a {out} -d {data}")
    terminal.emit(calibration.to_dict())


def _workloads(
    network: str, data: str, limit: int, held_out: int, weights: str | None, seed: int
) -> tuple[Workload, Workload | None]:
    """Return what to calibrate on and what to verify on: the two splits of a data set, or two seeds of random inputs.

    Raises ModelError and DataError for anything unknown, missing, corrupt or unfit for the network.
    """
    from dataclasses import replace

    from accel.data.dataset import load
    from accel.data.fit import fit
    from accel.workload import RANDOM, load_workload

    if data == RANDOM:
        others = load_workload(network, data, held_out, weights, seed + 1) if held_out else None
        return load_workload(network, data, limit, weights, seed), others
    tested = load_workload(network, data, held_out or 1, weights, seed)
    dataset = load(data, "train", limit)
    images = fit(dataset.images, tested.model.network.input_shape)
    about = {**tested.dataset, "split": dataset.split}
    learnt = replace(tested, inputs=images, labels=dataset.labels, dataset=about)
    return learnt, tested if held_out else None
