"""`accel doctor`: what it finds, on the screen and as JSON, without touching the network."""

import subprocess
import sys

import numba
import pytest

from accel import doctor
from kernels.amx import has_amx


def test_findings_are_shown_and_emitted(accel, monkeypatch):
    """Versions, processor, cache and data sets are in both forms."""
    for variable in ("ACCEL_DATA", "ACCEL_MNIST_URL", "ACCEL_ENGINE"):
        monkeypatch.delenv(variable, raising=False)
    found = accel("doctor --json").json
    assert found["schema"] == "bitcycle-doctor-1"
    assert found["versions"]["numpy"]
    assert found["cpu"]["threads"] >= 1
    assert found["cpu"]["engine"] in {"amx", "vnni", "tile"}
    assert set(found["kernels"]) == {"cache", "warm", "writable"}
    assert found["datasets"]["mnist"].startswith("not found: ")
    shown = accel("doctor").out
    for label in (
        "python",
        "numba",
        "processor",
        "matrix products",
        "kernels",
        "kernel cache",
        "data set digits",
        "data set mnist",
    ):
        assert f"\n{label} " in f"\n{shown}"


def test_a_forced_engine_is_named(accel, monkeypatch):
    """ACCEL_ENGINE is told, and told apart from what does not exist."""
    monkeypatch.setenv("ACCEL_ENGINE", "blas")
    assert accel("doctor --json").json["cpu"]["engine"] == "blas (ACCEL_ENGINE)"
    monkeypatch.setenv("ACCEL_ENGINE", "fast")
    assert accel("doctor --json").json["cpu"]["engine"].startswith("none: ACCEL_ENGINE=fast is not an engine")


def test_looking_does_not_download(accel, monkeypatch):
    """With a mirror named, the doctor says so and fetches nothing."""
    monkeypatch.delenv("ACCEL_DATA", raising=False)
    monkeypatch.setenv("ACCEL_MNIST_URL", "https://mirror.invalid/mnist")
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: pytest.fail("the network was used"))
    assert "https://mirror.invalid/mnist on first use" in accel("doctor --json").json["datasets"]["mnist"]


def test_what_is_missing_is_said():
    """A package that is not installed, a cold and an unwritable cache have lines of their own."""
    found = doctor.examine()
    found["versions"]["rich"] = None
    found["kernels"] |= {"warm": False, "writable": False, "warmed_in_s": 2.5}
    lines = list(doctor.facts(found))
    assert ("rich", "not installed") in lines
    assert ("kernels", "not compiled yet: the first run does it, or `accel doctor --warm`") in lines
    assert any("set NUMBA_CACHE_DIR" in text for _, text in lines)
    assert ("", "warmed in 2.5 s") in lines


def test_warming_runs_every_listed_machine(accel, monkeypatch):
    """--warm makes each of its runs (faked here) with machines that load, and says how long it took."""
    made = []
    monkeypatch.setattr(
        "accel.runner.run", lambda model, machine, inputs, ledger: made.append((machine.name, len(inputs)))
    )
    outcome = accel("doctor --warm --json")
    assert outcome.errors == ["compiling all kernels ..."]
    assert outcome.json["kernels"]["warmed_in_s"] >= 0
    assert made == [(name, 2) for name, _ in doctor.WARM_MACHINES]


UNREACHED = {"matmul_replay", "conv2d_replay", "draw_rows"}
"""Kernels that step single outputs (which ones that takes depends on the values of a run), and draws of an update by
themselves, which a training step makes inside its own kernel."""


@pytest.mark.slow
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_warming_compiles_every_kernel_that_a_run_can_reach():
    """After warming each kernel has a compiled signature."""
    code = (
        "import importlib, pkgutil, kernels\nfrom accel.doctor import warm_up\nwarm_up()\n"
        "for module in pkgutil.iter_modules(kernels.__path__):\n"
        "    for name, function in vars(importlib.import_module(f'kernels.{module.name}')).items():\n"
        "        cached = getattr(getattr(function, '_cache', None), 'cache_path', None)\n"
        "        if cached and not function.signatures:\n            print(name)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(found.split()) == UNREACHED | (set() if has_amx() else {"gemm_limbs", "pack_limbs"})
