"""IDX files: the format of the MNIST distribution (LeCun, Cortes, Burges), plain or gzip-compressed.

Two zero bytes, one byte of element type (8: unsigned byte, the only one read here), one byte with the number of
axes, each extent as a big-endian 32-bit integer, then the elements in row-major order. The surprise: a gzip file
cut short is not refused by `uncompressed`, so that a checksum can tell how much of the file is there.
"""

from __future__ import annotations

import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accel.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 8


def uncompressed(path: Path) -> bytes:
    """Return the contents of a plain or gzip file; of a gzip file cut short, what could be restored.

    Raises DataError when the file cannot be opened or its gzip stream is damaged.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from None
    if not raw.startswith(GZIP_MAGIC):
        return raw
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(raw)  # | 16: gzip header and CRC
    except zlib.error as error:
        raise DataError(f"{path}: damaged gzip stream ({error}); fetch the file again") from None


def parse(raw: bytes, name: str) -> NDArray[np.uint8]:
    """Return the array held by the bytes of an uncompressed IDX file; `name` is for messages.

    Raises DataError on a wrong magic number, another element type, or more or fewer bytes than announced.
    """
    if len(raw) < 4 or raw[0] or raw[1]:
        start = raw[:4].hex(" ") or "nothing"
        raise DataError(f"{name}: not an IDX file (starts with {start}, expected 00 00 08); is it the right file?")
    kind, axes = raw[2], raw[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"{name}: IDX element type 0x{kind:02x} is not read; only 0x08 (unsigned byte) is")
    header_bytes = 4 + 4 * axes
    if len(raw) < header_bytes:
        raise DataError(f"{name}: truncated inside its header ({len(raw)} of {header_bytes} bytes); fetch it again")
    shape = struct.unpack(f">{axes}I", raw[4:header_bytes])
    expected_bytes = header_bytes + prod(shape)
    if len(raw) != expected_bytes:
        what = "truncated" if len(raw) < expected_bytes else "too long"
        extents = " x ".join(map(str, shape))
        raise DataError(
            f"{name}: {what}: {extents} elements take {expected_bytes} bytes, not {len(raw)}; fetch it again"
        )
    return np.frombuffer(raw, np.uint8, offset=header_bytes).reshape(shape)
