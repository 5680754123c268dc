"""Integer kernels: the bits of the machine, compiled by Numba; imports numpy and numba only."""
