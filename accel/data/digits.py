"""The built-in digits: 1797 real handwritten digits of 8x8 pixels (Alpaydin and Kaynak 1998, UCI, CC BY 4.0).

`digits.npz` beside this file holds them as the integers 0..16 they were published as; `digits.txt` says where
they are from and how the file was made. The split is by position: the first 797 train, the last 1000 test.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accel.errors import DataError

FILE = Path(__file__).with_name("digits.npz")
SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"
TRAIN_COUNT = 797
WHITE = 16
SOURCE = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, "
    "1998, doi:10.24432/C50P49, CC BY 4.0"
)


def read(split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images (N, 8, 8) of 0..16 and labels (N,) of one split.

    Raises DataError when the vendored file is missing or altered.
    """
    try:
        raw = FILE.read_bytes()
        if hashlib.sha256(raw).hexdigest() != SHA256:
            raise DataError(f"{FILE}: sha256 mismatch, the vendored digits were altered; reinstall the package")
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{FILE}: the vendored digits cannot be read ({error}); reinstall the package") from None
    part = slice(None, TRAIN_COUNT) if split == "train" else slice(TRAIN_COUNT, None)
    return images[part], labels[part]
