"""The one place for Numba options.

Every kernel is compiled on first use and kept on disk in a folder named after the contents of `kernels/*.py`: Numba
itself would not notice that a function which a cached kernel inlines has changed. No fastmath (there are no floats),
no parallel loops (threads run whole batches, see `accel.runner`), the GIL released.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numba.core.config

F = TypeVar("F", bound=Callable[..., Any])


def _cache_folder() -> Path:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    root = (
        os.environ.get("NUMBA_CACHE_DIR")
        or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "bitcycle"
    )
    return Path(root) / f"kernels-{digest}"


CACHE_FOLDER = _cache_folder()


def kernel(function: F) -> F:
    """Compile a kernel: nopython, cached on disk, GIL released."""
    before = numba.core.config.CACHE_DIR
    numba.core.config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        compiled: F = numba.njit(cache=True, nogil=True)(function)
    finally:
        numba.core.config.CACHE_DIR = before
    return compiled


def inline(function: F) -> F:
    """Compile a function that only kernels call; it is compiled into each of them."""
    compiled: F = numba.njit(nogil=True)(function)
    return compiled


def is_warm() -> bool:
    """Tell whether some kernel has been compiled and kept before."""
    return any(CACHE_FOLDER.rglob("*.nbi"))
