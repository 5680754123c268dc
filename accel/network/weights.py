"""Weights on disk: float32 tensors called "node/tensor" in one .npz, and beside it a .json saying where they are from.

`weights/` holds trained ones as <network>.<set>.npz; the .json has the command, seed, recipe, accuracy and the SHA-256
of the .npz, which is checked on loading. Files are written whole or not at all. The surprise: an .npz written twice
from the same values has the same bytes, because NumPy stamps its archive members with a fixed date.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accel.errors import ModelError, suggestion
from accel.files import write_file
from accel.network.graph import Model, Network, Parameters
from accel.network.initial import initial_parameters
from accel.network.zoo import build

FOLDER = Path(__file__).with_name("weights")
SETS = ("digits", "mnist")
ZIP_MAGIC = b"PK"
SEEDED = "seeded"
SEED = 1
"""What "seeded" weights are drawn from."""


def load_model(name: str, weights: str | Path | None = None) -> Model:
    """Return the network `name` of the zoo with values laid over it.

    weights: "digits" or "mnist" (trained on that set), "seeded" (untrained), a path to an .npz, or None for "digits"
    where they exist and "seeded" for networks too large to ship. The provenance says which.
    Raises ModelError when the network is unknown or the weights are missing, corrupt or of another network.
    """
    network = build(name)
    if weights is None:
        weights = "digits" if trained_path(name, "digits").is_file() else SEEDED
    if weights == SEEDED:
        parameters = initial_parameters(network, SEED)
        return Model(network, parameters, {"network": name, "weights": SEEDED, "seed": SEED, "trained": False})
    path = Path(weights)
    if weights in SETS:
        path = trained_path(name, str(weights))
        if not path.is_file():
            raise ModelError(
                f"{name} has no trained weights for {weights}; use weights '{SEEDED}' or a path to an .npz"
            )
    elif path.suffix != ".npz":
        raise ModelError(
            f"weights '{weights}' are neither a set nor an .npz file.{suggestion(str(weights), (*SETS, SEEDED))}"
        )
    provenance = _provenance(path)
    raw = _read(path)
    if provenance.get("sha256", _sha256(raw)) != _sha256(raw):
        raise ModelError(f"{path}: sha256 mismatch with {path.with_suffix('.json').name}; restore both or train again")
    return Model(network, _parameters(raw, path, network), {"weights": path.name, "sha256": _sha256(raw), **provenance})


def trained_path(name: str, dataset: str) -> Path:
    """Return where the trained weights of a network and data set are kept."""
    return FOLDER / f"{name}.{dataset}.npz"


def load_parameters(path: Path, network: Network) -> Parameters:
    """Return the values in an .npz, as float64.

    Raises ModelError (all problems at once) when it cannot be read or does not hold exactly this network's tensors.
    """
    return _parameters(_read(path), path, network)


def save_parameters(path: Path, parameters: Parameters) -> str:
    """Write the values, rounded to float32, as an .npz and return its SHA-256.

    Raises ModelError when a value is not finite in float32, ConfigError when the file cannot be written.
    """
    tensors = {
        f"{node}/{name}": _float32(values, f"{path}: {node}/{name}")
        for node, named in parameters.items()
        for name, values in named.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **tensors)  # type: ignore[arg-type]  # the stub takes allow_pickle for one of them
    write_file(path, buffer.getvalue())
    return _sha256(buffer.getvalue())


def save_model(path: Path, model: Model) -> Mapping[str, object]:
    """Write the values as `path` (.npz) and the provenance, completed with their checksum, as .json beside it.

    Raises what `save_parameters` raises.
    """
    provenance = {**model.provenance, "sha256": save_parameters(path, model.parameters)}
    write_file(path.with_suffix(".json"), (json.dumps(provenance, indent=1) + "\n").encode())
    return provenance


def digest(parameters: Parameters) -> str:
    """Return the SHA-256 of names, shapes and float64 values, whatever file they came from."""
    summary = hashlib.sha256()
    for node in sorted(parameters):
        for name in sorted(parameters[node]):
            values = np.ascontiguousarray(parameters[node][name], dtype="<f8")
            summary.update(f"{node}/{name}{values.shape}".encode())
            summary.update(values.data)
    return summary.hexdigest()


def rounded(parameters: Parameters) -> Parameters:
    """Return the float32-rounded values, as float64: what a saved file gives back."""
    return {
        node: {name: _float32(values, f"{node}/{name}").astype(np.float64) for name, values in named.items()}
        for node, named in parameters.items()
    }


def _float32(values: NDArray[np.float64], where: str) -> NDArray[np.float32]:
    """Round to float32. Raises ModelError when that is not finite."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise ModelError(f"{where}: {np.count_nonzero(~np.isfinite(narrow))} values are NaN or infinite; not saved")
    return narrow


def _parameters(raw: bytes, path: Path, network: Network) -> Parameters:
    """Read the tensors of `network` from the bytes of an .npz."""
    if not raw.startswith(ZIP_MAGIC):  # NumPy would try .npy and pickle next
        start = raw[:4].hex(" ") or "nothing"
        raise ModelError(f"{path}: not a readable .npz (starts with {start}); restore the file or train again")
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            found = {key: archive[key] for key in archive.files}
    except Exception as error:  # a damaged archive fails in a dozen ways, down to Python's tokenizer
        raise ModelError(f"{path}: not a readable .npz ({error}); restore the file or train again") from None
    specs = {
        f"{node}/{name}": spec.shape
        for node, tensors in network.parameter_specs().items()
        for name, spec in tensors.items()
    }
    problems = [f"{path}: tensor '{key}' {specs[key]} is missing" for key in specs if key not in found]
    problems += [f"{path}: unexpected tensor '{key}' {found[key].shape}" for key in found if key not in specs]
    for key in specs.keys() & found.keys():
        problem = _problem(found[key], specs[key])
        if problem:
            problems.append(f"{path}: tensor '{key}' {problem}")
    if problems:
        raise ModelError([*sorted(problems), f"are these weights of another network? {network.name} was expected"])
    return {
        node: {name: found[f"{node}/{name}"].astype(np.float64) for name in tensors}
        for node, tensors in network.parameter_specs().items()
    }


def _problem(values: NDArray[np.generic], shape: tuple[int, ...]) -> str:
    """Say what is wrong with one tensor, "" if nothing is."""
    if values.dtype.kind != "f":
        return f"holds {values.dtype}, expected floating point"
    if values.shape != shape:
        return f"has shape {values.shape}, expected {shape}"
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        return f"holds {len(bad)} NaN or infinite values, first at {tuple(bad[0].tolist())}"
    return ""


def _provenance(path: Path) -> Mapping[str, object]:
    """Return what the .json beside an .npz says, nothing when there is none."""
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        document = json.loads(beside.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{beside}: cannot be read ({error}); restore it or remove it") from None
    if not isinstance(document, dict):
        raise ModelError(f"{beside}: expected a JSON object, found {type(document).__name__}; restore it or remove it")
    return document


def _read(path: Path) -> bytes:
    """Return the bytes of a file. Raises ModelError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: weights cannot be read ({error.strerror}); check the path or train them") from None


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
