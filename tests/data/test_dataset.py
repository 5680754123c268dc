"""`Dataset` and `load`: what a record holds and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accel.data import mnist
from accel.data.dataset import Dataset, load
from accel.errors import ConfigError, DataError
from tests.data.files import small_arrays, table, write


def test_limit_takes_the_first() -> None:
    """A limit is a prefix of the set; one beyond its size is the whole set."""
    whole, some = load("digits"), load("digits", limit=13)
    assert len(some) == 13
    assert np.array_equal(some.images, whole.images[:13])
    assert np.array_equal(some.labels, whole.labels[:13])
    assert len(load("digits", limit=5000)) == 1000


def test_a_folder_is_a_data_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A path, given as text or Path, is read as MNIST files and scaled by 255."""
    arrays = small_arrays()
    write(tmp_path / "mnist", arrays, compressed=True)
    read = mnist.read
    monkeypatch.setattr(mnist, "read", lambda folder, split: read(folder, split, table(arrays)))
    for place in (tmp_path, str(tmp_path / "mnist")):
        dataset = load(place, "train")
        assert dataset.name == "mnist"
        assert np.array_equal(np.rint(dataset.images * 255), arrays["train-images-idx3-ubyte"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("digit",), DataError, "'digit' is neither a data set nor a folder.* Did you mean 'digits'"),
        (("digits", "tset"), ConfigError, "'tset' is not a split. Did you mean 'test'"),
        (("digits", "test", 0), ConfigError, "limit 0: .* use 1 or more"),
        ((__file__,), DataError, r"test_dataset\.py is not a folder"),
    ],
)
def test_load_refuses(arguments: tuple[object, ...], error: type[Exception], message: str) -> None:
    """Wrong names, splits, limits and paths are each answered with the way out."""
    with pytest.raises(error, match=message):
        load(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4)), np.zeros(2, int), "do not fit"),
        (np.zeros((2, 4, 4)), np.zeros(3, int), "do not fit"),
        (np.full((1, 4, 4), 255.0), np.zeros(1, int), "outside 0..1; scale"),
        (np.full((1, 4, 4), np.nan), np.zeros(1, int), "outside 0..1"),
        (np.zeros((1, 4, 4)), np.array([-1]), "label -1 is negative"),
    ],
)
def test_dataset_refuses(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    """A record that holds nonsense cannot be made."""
    with pytest.raises(DataError, match=f"^mine: .*{message}"):
        Dataset("mine", images, labels)
