"""Where every key of a TOML document stands: a scan for keys only, of text that `tomllib` has already accepted.

Because the text is known to be valid, the scan needs no error handling: it follows tables, dotted and quoted keys,
inline tables and arrays, and skips values. Grammar: https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import NamedTuple

KeyPath = tuple[str, ...]
"""Keys from the document's root: ("numerics", "layers", "C1", "weight"); positions in arrays count "0", "1", ..."""

_TOKEN = re.compile(
    r"""
    (?P<skip>\#[^\n]*|[\t\r\ ]+)
    | (?P<text>\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|"(?:\\.|[^"\\])*"|'[^']*')
    | (?P<mark>[\[\]{},=.\n])
    | (?P<bare>[^\s\[\]{},=.\#"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def key_lines(document: str) -> dict[KeyPath, int]:
    """Return the line (from 1) on which every key and table of a valid TOML document first stands."""
    return _Scanner(document.replace("\r\n", "\n")).scan()


class _Scanner:
    """One pass over the tokens; `lines` grows as keys are met."""

    def __init__(self, document: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.tokens: list[_Token] = []
        self.next = 0
        line = 1
        for match in _TOKEN.finditer(document):
            if match.lastgroup != "skip":
                self.tokens.append(_Token(match.lastgroup or "", match[0], line))
            line += match[0].count("\n")

    def scan(self) -> dict[KeyPath, int]:
        """Walk the statements: table headers and key-value pairs, one a line."""
        table: KeyPath = ()
        elements: Counter[KeyPath] = Counter()
        while self.next < len(self.tokens):
            if self._skip("\n"):
                continue
            if self._skip("["):
                is_element = self._skip("[")
                table = self._key(())
                if is_element:
                    elements[table] += 1
                    table = (*table, str(elements[table] - 1))
                self.next += 2 if is_element else 1
            else:
                self._pair(table)
        return self.lines

    def _skip(self, mark: str) -> bool:
        found = self.next < len(self.tokens) and self.tokens[self.next][:2] == ("mark", mark)
        self.next += found
        return found

    def _key(self, table: KeyPath) -> KeyPath:
        """Read a dotted key and note where each of its parts stands."""
        path = table
        while True:
            token = self.tokens[self.next]
            self.next += 1
            part = tomllib.loads(f"key = {token.text}")["key"] if token.kind == "text" else token.text
            path = (*path, part)
            self.lines.setdefault(path, token.line)
            if not self._skip("."):
                return path

    def _pair(self, table: KeyPath) -> None:
        path = self._key(table)
        self._skip("=")
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        """Pass over one value, noting the keys of inline tables."""
        if self._skip("{"):
            while not self._skip("}"):
                if not self._skip(",") and not self._skip("\n"):
                    self._pair(path)
        elif self._skip("["):
            index = 0
            while not self._skip("]"):
                if not self._skip(",") and not self._skip("\n"):
                    self._value((*path, str(index)))
                    index += 1
        else:
            while self.next < len(self.tokens):
                token = self.tokens[self.next]
                if token.kind == "mark" and token.text != ".":
                    return
                self.next += 1
