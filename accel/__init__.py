"""bitcycle: one description of a machine decides the bits and the cycles of a neural network on it.

Names are loaded on first use, so that `import accel` and the command line start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accel.accelerator import Accelerator
    from accel.config import load_accelerator
    from accel.errors import AccelError
    from accel.estimator import estimate
    from accel.network.weights import load_model as load_network
    from accel.numeric.array import FxArray
    from accel.numeric.cast import quantize, requantize
    from accel.numeric.format import QFormat
    from accel.numeric.random import Lfsr
    from accel.runner import run
    from kernels.modes import Overflow, Rounding

__version__ = "0.1.0"

_HOMES = {
    "Accelerator": ("accel.accelerator", "Accelerator"),
    "AccelError": ("accel.errors", "AccelError"),
    "FxArray": ("accel.numeric.array", "FxArray"),
    "Lfsr": ("accel.numeric.random", "Lfsr"),
    "Overflow": ("kernels.modes", "Overflow"),
    "QFormat": ("accel.numeric.format", "QFormat"),
    "Rounding": ("kernels.modes", "Rounding"),
    "estimate": ("accel.estimator", "estimate"),
    "load_accelerator": ("accel.config", "load_accelerator"),
    "load_network": ("accel.network.weights", "load_model"),
    "quantize": ("accel.numeric.cast", "quantize"),
    "requantize": ("accel.numeric.cast", "requantize"),
    "run": ("accel.runner", "run"),
}

__all__ = [
    "AccelError",
    "Accelerator",
    "FxArray",
    "Lfsr",
    "Overflow",
    "QFormat",
    "Rounding",
    "estimate",
    "load_accelerator",
    "load_network",
    "quantize",
    "requantize",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'accel' has no attribute '{name}'")
    module, attribute = _HOMES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
