"""Threads within one operation, for inputs too few to give every thread some; bits do not depend on their number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from kernels.packed import ALONE, Workers


@cache
def workers(count: int) -> Workers:
    """Return `count` threads that share a matrix product or a convolution; they live as long as the process."""
    if count <= 1:
        return ALONE
    return Workers(count, ThreadPoolExecutor(count, thread_name_prefix="products").map)
