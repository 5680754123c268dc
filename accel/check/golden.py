"""Stored codes: one .npz with the codes of every node for a few inputs, and what they belong to.

A file names the model, the numerics and the inputs by digest. Codes of another model or other inputs are not compared
at all; other numerics are compared, because a change there is what a regression is meant to show. Files are written
beside the target and renamed, and the same codes give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.accelerator import Accelerator
from accel.errors import DataError, ModelError
from accel.network.graph import Model
from accel.numeric.array import FxArray

SCHEMA = "bitcycle-golden-1"
_PREFIX = "codes/"


@dataclass(frozen=True)
class Identity:
    """What stored codes belong to; model, numerics and inputs are SHA-256 digests, `count` is how many inputs."""

    network: str
    accelerator: str
    dataset: str
    count: int
    model: str
    numerics: str
    inputs: str


@dataclass(frozen=True)
class Golden:
    """Codes of every node, and what they belong to."""

    identity: Identity
    codes: Mapping[str, FxArray]

    def require(self, current: Identity, file: Path) -> None:
        """Raise ModelError or DataError when `current` is another model or other inputs."""
        stored = self.identity
        remedy = "if intended --update-golden"
        if stored.model != current.model:
            raise ModelError(f"{file}: golden is for model {stored.model[:4]}, this is {current.model[:4]}; {remedy}")
        if stored.inputs != current.inputs:
            raise DataError(
                f"{file}: golden is for inputs {stored.inputs[:4]} ({stored.dataset}), these are {current.inputs[:4]} "
                f"({current.dataset}); {remedy}"
            )


def record(model: Model, accelerator: Accelerator, inputs: NDArray[np.float64], dataset: str) -> Golden:
    """Return the codes of every node for `inputs`, and what they belong to. Raises what `layer_codes` raises."""
    from accel.network.weights import digest
    from accel.runner import layer_codes  # compiled code only when codes are made

    identity = Identity(
        network=model.network.name,
        accelerator=accelerator.name,
        dataset=dataset,
        count=len(inputs),
        model=_sha256(f"{model.network.name}\n{digest(model.parameters)}".encode()),
        numerics=numerics_digest(accelerator),
        inputs=_sha256(np.ascontiguousarray(inputs, dtype="<f8").tobytes()),
    )
    return Golden(identity, layer_codes(model, accelerator, inputs))


def numerics_digest(accelerator: Accelerator) -> str:
    """Return the SHA-256 of everything in an accelerator file that can decide a code: numerics, array and units.

    The array is part of it because its schedule is the order in which sums are added.
    """
    parts = {key: accelerator.document.get(key) for key in ("numerics", "array", "units")}
    return _sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode())


def save_golden(golden: Golden) -> bytes:
    """Return the bytes of an .npz file."""
    meta = {
        "schema": SCHEMA,
        **asdict(golden.identity),
        "formats": {name: str(array.format) for name, array in golden.codes.items()},
    }
    buffer = io.BytesIO()
    arrays = {f"{_PREFIX}{name}": array.codes for name, array in golden.codes.items()}
    np.savez_compressed(buffer, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]  # stub: allow_pickle
    return buffer.getvalue()


def load_golden(file: Path) -> Golden:
    """Read stored codes. Raises DataError that says what the file lacks and how to make it again."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{file}: no golden codes here; write them with --update-golden") from None
    except OSError as error:
        raise DataError(f"{file}: golden codes cannot be read ({error.strerror})") from None
    try:
        return _parse(raw)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(
            f"{file}: not usable as golden codes ({error}); write them again with --update-golden"
        ) from None


def _parse(raw: bytes) -> Golden:
    """Read the bytes of an .npz; whatever is wrong with them raises one of the errors that `load_golden` words."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        meta = json.loads(str(archive["meta"]))
        if meta.get("schema") != SCHEMA:
            raise ValueError(f"schema {meta.get('schema')!r}, this reads {SCHEMA!r}")
        codes = {name: FxArray(archive[_PREFIX + name], spelling) for name, spelling in meta["formats"].items()}
    return Golden(_identity(meta), codes)


def _identity(meta: Mapping[str, Any]) -> Identity:
    texts = {key: str(meta[key]) for key in ("network", "accelerator", "dataset", "model", "numerics", "inputs")}
    return Identity(count=int(meta["count"]), **texts)


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
