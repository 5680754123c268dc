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
from numba.core.runtime import rtsys

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
    _load_at_once(getattr(compiled, "_cache", None))
    return compiled


def _load_at_once(cache: Any) -> None:
    """Let a kept kernel be loaded without making Numba ready to compile, which is most of a warm start.

    Numba fills its tables of every function that it can compile (and imports SciPy where it is installed) before it
    looks into its cache; machine code needs none of them, only the allocator. A kernel that is not kept is compiled,
    and the compiler fills the tables by itself. Where Numba's insides have other names, it does as it likes.
    """
    if not hasattr(cache, "_load_overload") or not hasattr(cache, "_guard_against_spurious_io_errors"):
        return

    def load_overload(signature: Any, target: Any) -> Any:
        rtsys.initialize(target)
        with cache._guard_against_spurious_io_errors():
            return cache._load_overload(signature, target)

    cache.load_overload = load_overload


def inline(function: F) -> F:
    """Compile a function that only kernels call; it is compiled into each of them."""
    compiled: F = numba.njit(nogil=True)(function)
    return compiled


def is_warm() -> bool:
    """Tell whether some kernel has been compiled and kept before."""
    return any(CACHE_FOLDER.rglob("*.nbi"))
