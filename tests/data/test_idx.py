"""IDX files: what is read, and what is refused in words."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from accel.data.idx import parse, uncompressed
from accel.errors import DataError
from tests.data.files import idx_bytes

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@given(arrays.arrays(np.uint8, arrays.array_shapes(max_dims=4, max_side=5, min_side=0)))
def test_parse_returns_what_was_written(array: np.ndarray) -> None:
    """Every array of unsigned bytes comes back with its shape."""
    back = parse(idx_bytes(array), "x")
    assert back.shape == array.shape
    assert np.array_equal(back, array)


def test_plain_and_gzip_hold_the_same_bytes(tmp_path: Path) -> None:
    """Compression is seen from the contents, not from the name."""
    (tmp_path / "plain").write_bytes(idx_bytes(ARRAY))
    (tmp_path / "packed").write_bytes(gzip.compress(idx_bytes(ARRAY)))
    assert uncompressed(tmp_path / "plain") == uncompressed(tmp_path / "packed") == idx_bytes(ARRAY)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "starts with nothing"),
        (b"\x89PNG", "starts with 89 50 4e 47"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "element type 0x0d"),
        (idx_bytes(ARRAY)[:9], r"inside its header \(9 of 16 bytes\)"),
        (idx_bytes(ARRAY)[:-1], "truncated: 2 x 3 x 4 elements take 40 bytes, not 39"),
        (idx_bytes(ARRAY) + b"!", "too long: 2 x 3 x 4 elements take 40 bytes, not 41"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "truncated"),
    ],
)
def test_parse_refuses(raw: bytes, message: str) -> None:
    """Each way a file can be wrong is named, with the file."""
    with pytest.raises(DataError, match=f"^t10k-images: .*{message}"):
        parse(raw, "t10k-images")


@given(st.integers(1, 60))
def test_gzip_cut_short_gives_its_beginning(missing: int) -> None:
    """A gzip file that lost its end yields a prefix of the contents, for the checksum to judge."""
    import tempfile  # Hypothesis calls this many times within one tmp_path

    packed = gzip.compress(idx_bytes(ARRAY))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cut.gz"
        path.write_bytes(packed[: max(2, len(packed) - missing)])
        assert idx_bytes(ARRAY).startswith(uncompressed(path))


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    """A flipped bit inside the stream is a DataError that names the file."""
    packed = bytearray(gzip.compress(idx_bytes(ARRAY)))
    packed[-8] ^= 1  # the CRC
    (tmp_path / "x.gz").write_bytes(packed)
    with pytest.raises(DataError, match=r"x\.gz: damaged gzip stream"):
        uncompressed(tmp_path / "x.gz")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is a DataError that names it."""
    with pytest.raises(DataError, match=r"nowhere: cannot be read \(No such file"):
        uncompressed(tmp_path / "nowhere")
