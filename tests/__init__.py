"""Tests."""

import os

# As the command line has it, and for the processes that tests start: sums of one thread are the same on every run.
# Here and not in conftest.py, because it has to come before the first import of NumPy.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
