"""Small data files for tests, written here and by nothing of ours, and the mark for tests on the authentic ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from accel.data.mnist import IdxFile, Pair

authentic_mnist = [
    pytest.mark.mnist,
    pytest.mark.skipif("ACCEL_DATA" not in os.environ, reason="ACCEL_DATA does not name the folder of the MNIST files"),
]


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """The IDX file of an array of unsigned bytes, as its format says."""
    header = bytes([0, 0, 8, array.ndim])
    return header + b"".join(struct.pack(">I", extent) for extent in array.shape) + array.tobytes()


def small_arrays(count: int = 7) -> dict[str, NDArray[np.uint8]]:
    """Images and labels under the names of the MNIST files."""
    generator = np.random.default_rng(count)
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split in ("train", "t10k"):
        arrays[f"{split}-images-idx3-ubyte"] = generator.integers(0, 256, (count, 5, 4), dtype=np.uint8)
        arrays[f"{split}-labels-idx1-ubyte"] = generator.integers(0, 10, count, dtype=np.uint8)
    return arrays


def table(arrays: Mapping[str, NDArray[np.uint8]]) -> Mapping[str, Pair]:
    """What `accel.data.mnist.FILES` would say of these arrays."""
    files = {
        name: IdxFile(name, hashlib.sha256(idx_bytes(array)).hexdigest(), len(idx_bytes(array)))
        for name, array in arrays.items()
    }
    return {
        split: Pair(files[f"{prefix}-images-idx3-ubyte"], files[f"{prefix}-labels-idx1-ubyte"])
        for split, prefix in (("train", "train"), ("test", "t10k"))
    }


def write(folder: Path, arrays: Mapping[str, NDArray[np.uint8]], compressed: bool = False) -> None:
    """Put the arrays into a folder as IDX or IDX.gz files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        raw = idx_bytes(array)
        (folder / (f"{name}.gz" if compressed else name)).write_bytes(gzip.compress(raw) if compressed else raw)
