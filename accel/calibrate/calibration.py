"""`calibrate`: from a machine and calibration inputs to the same machine with formats placed for a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accel.accelerator import Accelerator
from accel.calibrate.bounds import BoundsPlacer
from accel.calibrate.evaluate import Bench, Figures, Target
from accel.calibrate.observe import Observed, observe
from accel.calibrate.place import DataPlacer, clipped, written
from accel.calibrate.result import Calibration, Comparison, Row
from accel.calibrate.search import Search, Widths, narrow, removable, total_bits
from accel.calibrate.slots import Assignment, Placer, Slot, Tensor, slots
from accel.config import check_layers, load_accelerator
from accel.config.build import build
from accel.config.problems import Places
from accel.config.schema import MAX_DATA_WIDTH
from accel.errors import CheckFailedError, ConfigError, suggestion
from accel.network.graph import Model
from accel.network.weights import load_model
from accel.runner.inputs import checked_inputs, checked_labels

METHODS = ("max", "percentile", "mse", "proof")

MIN_PERCENTILE = 50.0

SUFFIX = "-calibrated"
_NAME_SIGNS = 64
_MARK = "Formats placed by accel calibrate"

Labelled = tuple[ArrayLike, ArrayLike | None]

Stage = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Shows how far a stage is: given its name and its number of steps, offers what is called after some of them."""


@contextmanager
def _unseen(stage: str, steps: int) -> Iterator[Callable[[int], object]]:
    yield lambda done: None


def calibrate(
    network: Model | str,
    accelerator: Accelerator | str | Path,
    inputs: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    method: str = "mse",
    percentile: float = 99.9,
    bits: int | None = None,
    keep: Target | str | None = None,
    per_channel: bool = False,
    held_out: Labelled | None = None,
    jobs: int = 1,
    stage: Stage = _unseen,
    about_inputs: str = "",
) -> Calibration:
    """Place the binary points of every format that `network` uses on the machine, and with `keep` take bits away.

    inputs: (N, *input_shape), labels: (N,) classes or None. method: one of `METHODS` (`accel.calibrate.place`,
    `accel.calibrate.bounds`). bits: word length of everything but biases, which keep theirs if it is longer; None: the
    machine's own. keep: "accuracy=0.97", "agreement=0.995" or "sqnr=40" (dB, at the network's output), held on the
    inputs while bits go and then on `held_out`, (inputs, labels), which nothing else looks at: bits are given back
    until it holds there too. per_channel: weights get a binary point for every output channel. about_inputs: what
    the file says of them.
    Raises DataError for inputs that are empty, constant or not finite, ConfigError for settings that cannot be used and
    for formats that the machine cannot compute in, CheckFailedError for a target that is out of reach.
    """
    _check(method, percentile, bits)
    model = load_model(network) if isinstance(network, str) else network
    machine = accelerator if isinstance(accelerator, Accelerator) else load_accelerator(accelerator)
    check_layers(machine, model.network)
    _check_documented(machine)
    images = checked_inputs(model, inputs)
    target = Target.parse(keep) if isinstance(keep, str) else keep
    tensors = slots(model.network, machine.numerics)
    observed = observe(model, images, tensors, per_channel)
    placer = _placer(model, machine, tensors, observed, method, percentile)

    bench = Bench.of(model, machine, images, checked_labels(labels, len(images)), jobs)
    verification = None
    if held_out is not None:
        others = checked_inputs(model, held_out[0])
        verification = Bench.of(model, machine, others, checked_labels(held_out[1], len(others)), jobs)
    widths: Widths = {slot: _start(slot, tensor, bits) for slot, tensor in tensors.items()}
    search, kept = Search((widths,), 0), 0
    if target is not None:
        for used, what in ((bench, "calibration"), (verification, "held-out")):
            if used is not None:
                figures = used.evaluate(placer.place(widths).numerics(machine.numerics)).figures
                _require(target, figures, what, bits)
        with stage("bits", removable(widths)) as advance:
            search = narrow(bench, machine.numerics, placer, tensors, widths, target, advance)
        kept = len(search.trail) - 1 if verification is None else _last_held(verification, placer, search, target)
    first, narrowest, widths = search.trail[0], search.trail[-1], search.trail[kept]

    chosen = placer.place(widths)
    pair = (machine.numerics, chosen.numerics(machine.numerics))
    on_inputs = Comparison(*(bench.evaluate(numerics).figures for numerics in pair))
    on_others = None
    if verification is not None:
        on_others = Comparison(*(verification.evaluate(numerics).figures for numerics in pair))
    return Calibration(
        accelerator=_built(
            machine, chosen, _sentence(model, method, percentile, about_inputs, on_inputs.after, on_others)
        ),
        network=model.network.name,
        base=machine.name,
        method=method,
        percentile=percentile if method == "percentile" else None,
        bits=bits,
        per_channel=per_channel,
        target=target,
        rows=_rows(tensors, observed, chosen),
        calibration=on_inputs,
        held_out=on_others,
        bits_before=total_bits(tensors, {slot: tensor.before.format.width for slot, tensor in tensors.items()}),
        bits_after=total_bits(tensors, widths),
        taken=removable(first) - removable(narrowest),
        given_back=removable(widths) - removable(narrowest),
        evaluations=search.evaluations,
    )


def _check(method: str, percentile: float, bits: int | None) -> None:
    """Raise ConfigError for settings that mean nothing."""
    if method not in METHODS:
        raise ConfigError(f"'{method}' is not a way to place formats.{suggestion(method, METHODS)}")
    if not MIN_PERCENTILE <= percentile <= 100.0:
        raise ConfigError(f"percentile {percentile:g} would clip most values; use {MIN_PERCENTILE:g} to 100, e.g. 99.9")
    if bits is not None and not 2 <= bits <= MAX_DATA_WIDTH:
        raise ConfigError(f"{bits} bits; data formats have 2..{MAX_DATA_WIDTH}")


def _check_documented(machine: Accelerator) -> None:
    """Raise ConfigError unless the machine is what its document says: only a document can be written to a file."""
    if not machine.document:
        raise ConfigError(f"{machine.name} was made in code and has no document to write formats into; load it")
    if build(machine.document, Places(machine.name)).numerics != machine.numerics:
        raise ConfigError(
            f"the formats of {machine.name} were changed after it was loaded; load it with these changes as overrides"
        )


def _placer(
    model: Model,
    machine: Accelerator,
    tensors: Mapping[Slot, Tensor],
    observed: Mapping[Slot, Observed],
    method: str,
    percentile: float,
) -> Placer:
    if method == "proof":
        return BoundsPlacer(model, machine.numerics, tensors, observed)
    return DataPlacer(tensors, observed, method, percentile)


def _start(slot: Slot, tensor: Tensor, bits: int | None) -> int:
    """Return the word length of a slot before any bit is taken."""
    own = tensor.before.format.width
    if bits is None:
        return own
    return max(own, bits) if slot.kind == "bias" else bits


def _require(target: Target, figures: Figures, what: str, bits: int | None) -> None:
    """Raise CheckFailedError when the target does not hold before any bit is taken."""
    if target.holds(figures):
        return
    golden, remedy = "", "start from more --bits, try another --method, or keep less"
    if target.metric == "accuracy" and figures.golden_accuracy is not None:
        golden = f" (float64 itself reaches {figures.golden_accuracy:.4f})"
        if figures.golden_accuracy < target.least:
            remedy = "keep less, or train on"
    start = "the machine's own word lengths" if bits is None else f"{bits} bits"
    raise CheckFailedError(
        f"{target} cannot be kept: with {start} the best reached on the {figures.inputs} {what} inputs is "
        f"{target.reached(figures):.4f}{golden}; {remedy}"
    )


def _last_held(bench: Bench, placer: Placer, search: Search, target: Target) -> int:
    """Return how far down the trail the held-out inputs let the formats go; its first entry is known to hold.

    By bisection, as if holding were lost once and for good along the trail; what is returned has been seen to hold.
    """
    trail = search.trail
    held, lost = 0, len(trail)
    probe = len(trail) - 1
    near = None
    while lost - held > 1:
        near = bench.evaluate(placer.place(trail[probe]).numerics(bench.accelerator.numerics), near)
        if target.holds(near.figures):
            held = probe
        else:
            lost = probe
        probe = (held + lost) // 2
    return held


def _rows(tensors: Mapping[Slot, Tensor], observed: Mapping[Slot, Observed], chosen: Assignment) -> tuple[Row, ...]:
    """Hold every slot's values against its format."""
    rows = []
    for slot, tensor in tensors.items():
        target, values = chosen.formats[slot], observed[slot].rows
        shifts = chosen.shifts.get(slot.node, ()) if slot.kind == "weight" else ()
        moved = np.reshape(shifts or (0,) * len(values), (-1, 1))
        scaled = np.ldexp(values, moved)
        difference = np.ldexp(written(scaled, tensor.before, target) - scaled, -moved)
        rows.append(
            Row(
                slot.node,
                slot.kind,
                tensor.before.format,
                target,
                chosen.ranges[slot].low,
                chosen.ranges[slot].high,
                float(np.mean(clipped(scaled, tensor.before, target))),
                _ratio_db(values, difference),
                shifts,
            )
        )
    return tuple(rows)


def _ratio_db(signal: NDArray[np.float64], noise: NDArray[np.float64]) -> float | None:
    """Return the ratio of powers in dB, None where one of them is 0."""
    powers = [float(np.vdot(part, part)) for part in (signal, noise)]
    return None if 0.0 in powers else float(10.0 * np.log10(powers[0] / powers[1]))


def _sentence(
    model: Model, method: str, percentile: float, about: str, after: Figures, on_others: Comparison | None
) -> str:
    """Return what the file says about where its formats come from."""
    how = f"{method} {percentile:g} %" if method == "percentile" else method
    source = f" ({about})" if about else ""
    told = f"on these: {_told(after)}"
    if on_others is not None:
        told += f"; on {on_others.after.inputs} held-out inputs: {_told(on_others.after)}"
    return f"{_MARK} for {model.network.name}, method {how}, {after.inputs} calibration inputs{source}; {told}."


def _told(figures: Figures) -> str:
    accuracy = "" if figures.accuracy is None else f"accuracy {figures.accuracy:.4f}, "
    sqnr = "no noise" if figures.sqnr_db is None else f"SQNR {figures.sqnr_db:.1f} dB"
    return f"{accuracy}agreement {figures.agreement:.4f}, {sqnr}"


def _built(machine: Accelerator, chosen: Assignment, sentence: str) -> Accelerator:
    """Return the machine of the calibrated document."""
    document: dict[str, Any] = chosen.document(machine.document)
    document["name"] = machine.name.removesuffix(SUFFIX)[: _NAME_SIGNS - len(SUFFIX)] + SUFFIX
    assumed = str(document.get("assumed", "")).partition(_MARK)[0].strip()
    document["assumed"] = f"{assumed} {sentence}".strip()
    built = build(document, Places(document["name"]))
    assert built.numerics == chosen.numerics(machine.numerics), "the document says something else"
    return replace(built, document=document)
