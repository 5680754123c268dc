"""The one place for Numba options.

Every kernel is compiled on first use and kept on disk (`kernels.cache`). No fastmath (there are no floats but the exact
ones of `kernels.vector_encode`), no parallel loops (threads run whole batches, see `accel.runner`), the GIL released.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numba.core.config
from numba.core.runtime import rtsys
from numba.extending import register_jitable

from kernels.cache import CACHE_FOLDER

F = TypeVar("F", bound=Callable[..., Any])


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


def shared(function: F) -> F:
    """Compile a function into the kernels that call it, and let Python, which calls it too, run it as it stands.

    An `inline` function that Python calls is compiled in every process anew, because it is not kept on disk, and one
    such compilation makes all of Numba's compiler ready first: more than loading all kernels of a run.
    """
    plain: F = register_jitable(nogil=True)(function)
    return plain
