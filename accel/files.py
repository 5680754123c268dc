"""Writing a file whole or not at all: beside its target first, then renamed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from accel.errors import ConfigError


def write_file(path: Path, content: bytes) -> None:
    """Write `content` as `path`, making its folder. Raises ConfigError when that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".accel-") as scratch:
            arriving = Path(scratch) / "arriving"
            arriving.write_bytes(content)
            arriving.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
