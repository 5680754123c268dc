"""Memory between batches: arrays of a megabyte are made and dropped for every layer and batch."""

from __future__ import annotations

from functools import cache

import numpy as np

KEPT_BYTES = 31 << 20


@cache
def keep_blocks() -> None:
    """Have the C library keep blocks of up to KEPT_BYTES when arrays are dropped, once per process.

    By itself glibc gives blocks of a megabyte back to the system at once and gets them again for the next layer, page
    by page, and a forward pass spends much of its time on page faults. It raises the size from which it does so to that
    of the largest such block that was ever dropped, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD), so one is dropped
    here, untouched. Other C libraries take no notice.
    """
    np.empty(KEPT_BYTES, dtype=np.int8)
