"""Checkpoints: everything that decides what training does next, in one .npz that is written whole or not at all.

What must be equal for a checkpoint to be taken up again (network, data, settings) is kept beside the state as JSON and
compared word by word. Nothing is pickled. A disk that is full while one is written leaves the checkpoint before it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.errors import ModelError
from accel.files import write_file
from accel.train.learner import Arrays, Counts

SCHEMA = "bitcycle-checkpoint-1"

_COUNTERS = ("epoch", "position", "step")


@dataclass(frozen=True)
class Epoch:
    """What one epoch (counted from 1) did; test_accuracy is None without a test set; the shares None in float64."""

    number: int
    rate: float
    loss: float
    train_accuracy: float
    test_accuracy: float | None
    saturated_share: float | None = None
    dead_share: float | None = None
    skipped_steps: int = 0


@dataclass(frozen=True)
class Point:
    """A piece of the learning curves: means over the steps up to `step` since the point before."""

    step: int
    loss: float
    accuracy: float
    saturated_share: float | None
    dead_share: float | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Training between two steps.

    epoch: from 0. position: examples of it that are done. step: of the whole training. order: of the epoch's examples.
    generator: state of the one that orders and distorts. so_far: of this epoch; lately: since the last point of the
    curve. arrays: the learner's state, packed.
    """

    epoch: int
    position: int
    step: int
    order: NDArray[np.int64]
    generator: Mapping[str, Any]
    so_far: Counts
    lately: Counts
    history: tuple[Epoch, ...]
    curve: tuple[Point, ...]
    arrays: Arrays


def save_checkpoint(path: Path, snapshot: Snapshot, identity: Mapping[str, Any]) -> None:
    """Write a snapshot of the training that `identity` describes. Raises ConfigError when it cannot be written."""
    document = {
        "schema": SCHEMA,
        "identity": identity,
        **{name: getattr(snapshot, name) for name in _COUNTERS},
        "generator": snapshot.generator,
        "so_far": asdict(snapshot.so_far),
        "lately": asdict(snapshot.lately),
        "history": [asdict(epoch) for epoch in snapshot.history],
        "curve": [asdict(point) for point in snapshot.curve],
    }
    text = np.frombuffer(json.dumps(document).encode(), np.uint8)
    named: dict[str, NDArray[Any]] = {f"learner/{name}": array for name, array in snapshot.arrays.items()}
    buffer = io.BytesIO()
    np.savez(buffer, document=text, order=snapshot.order, **named)  # type: ignore[arg-type]  # the stub takes allow_pickle for one of them
    write_file(path, buffer.getvalue())


def load_checkpoint(path: Path, identity: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot in a file. Raises ModelError when it is damaged, or naming all that is different there."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: no checkpoint can be read ({error.strerror}); start without --resume") from None
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        document = json.loads(arrays.pop("document").tobytes())
        found = document["schema"], document["identity"]
    except Exception as error:  # a damaged archive fails in a dozen ways, down to Python's tokenizer
        raise ModelError(f"{path}: not a checkpoint of training ({error}); start without --resume") from None
    if found[0] != SCHEMA:
        raise ModelError(f"{path}: schema {found[0]!r}, expected {SCHEMA!r}; it is of another version, train again")
    different = list(_differences("", found[1], json.loads(json.dumps(identity))))
    if different:
        raise ModelError([f"{path}: {line}" for line in different] + ["give the settings that it was made with"])
    return Snapshot(
        epoch=document["epoch"],
        position=document["position"],
        step=document["step"],
        order=arrays.pop("order"),
        generator=document["generator"],
        so_far=Counts(**document["so_far"]),
        lately=Counts(**document["lately"]),
        history=tuple(Epoch(**epoch) for epoch in document["history"]),
        curve=tuple(Point(**point) for point in document["curve"]),
        arrays={name.removeprefix("learner/"): array for name, array in arrays.items()},
    )


def _differences(where: str, there: Any, here: Any) -> Any:
    """Yield what a checkpoint was made with and is not the case now."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys([*there, *here]):
            yield from _differences(f"{where}.{key}" if where else key, there.get(key), here.get(key))
    elif there != here:
        yield f"made with {where} = {there}, now it is {here}"
