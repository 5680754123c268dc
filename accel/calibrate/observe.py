"""What values stand in every slot: the float64 network over the calibration inputs, and its parameters.

Extremes are exact over all values; how values are spread is kept as a sample of at most `SAMPLE` values a slot, drawn
once with seeds of its own, so that the same inputs always give the same formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from accel.calibrate.slots import Range, Slot
from accel.errors import DataError
from accel.layers import Conv2d
from accel.network.graph import INPUT, Model
from accel.ops.golden import GoldenArithmetic, GoldenOps
from accel.runner.inputs import batch_size
from accel.walk import forward

Values = NDArray[np.float64]

SAMPLE = 1 << 16
"""Values of a tensor that are kept; a share of 0.1 % is then still 65 values."""


@dataclass(frozen=True, eq=False)
class Observed:
    """The values of one slot: their range, and them or a sample of them, (rows, values): a row shares one format."""

    range: Range
    rows: Values


def observe(model: Model, images: Values, slots: Iterable[Slot], per_channel: bool) -> dict[Slot, Observed]:
    """Return what the slots hold over `images` (N, *input_shape); weights have a row per channel if `per_channel`.

    Raises DataError for inputs that do not vary and for values that are not finite.
    """
    if images.min() == images.max():
        raise DataError(
            f"the {len(images)} calibration inputs hold the value {images.flat[0]:g} everywhere, which tells nothing "
            "about ranges; give inputs that vary"
        )
    made = [slot for slot in slots if slot.kind in ("input", "activation", "softmax")]
    found = _activations(model, images, made)
    for slot in slots:
        if slot.kind in ("weight", "bias"):
            values = _parameter(model, slot)
            _require_finite(slot, values)
            is_split = per_channel and slot.kind == "weight" and values.ndim > 1  # one number is no channel
            rows = values.reshape(len(values), -1) if is_split else _sampled(slot, 0, values.ravel(), SAMPLE)[None]
            found[slot] = Observed(Range(float(values.min()), float(values.max())), rows)
    return {slot: found[slot] for slot in slots}


def _parameter(model: Model, slot: Slot) -> Values:
    """Return a parameter's values; weights that no connection uses count as the zeros that the layer makes of them."""
    values = model.parameters[slot.node][slot.kind]
    layer = next(node.layer for node in model.network.nodes if node.name == slot.node)
    table = layer.connections if isinstance(layer, Conv2d) else None
    return values if table is None or slot.kind != "weight" else GoldenOps().connect(values, table)


def _activations(model: Model, images: Values, made: Iterable[Slot]) -> dict[Slot, Observed]:
    """Run the network in float64 and keep what its nodes make, batch by batch."""
    size = batch_size(model)
    parts: Mapping[Slot, list[Observed]] = {slot: [] for slot in made}
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        tape = forward(model.network, model.parameters, GoldenArithmetic(), batch)
        share = -(-SAMPLE * len(batch) // len(images))
        for slot, kept in parts.items():
            values = tape[slot.node].ravel()
            _require_finite(slot, values)
            sample = _sampled(slot, start, values, share)
            kept.append(Observed(Range(float(values.min()), float(values.max())), sample[None]))
    return {slot: _joined(kept) for slot, kept in parts.items()}


def _joined(parts: list[Observed]) -> Observed:
    low, high = min(part.range.low for part in parts), max(part.range.high for part in parts)
    return Observed(Range(low, high), np.concatenate([part.rows for part in parts], axis=1))


def _sampled(slot: Slot, start: int, values: Values, most: int) -> Values:
    """Return at most `most` of the values; a regular grid could meet the same pixel of every input."""
    if values.size <= most:
        return values.copy()
    rng = np.random.default_rng(crc32(f"{slot.node}/{slot.kind}/{start}".encode()))
    return values[rng.integers(0, values.size, most)]


def _require_finite(slot: Slot, values: Values) -> None:
    if not np.isfinite(values).all():
        bad = values[~np.isfinite(values)][0]
        where = "the inputs hold" if slot.node == INPUT else f"{slot.node}: its {slot.kind} holds"
        raise DataError(f"{where} {bad} in float64; no format has it: mend the weights or the inputs")
