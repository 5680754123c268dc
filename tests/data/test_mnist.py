"""MNIST files: found, checked, downloaded; every refusal says what is wrong and how to mend it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from accel.data import mnist
from accel.data.dataset import load
from accel.errors import DataError
from tests.data.files import authentic_mnist, idx_bytes, small_arrays, table, write

ARRAYS = small_arrays()
TABLE = table(ARRAYS)
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_read_returns_the_files(tmp_path: Path, split: str, prefix: str, compressed: bool) -> None:
    """Plain and compressed files give the arrays they hold."""
    write(tmp_path, ARRAYS, compressed)
    images, labels = mnist.read(tmp_path, split, TABLE)
    assert np.array_equal(images, ARRAYS[f"{prefix}-images-idx3-ubyte"])
    assert np.array_equal(labels, ARRAYS[f"{prefix}-labels-idx1-ubyte"])


def test_read_knows_the_dotted_names(tmp_path: Path) -> None:
    """Archives that write a dot where the published name has a dash are read too."""
    write(tmp_path, ARRAYS)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(mnist.read(tmp_path, "test", TABLE)[0]) == 7


def test_all_missing_files_are_named_at_once(tmp_path: Path) -> None:
    """An empty folder is told of both files of the split."""
    with pytest.raises(DataError) as caught:
        mnist.read(tmp_path, "test")
    assert [IMAGES in caught.value.problems[0], LABELS in caught.value.problems[1]] == [True, True]


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_file_is_measured(tmp_path: Path, compressed: bool) -> None:
    """A file cut short says how much of it is there."""
    write(tmp_path, ARRAYS, compressed)
    path = tmp_path / (f"{IMAGES}.gz" if compressed else IMAGES)
    path.write_bytes(path.read_bytes()[:100])
    big = {**TABLE, "test": TABLE["test"]._replace(images=TABLE["test"].images._replace(size_bytes=7_840_016))}
    with pytest.raises(DataError, match=r"t10k-images sha256 mismatch \(truncated\? 0\.0 of 7\.8 MB\)"):
        mnist.read(tmp_path, "test", big)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file of the right size with other contents does not pass."""
    write(tmp_path, ARRAYS)
    (tmp_path / LABELS).write_bytes(idx_bytes(9 - ARRAYS[LABELS]))
    with pytest.raises(DataError, match=r"t10k-labels sha256 mismatch \(another file\?"):
        mnist.read(tmp_path, "test", TABLE)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({LABELS: np.zeros(6, np.uint8)}, "7 images but 6 labels"),
        ({LABELS: np.array([0, 1, 2, 10, 4, 5, 6], np.uint8)}, "label 10 at index 3 is not a digit"),
        ({IMAGES: ARRAYS[LABELS], LABELS: ARRAYS[IMAGES]}, "1 axes, labels 3.*swapped"),
    ],
)
def test_files_that_do_not_fit_together(tmp_path: Path, changed: dict[str, np.ndarray], message: str) -> None:
    """Counts, labels and axes are checked even when every checksum is right."""
    arrays = {**ARRAYS, **changed}
    write(tmp_path, arrays)
    with pytest.raises(DataError, match=message):
        mnist.read(tmp_path, "test", table(arrays))


def test_nothing_set_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without folder and mirror the error names both variables and the built-in set."""
    monkeypatch.delenv("ACCEL_DATA", raising=False)
    monkeypatch.delenv("ACCEL_MNIST_URL", raising=False)
    with pytest.raises(DataError, match=r"set ACCEL_DATA.*ACCEL_MNIST_URL.*'digits'"):
        load("mnist")


def test_accel_data_that_is_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wrong ACCEL_DATA is named as the culprit."""
    monkeypatch.setenv("ACCEL_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"gone \(named by ACCEL_DATA\) is not a folder"):
        load("mnist")


def test_locate_looks_into_the_subfolder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ACCEL_DATA may be the folder of the files, or hold it as `mnist`."""
    monkeypatch.setenv("ACCEL_DATA", str(tmp_path))
    assert mnist.locate() == tmp_path
    (tmp_path / "mnist").mkdir()
    assert mnist.locate() == tmp_path / "mnist"


def test_locate_fills_the_cache_from_the_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With only a mirror set, the user's cache folder is filled from it."""
    asked = []
    monkeypatch.delenv("ACCEL_DATA", raising=False)
    monkeypatch.setenv("ACCEL_MNIST_URL", "http://127.0.0.1/mnist")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mnist, "download", lambda folder, url: asked.append((folder, url)) or folder)
    assert mnist.locate() == tmp_path / "bitcycle" / "mnist"
    assert asked == [(tmp_path / "bitcycle" / "mnist", "http://127.0.0.1/mnist")]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine, and the folder it serves."""
    served = tmp_path / "served"
    write(served, ARRAYS, compressed=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", served
        server.shutdown()
        thread.join()


def test_download_brings_files_that_can_be_read(mirror: tuple[str, Path], tmp_path: Path) -> None:
    """All four files arrive, and nothing else is left in the folder."""
    folder = mnist.download(tmp_path / "deep" / "cache", mirror[0] + "/", TABLE)
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.gz" for name in ARRAYS)
    assert np.array_equal(mnist.read(folder, "train", TABLE)[1], ARRAYS["train-labels-idx1-ubyte"])


def test_download_fetches_only_what_is_missing(mirror: tuple[str, Path], tmp_path: Path) -> None:
    """A file that is there already is not asked for again."""
    write(tmp_path / "cache", {IMAGES: ARRAYS[IMAGES]})
    (mirror[1] / f"{IMAGES}.gz").unlink()
    mnist.download(tmp_path / "cache", mirror[0], TABLE)
    assert not (tmp_path / "cache" / f"{IMAGES}.gz").exists()
    assert len(mnist.read(tmp_path / "cache", "test", TABLE)[0]) == 7


@pytest.mark.parametrize("content", [gzip.compress(b"<html>moved</html>", mtime=0), b"<html>moved</html>", b""])
def test_download_keeps_only_what_is_proved(mirror: tuple[str, Path], tmp_path: Path, content: bytes) -> None:
    """A mirror that serves something else leaves no file behind."""
    (mirror[1] / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match="train-images sha256 mismatch"):
        mnist.download(tmp_path / "cache", mirror[0], TABLE)
    assert list((tmp_path / "cache").iterdir()) == []


def test_download_from_a_mirror_without_the_file(mirror: tuple[str, Path], tmp_path: Path) -> None:
    """An HTTP error is told with the address."""
    (mirror[1] / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: download failed \(HTTP Error 404"):
        mnist.download(tmp_path / "cache", mirror[0], TABLE)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/", "file:///etc", "127.0.0.1/mnist", ""])
def test_download_speaks_http_only(tmp_path: Path, address: str) -> None:
    """Other schemes are refused before anything is opened or made."""
    with pytest.raises(DataError, match=r"is not an http\(s\) address"):
        mnist.download(tmp_path / "cache", address, TABLE)
    assert not (tmp_path / "cache").exists()


def test_download_with_a_malformed_address(tmp_path: Path) -> None:
    """An address that no library can read is a DataError too."""
    with pytest.raises(DataError, match="download failed"):
        mnist.download(tmp_path / "cache", "http://[::", TABLE)


class TestAuthentic:
    """The published files, where ACCEL_DATA has them."""

    pytestmark = authentic_mnist

    def test_counts_are_the_published_ones(self) -> None:
        """60 000 and 10 000 images of 28 x 28 with the known number of each digit (LeCun's page and its mirrors)."""
        test, train = load("mnist", "test"), load("mnist", "train", limit=5)
        assert test.images.shape == (10_000, 28, 28)
        assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
        assert train.labels.tolist() == [5, 0, 4, 1, 9]
        assert (test.images.min(), test.images.max()) == (0.0, 1.0)

    def test_mean_pixel_is_the_published_one(self) -> None:
        """The training pixels' mean is 0.1307 and their deviation 0.3081, the constants every tutorial subtracts."""
        images = load("mnist", "train").images
        assert round(float(images.mean()), 4) == 0.1307
        assert round(float(images.std()), 4) == 0.3081
