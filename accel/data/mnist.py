"""MNIST (LeCun, Cortes, Burges 1998): four IDX files in a folder, each held against its SHA-256.

The checksums are of the uncompressed files, so a plain and a gzip copy are equally good. Nothing is fetched unless
the user names a mirror: the folder comes from ACCEL_DATA (it, or its subfolder `mnist`), a mirror from
ACCEL_MNIST_URL.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accel.data.idx import parse, uncompressed
from accel.errors import DataError

SOURCE = (
    "MNIST, as in Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86(11), 1998"
)
WHITE = 255
CLASSES = 10
TIMEOUT_SECONDS = 30


class IdxFile(NamedTuple):
    """One file of the distribution: `name` as published, checksum and size of its uncompressed contents."""

    name: str
    sha256: str
    size_bytes: int

    @property
    def short_name(self) -> str:
        """The name without its format ending, as messages say it."""
        return self.name.split("-idx")[0]


class Pair(NamedTuple):
    """Images and labels of one split."""

    images: IdxFile
    labels: IdxFile


FILES: Mapping[str, Pair] = {
    "train": Pair(
        IdxFile(
            "train-images-idx3-ubyte",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            47_040_016,
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            60_008,
        ),
    ),
    "test": Pair(
        IdxFile(
            "t10k-images-idx3-ubyte",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            7_840_016,
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            10_008,
        ),
    ),
}


def read(folder: Path, split: str, files: Mapping[str, Pair] = FILES) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (N, H, W) and labels (N,) of one split from the IDX or IDX.gz files in `folder`.

    Raises DataError (both files' problems at once) when one is missing, is not the published file, or when
    counts or labels do not fit together.
    """
    arrays: list[NDArray[np.uint8]] = []
    problems: list[str] = []
    for file in files[split]:
        try:
            arrays.append(parse(_checked(_find(folder, file), file), file.short_name))
        except DataError as error:
            problems.extend(error.problems)
    if problems:
        raise DataError(problems)
    images, labels = arrays
    name = files[split].images.short_name
    if images.ndim != 3 or labels.ndim != 1:
        raise DataError(f"{name}: {images.ndim} axes, labels {labels.ndim}; expected 3 and 1: are the files swapped?")
    if len(images) != len(labels):
        raise DataError(f"{name}: {len(images)} images but {len(labels)} labels; the two files do not belong together")
    if labels.size and labels.max() >= CLASSES:
        at = int(np.argmax(labels >= CLASSES))
        raise DataError(f"{files[split].labels.short_name}: label {labels[at]} at index {at} is not a digit 0..9")
    return images, labels


def locate() -> Path:
    """Return the folder of the files: ACCEL_DATA (or its `mnist`), else the cache filled from ACCEL_MNIST_URL.

    Raises DataError when neither variable is set, ACCEL_DATA is not a folder, or the download fails.
    """
    root, mirror = os.environ.get("ACCEL_DATA"), os.environ.get("ACCEL_MNIST_URL")
    if root:
        return inside(Path(root), "ACCEL_DATA")
    if mirror:
        return download(_cache(), mirror)
    raise DataError(
        "MNIST is not part of this package: set ACCEL_DATA to the folder of its IDX files, pass that folder as "
        "the data set, or set ACCEL_MNIST_URL to a mirror to download from; the built-in set is 'digits'"
    )


def inside(folder: Path, named_by: str = "") -> Path:
    """Return `folder`, or its subfolder `mnist` when there is one. Raises DataError if it is no folder."""
    if not folder.is_dir():
        by = f" (named by {named_by})" if named_by else ""
        raise DataError(f"{folder}{by} is not a folder; set ACCEL_DATA to, or pass, the folder of the MNIST IDX files")
    return folder / "mnist" if (folder / "mnist").is_dir() else folder


def download(folder: Path, base_url: str, files: Mapping[str, Pair] = FILES) -> Path:
    """Fetch what `folder` lacks as base_url/NAME.gz and return the folder.

    A file is written beside its place and renamed once its checksum is proved, so nothing is left half-written.
    Raises DataError on a bad address, a failed transfer or a wrong checksum.
    """
    if not base_url.startswith(("https://", "http://")):
        raise DataError(f"ACCEL_MNIST_URL: {base_url!r} is not an http(s) address; use one like https://HOST/mnist")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}); set ACCEL_DATA to a writable folder") from None
    for file in (file for pair in files.values() for file in pair):
        if not any(path.is_file() for path in _candidates(folder, file)):
            _fetch(f"{base_url.rstrip('/')}/{file.name}.gz", folder / f"{file.name}.gz", file)
    return folder


def _fetch(url: str, target: Path, file: IdxFile) -> None:
    """Put the file at `url` in its place if it is the published one."""
    import urllib.request  # slow to import, and only a download needs them
    from http.client import HTTPException

    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        arriving = Path(scratch) / target.name
        try:
            with (
                urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response,  # noqa: S310 - http(s) only
                arriving.open("wb") as sink,
            ):
                shutil.copyfileobj(response, sink)
        except (OSError, HTTPException, ValueError) as error:  # URLError is an OSError
            raise DataError(f"{url}: download failed ({error}); check the network and ACCEL_MNIST_URL") from None
        _checked(arriving, file)
        arriving.replace(target)


def _checked(path: Path, file: IdxFile) -> bytes:
    """Return the uncompressed contents. Raises DataError unless they are the published ones."""
    raw = uncompressed(path)
    if hashlib.sha256(raw).hexdigest() != file.sha256:
        sizes = f"{len(raw) / 1e6:.1f} of {file.size_bytes / 1e6:.1f} MB"
        hint = f"truncated? {sizes}" if len(raw) < file.size_bytes else f"another file? {sizes}"
        raise DataError(f"{file.short_name} sha256 mismatch ({hint}): {path}; fetch the file again")
    return raw


def _find(folder: Path, file: IdxFile) -> Path:
    """Return the file's path under any of its customary names."""
    for path in _candidates(folder, file):
        if path.is_file():
            return path
    raise DataError(f"{folder}: {file.name} (or {file.name}.gz) is missing; the folder must hold all MNIST IDX files")


def _candidates(folder: Path, file: IdxFile) -> tuple[Path, ...]:
    """The published name, and that of some archives ("t10k-images.idx3-ubyte"), each plain or compressed."""
    dotted = file.name.replace("-idx", ".idx")
    return tuple(folder / name for base in (file.name, dotted) for name in (base, f"{base}.gz"))


def _cache() -> Path:
    """Where downloads stay between runs (XDG base directories)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bitcycle" / "mnist"
