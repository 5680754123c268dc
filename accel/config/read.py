"""Finding and reading TOML files: built-in ones by name, any other by path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from accel.errors import ConfigError, suggestion

_SUFFIX = ".toml"


@dataclass(frozen=True)
class Shelf:
    """Where the built-in files of one kind lie, and how messages speak of them.

    package, folder: the import package, and the folder within it ("" for the package itself). kind: "accelerator".
    phrase: "an accelerator file". start: how to get a first file.
    """

    package: str
    folder: str
    kind: str
    phrase: str
    start: str

    def names(self) -> tuple[str, ...]:
        """Return the names of the built-in files, sorted."""
        files = (entry.name for entry in self._place().iterdir())
        return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)))

    def read(self, name_or_path: str | Path, folder: Path = Path()) -> tuple[str, str]:
        """Return how messages call the file, and its text; relative paths start at `folder`.

        Raises ConfigError when there is no such thing or no text.
        """
        name, known = str(name_or_path), self.names()
        if name in known:
            file = f"{name}{_SUFFIX}"
            return file, self._place().joinpath(file).read_text(encoding="utf-8")
        if not _is_path(name_or_path, folder):
            hint = suggestion(name, known).partition(" Known:")[0]  # the list follows in any case
            raise ConfigError(
                f"no {self.kind} '{name}'.{hint} Known: {', '.join(known)}; or give the path of a .toml file"
            )
        path = folder / name_or_path
        label = str(path) if folder.parts else name
        try:
            raw = path.read_bytes()
        except OSError as error:
            reasons = {
                FileNotFoundError: "no such file",
                IsADirectoryError: "a folder; give one of its .toml files",
            }
            raise ConfigError(f"{label}: {reasons.get(type(error), f'cannot be read ({error.strerror})')}") from None
        return label, self._text(label, raw)

    def parse(self, label: str, text: str) -> dict[str, Any]:
        """Return the document of a file that messages call `label`. Raises ConfigError for what is not TOML."""
        import tomllib

        try:
            return tomllib.loads(text)
        except RecursionError:
            raise ConfigError(f"{label}: nested too deeply for {self.phrase}") from None
        except ValueError as error:
            found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
            if found is None:
                raise ConfigError(f"{label}: not TOML: {error}") from None
            line = found[2] or str(text.rstrip().count("\n") + 1)
            column = f" at column {found[3]}" if found[3] else " at the end"
            raise ConfigError(f"{label}:{line}: not TOML: {found[1]}{column}") from None

    def _place(self) -> Any:
        return resources.files(self.package).joinpath(self.folder)

    def _text(self, label: str, raw: bytes) -> str:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise ConfigError(
                f"{label}:{line}: not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8"
            ) from None
        if not text.strip():
            raise ConfigError(f"{label}: empty; {self.start}")
        return text


def _is_path(name_or_path: str | Path, folder: Path) -> bool:
    """Tell a path from the name of a built-in file: it has a suffix or a separator, or there is such a file."""
    if isinstance(name_or_path, Path):
        return True
    if not name_or_path.isprintable() or not name_or_path:
        return False
    path = Path(name_or_path)
    return bool(path.suffix) or path.name != name_or_path or (folder / path).exists()
