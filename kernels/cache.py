"""Where compiled kernels, and whatever else takes long to make, are kept from one process to the next.

Kernels lie in a folder named after the contents of `kernels/*.py`: Numba itself would not notice that a function which
a kept kernel inlines has changed. Nothing here loads Numba.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def cache_root() -> Path:
    """Return the folder of all that is kept: NUMBA_CACHE_DIR where it is set, else `bitcycle` in the user's cache."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "bitcycle"


def _kernel_folder() -> Path:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    return cache_root() / f"kernels-{digest}"


CACHE_FOLDER = _kernel_folder()


def is_warm() -> bool:
    """Tell whether some kernel has been compiled and kept before."""
    return any(CACHE_FOLDER.rglob("*.nbi"))
