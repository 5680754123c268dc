"""`Dataset`: labelled images with where they came from, and `load`, the one way to them by name or folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accel.data import digits, mnist
from accel.errors import ConfigError, DataError, suggestion

NAMES = ("digits", "mnist")
SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (N, H, W) in [0, 1] and labels (N,); `source` cites them, `digests`
    are SHA-256 of the files read.

    Raises DataError when counts differ, a pixel is outside [0, 1] or NaN, or a label is negative.
    """

    name: str
    images: NDArray[np.float64]
    labels: NDArray[np.int64]
    split: str = ""
    source: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"{self.name}: images {self.images.shape} and labels {self.labels.shape} do not fit; "
                "expected (N, H, W) and (N,)"
            )
        # NaN compares false with everything, so it fails this test too.
        if self.images.size and not (self.images.min() >= 0 and self.images.max() <= 1):
            raise DataError(f"{self.name}: pixels lie outside 0..1; scale the images (bytes: divide by 255)")
        if self.labels.size and self.labels.min() < 0:
            raise DataError(f"{self.name}: label {self.labels.min()} is negative; classes count from 0")

    def __len__(self) -> int:
        return len(self.labels)


def load(name_or_path: str | Path, split: str = "test", limit: int | None = None) -> Dataset:
    """Return the first `limit` examples of "digits" (built in), "mnist", or the MNIST files of a folder.

    Raises DataError when files are missing or altered, ConfigError for an unknown split or a limit below 1.
    """
    if split not in SPLITS:
        raise ConfigError(f"'{split}' is not a split.{suggestion(split, SPLITS)}")
    if limit is not None and limit < 1:
        raise ConfigError(f"limit {limit}: a data set has at least one example; use 1 or more, or leave it out")
    if str(name_or_path) == "digits":
        name, source, white = "digits", digits.SOURCE, digits.WHITE
        images, labels = digits.read(split)
        digests = {"digits": digits.SHA256}
    else:
        name, source, white = "mnist", mnist.SOURCE, mnist.WHITE
        images, labels = mnist.read(_folder(name_or_path), split)
        digests = {file.short_name: file.sha256 for file in mnist.FILES[split]}
    return Dataset(name, images[:limit] / white, labels[:limit].astype(np.int64), split, source, digests)


def _folder(name_or_path: str | Path) -> Path:
    """Return the folder meant by "mnist" or a path. Raises DataError for anything else."""
    if str(name_or_path) == "mnist":
        return mnist.locate()
    if not Path(name_or_path).exists():
        raise DataError(
            f"'{name_or_path}' is neither a data set nor a folder of IDX files.{suggestion(str(name_or_path), NAMES)}"
        )
    return mnist.inside(Path(name_or_path))
