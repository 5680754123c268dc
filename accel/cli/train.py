"""`accel train`: float64 training; what is not given comes from the network's recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli import options
from accel.cli.terminal import Terminal

if TYPE_CHECKING:
    from accel.train.loop import Epoch
    from accel.train.recipes import Recipe


@click.command("train", short_help="Train a network in float64.")
@options.network_argument
@click.option("-d", "--data", default="digits", show_default=True, help="digits, mnist, or a folder of MNIST files.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the training set.")
@click.option("--batch", type=click.IntRange(1), help="Examples per step.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Learning rate of the first epoch.")
@click.option("--momentum", type=click.FloatRange(0, 1, max_open=True), help="Momentum coefficient.")
@click.option("--decay", type=click.FloatRange(0), help="Weight decay.")
@click.option("--loss", help="cross-entropy or mse.")
@click.option("--seed", type=click.IntRange(0), help="Seed of first values and order.")
@options.out_option("Weights file (.npz)  [default: runs/NETWORK-DATA.npz].")
@options.output_options
def command(
    network: str,
    data: str,
    epochs: int | None,
    batch: int | None,
    rate: float | None,
    momentum: float | None,
    decay: float | None,
    loss: str | None,
    seed: int | None,
    out: Path | None,
    terminal: Terminal,
) -> None:
    """Train NETWORK (default lenet5) in float64 and write its weights, with their provenance beside them.

    Every setting that is not given comes from the recipe of this network and data set; without a recipe, give at
    least --epochs, --batch and --rate.
    """
    from accel.data.dataset import NAMES
    from accel.network.zoo import build
    from accel.train.recipes import train_recipe

    build(network)
    name = data if data in NAMES else "mnist"
    recipe = _recipe(network, name, epochs=epochs, batch=batch, rate=rate, momentum=momentum, decay=decay, loss=loss)
    path = out or Path("runs") / f"{network}-{name}.npz"
    if path.suffix != ".npz":
        raise click.BadParameter(f"{path} must end in .npz", param_hint="--out")
    _make_folder(path.parent)
    with terminal.progress("epochs", recipe.epochs) as advance:

        def after(epoch: Epoch) -> None:
            advance(1)
            tested = "" if epoch.test_accuracy is None else f"  test {epoch.test_accuracy:7.2%}"
            numbers = f"loss {epoch.loss:.5f}  train {epoch.train_accuracy:7.2%}{tested}"
            terminal.say(f"epoch {epoch.number:3d} of {recipe.epochs}  rate {epoch.rate:.5f}  {numbers}")

        model, _ = train_recipe(network, data, seed, recipe=recipe, path=path, callback=after)
    terminal.say(f"\n{path}: weights\naccel run {network} -d {data} --weights {path}")
    terminal.emit(dict(model.provenance))


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
