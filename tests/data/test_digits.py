"""The vendored digits are the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from accel.data import digits
from accel.data.dataset import load
from accel.errors import DataError


def test_every_pixel_and_label_is_that_of_scikit_learn() -> None:
    """Train and test together are scikit-learn's copy of the UCI file, in its order."""
    published = load_digits()
    parts = [digits.read(split) for split in ("train", "test")]
    assert [len(labels) for _, labels in parts] == [797, 1000]
    assert np.array_equal(np.concatenate([images for images, _ in parts]), published.images)
    assert np.array_equal(np.concatenate([labels for _, labels in parts]), published.target)


def test_load_scales_to_one() -> None:
    """16, the largest published value, becomes 1 exactly."""
    dataset = load("digits")
    assert np.array_equal(dataset.images * 16, digits.read("test")[0])
    assert dataset.images.max() == 1


def test_the_provenance_beside_the_file_agrees() -> None:
    """The text that travels with the file names its checksum and licence."""
    text = Path(digits.FILE).with_suffix(".txt").read_text(encoding="utf-8")
    assert digits.SHA256 in text
    assert "CC BY 4.0" in text


def test_altered_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One changed byte is noticed."""
    raw = bytearray(digits.FILE.read_bytes())
    raw[1000] ^= 1
    monkeypatch.setattr(digits, "FILE", tmp_path / "digits.npz")
    digits.FILE.write_bytes(raw)
    with pytest.raises(DataError, match=r"digits\.npz: sha256 mismatch.*reinstall"):
        load("digits")


def test_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package without its digits says so."""
    monkeypatch.setattr(digits, "FILE", tmp_path / "digits.npz")
    with pytest.raises(DataError, match=r"digits\.npz: the vendored digits cannot be read.*reinstall"):
        load("digits")
