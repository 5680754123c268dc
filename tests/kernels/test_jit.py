"""What is compiled once is not compiled again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kernels.tile import tiles

RUN = """
import sys
from click.testing import CliRunner
from accel.cli import main
from numba.core import dispatcher
compiled = []
core = dispatcher._FunctionCompiler._compile_core
def counted(self, *args):
    compiled.append(self.py_func.__name__)
    return core(self, *args)
dispatcher._FunctionCompiler._compile_core = counted
for network in ("lenet5", "lenet5-relu"):
    outcome = CliRunner().invoke(main, ["run", network, "-n", "2", "--json", "-j", "1"])
    assert outcome.exit_code == 0, outcome.stderr
print(*sorted(set(compiled)))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_warm_run_compiles_nothing():
    """After one run the next process finds every function that it calls on disk, small ones that Python calls too."""
    found = [
        subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert found[1] == ""


def test_shared_functions_run_as_they_stand():
    """What kernels inline and Python calls is a plain function to Python."""
    assert not hasattr(tiles, "py_func")
    assert [tiles(extent, 4) for extent in range(10)] == [0, 1, 1, 1, 1, 2, 2, 2, 2, 3]
