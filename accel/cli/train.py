"""`accel train`: training in float64 or in a machine's bits; what is not given comes from the network's recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import COMMAND, options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.network.graph import Network
    from accel.train.checkpoint import Epoch
    from accel.train.learner import Counts, Learner
    from accel.train.recipes import Recipe

GOLDEN, FIXED = "golden", "fixed"


@click.command("train", short_help="Train a network, in float64 or in a machine's bits.")
@options.network_argument
@options.accelerator_options
@click.option("-d", "--data", default="digits", show_default=True, help="digits, mnist, or a folder of MNIST files.")
@click.option(
    "--arithmetic",
    type=click.Choice((GOLDEN, FIXED)),
    default=GOLDEN,
    show_default=True,
    help="float64, or the bits of the accelerator's [training].",
)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the training set.")
@click.option("--batch", type=click.IntRange(1), help="Examples per step.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Learning rate of the first epoch.")
@click.option("--momentum", type=click.FloatRange(0, 1, max_open=True), help="Momentum coefficient.")
@click.option("--decay", type=click.FloatRange(0), help="Weight decay.")
@click.option("--loss", help="cross-entropy or mse.")
@click.option(
    "--optimizer",
    type=click.Choice(("sgd", "adagrad", "rmsprop", "adadelta", "adam")),
    default="sgd",
    show_default=True,
    help="Update rule; all but sgd are float64 only and want a run directory.",
)
@click.option(
    "--dropout",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of hidden activations that are dropped; float64 only.",
)
@click.option("--seed", type=click.IntRange(0), help="Seed of first values and order.")
@click.option("--patience", type=click.IntRange(1), metavar="N", help="Stop after N epochs without a lower loss.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the run directory, to the same bits.")
@click.option(
    "--checkpoint-every",
    type=click.IntRange(1),
    metavar="N",
    help="Steps between checkpoints, besides one after every epoch.",
)
@options.jobs_option
@options.out_option("Weights file (.npz, golden only) or run directory  [default: under runs/].")
@options.output_options
@click.pass_context
def command(
    ctx: click.Context,
    network: str,
    accelerator: str,
    overrides: tuple[str, ...],
    data: str,
    arithmetic: str,
    epochs: int | None,
    batch: int | None,
    rate: float | None,
    momentum: float | None,
    decay: float | None,
    loss: str | None,
    optimizer: str,
    dropout: float | None,
    seed: int | None,
    patience: int | None,
    resume: bool,
    checkpoint_every: int | None,
    jobs: int,
    out: Path | None,
    terminal: Terminal,
) -> None:
    """Train NETWORK (default lenet5) and write its weights, with where they are from beside them.

    Every setting that is not given comes from the recipe of this network and data set; without a recipe, give at least
    --epochs, --batch and --rate. With --arithmetic fixed, or when -o names a directory, a run directory is written:
    weights.npz, train.json, history.csv, report.html, and a checkpoint that --resume goes on from.
    """
    from accel.data.dataset import NAMES
    from accel.network.zoo import build

    build(network)
    name = data if data in NAMES else "mnist"
    recipe = _recipe(network, name, epochs=epochs, batch=batch, rate=rate, momentum=momentum, decay=decay, loss=loss)
    recipe = recipe if seed is None else replace(recipe, seed=seed)
    if out is not None and out.suffix and out.suffix != ".npz":
        raise click.BadParameter(f"{out} must end in .npz, or name a directory", param_hint="--out")
    is_usual = optimizer == "sgd" and dropout is None
    if arithmetic == FIXED and not is_usual:
        raise click.BadParameter("only sgd without dropout is a datapath; leave it out", param_hint="--optimizer")
    wants_file = arithmetic == GOLDEN and is_usual and not (resume or patience or checkpoint_every)
    if wants_file and (out is None or out.suffix == ".npz"):
        _train_to_file(network, data, name, recipe, out, terminal)
        return
    if out is not None and out.suffix == ".npz":
        raise click.BadParameter(f"{out}: checkpoints and reports need a run directory", param_hint="--out")
    _train_in_directory(
        network,
        data,
        recipe,
        _machine(accelerator, overrides) if arithmetic == FIXED else None,
        out or Path("runs") / f"{network}-{name}-{accelerator if arithmetic == FIXED else 'float64'}-training",
        terminal,
        command=ctx.meta[COMMAND],
        patience=patience,
        resume=resume,
        keep_every=checkpoint_every or 0,
        jobs=jobs,
        rule=optimizer,
        dropout=dropout,
    )


def _machine(accelerator: str, overrides: tuple[str, ...]) -> Any:
    from accel.config import load_accelerator

    return load_accelerator(accelerator, overrides)


def _train_to_file(network: str, data: str, name: str, recipe: Recipe, out: Path | None, terminal: Terminal) -> None:
    """Train in float64 and write weights and provenance only, as the shipped ones are."""
    from accel.train.recipes import train_recipe

    path = out or Path("runs") / f"{network}-{name}.npz"
    _make_folder(path.parent)
    with terminal.progress("epochs", recipe.epochs) as advance:

        def after(epoch: Epoch) -> None:
            advance(1)
            _say_epoch(epoch, recipe.epochs, terminal)

        model, _ = train_recipe(network, data, recipe.seed, recipe=recipe, path=path, callback=after)
    terminal.say(f"\n{path}: weights\naccel run {network} -d {data} --weights {path}")
    terminal.emit(dict(model.provenance))


def _train_in_directory(
    network: str,
    data: str,
    recipe: Recipe,
    machine: Any,
    directory: Path,
    terminal: Terminal,
    *,
    command: str,
    patience: int | None,
    resume: bool,
    keep_every: int,
    jobs: int,
    rule: str,
    dropout: float | None,
) -> None:
    """Train with checkpoints and write the whole record."""
    from accel.cli.execute import warn_if_cold
    from accel.data.dataset import load
    from accel.network.zoo import build
    from accel.train.directory import WEIGHTS, learn_in
    from accel.train.loop import Hooks, Plan

    structure = build(network)
    learner: Learner[Any]
    if machine is None:
        learner = _golden_learner(structure, recipe, rule, dropout)
    else:
        from accel.train.fixed import fixed_learner

        learner = fixed_learner(
            structure,
            machine,
            loss=recipe.loss,
            optimizer=recipe.optimizer,
            batch=recipe.batch,
            schedule=recipe.schedule,
            epochs=recipe.epochs,
            jobs=jobs,
        )
        warn_if_cold(terminal)
    train_set, test_set = load(data, "train"), load(data, "test")
    plan = Plan(
        recipe.epochs, recipe.batch, recipe.seed, recipe.optimizer.rate, recipe.schedule, recipe.augment, patience
    )
    with _bar(terminal, recipe.epochs, -(-len(train_set) // recipe.batch)) as (begin, show):
        hooks = Hooks(
            start=begin,
            step=show,
            epoch=lambda epoch: _say_epoch(epoch, recipe.epochs, terminal),
            keep_every=keep_every,
        )
        document = learn_in(directory, learner, plan, train_set, test_set, command=command, resume=resume, hooks=hooks)
    terminal.say(
        f"\n{directory}: report.html, train.json, history.csv, weights.npz, checkpoint.npz\n"
        f"accel run {network} -d {data} --weights {directory / WEIGHTS}"
    )
    terminal.emit(document)


def _golden_learner(structure: Network, recipe: Recipe, rule: str, dropout: float | None) -> Learner[Any]:
    """Return the float64 learner with the update rule that was asked for, at the recipe's rate and decay."""
    from accel.ops.golden import GoldenArithmetic
    from accel.train.adaptive import AdaDelta, AdaGrad, Adam, RmsProp
    from accel.train.dropout import Dropout
    from accel.train.golden import GoldenLearner
    from accel.train.losses import loss_named
    from accel.train.optimizers import Optimizer

    usual = recipe.optimizer
    optimizer: Optimizer = usual
    if rule == "adadelta":
        optimizer = AdaDelta(usual.rate, usual.decay, epsilon=1e-6)
    elif rule != "sgd":
        optimizer = {"adagrad": AdaGrad, "rmsprop": RmsProp, "adam": Adam}[rule](usual.rate, usual.decay)
    masks = None if dropout is None else Dropout(dropout, recipe.seed)
    return GoldenLearner(structure, loss_named(recipe.loss), optimizer, GoldenArithmetic(), masks)


def _say_epoch(epoch: Epoch, epochs: int, terminal: Terminal) -> None:
    tested = "" if epoch.test_accuracy is None else f"  test {epoch.test_accuracy:7.2%}"
    shares = "" if epoch.dead_share is None else f"  saturated {epoch.saturated_share:.3%}  dead {epoch.dead_share:.1%}"
    numbers = f"loss {epoch.loss:.5f}  train {epoch.train_accuracy:7.2%}{tested}{shares}"
    terminal.say(f"epoch {epoch.number:3d} of {epochs}  rate {epoch.rate:.5f}  {numbers}")


@contextmanager
def _bar(
    terminal: Terminal, epochs: int, steps: int
) -> Iterator[tuple[Callable[[int], object], Callable[[Counts], object]]]:
    """Show epoch, steps, loss, accuracy, saturation and dead updates on stderr while they happen.

    Yields what is called with the steps that are done before the first one, and with the counts of every step.
    """
    console = terminal.console(stderr=True)
    if terminal.quiet or not console.is_terminal:
        yield (lambda done: None), (lambda counts: None)
        return
    import sys

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from accel.train.learner import Counts

    epoch = TextColumn("epoch {task.fields[epoch]}")
    figures = TextColumn("{task.fields[figures]}")
    columns = (epoch, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), figures)
    lately: list[Counts] = []

    def epoch_after(done: float) -> str:
        return f"{min(epochs, int(done) // steps + 1)} of {epochs}"

    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("steps", total=epochs * steps, figures="", epoch=epoch_after(0))

        def begin(done: int) -> None:
            # A reset, because the time that is left is told from the steps of this run alone.
            bar.reset(task, total=epochs * steps, completed=done, figures="", epoch=epoch_after(done))

        def show(counts: Counts) -> None:
            lately.append(counts)
            if len(lately) < _SHOWN_STEPS:
                return
            total = sum(lately, Counts())
            lately.clear()
            told = f"loss {total.mean_loss:.4f}  right {total.accuracy:.1%}"
            if total.dead_share is not None:
                told += f"  saturated {total.saturated_share:.2%}  dead {total.dead_share:.1%}"
            done = bar.tasks[0].completed + _SHOWN_STEPS
            bar.update(task, completed=done, figures=told, epoch=epoch_after(done))

        yield begin, show


_SHOWN_STEPS = 20
"""Steps between two looks at the bar."""


def _recipe(
    network: str,
    dataset: str,
    *,
    epochs: int | None,
    batch: int | None,
    rate: float | None,
    momentum: float | None,
    decay: float | None,
    loss: str | None,
) -> Recipe:
    """Return the recipe with the settings that were given in their place.

    Raises ConfigError when there is no recipe and too few settings to do without.
    """
    from accel.errors import ConfigError
    from accel.train.optimizers import Sgd
    from accel.train.recipes import Recipe, recipe_for
    from accel.train.schedules import Constant

    optimizer = {"rate": rate, "momentum": momentum, "decay": decay}
    steps = {"epochs": epochs, "batch": batch, "loss": loss}
    try:
        recipe = recipe_for(network, dataset)
    except ConfigError:
        if epochs is None or batch is None or rate is None:
            raise
        recipe = Recipe(epochs, batch, Sgd(rate), Constant())
    changed = {key: value for key, value in optimizer.items() if value is not None}
    given = {key: value for key, value in steps.items() if value is not None}
    return replace(recipe, optimizer=replace(recipe.optimizer, **changed), **given)  # type: ignore[arg-type]  # by name


def _make_folder(folder: Path) -> None:
    """Make the folder before hours of training, not after. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(f"{folder} cannot be made ({error.strerror})", param_hint="--out") from None
