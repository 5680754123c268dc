"""Packages that a sweep can use and does not need: loaded when they are wanted, with one clear error."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from accel.errors import ToolError


def optional(module: str, purpose: str, remedy: str) -> Any:
    """Return a module of an optional package. Raises ToolError that says what wants it and how to get it."""
    try:
        return import_module(module)
    except ImportError:
        raise ToolError(f"{purpose} wants {module.partition('.')[0]}: {remedy}") from None
