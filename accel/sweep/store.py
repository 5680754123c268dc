"""The store of a sweep: one SQLite file in its directory, one row a finished point, written by the parent only.

Every result is one transaction in write-ahead mode, so whatever stops the process, rows are there whole or not at all.
The file is locked while a sweep runs. Bits are kept by their own key, so that a sweep that goes on reuses them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from accel.errors import ConfigError
from accel.sweep.measure import DONE, Figures, Row

FILE = "sweep.sqlite"
VERSION = 1
"""Of the tables; kept in the file as SQLite's user_version."""

_APPLICATION = 0x62637377
"""SQLite's application_id of our stores: "bcsw"."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE points (
    hash TEXT PRIMARY KEY, status TEXT NOT NULL, figures TEXT NOT NULL, error TEXT NOT NULL, bits_key TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE bits (key TEXT PRIMARY KEY, figures TEXT NOT NULL) WITHOUT ROWID;
"""
_CHUNK = 500


class Store:
    """An open store; use it as a context. Raises ConfigError for everything that a disk or a file can refuse."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        with self._refusals():
            self._made = sqlite3.connect(self.path, isolation_level=None, timeout=0.2)
        try:
            with self._refusals():
                self._open()
        except ConfigError:
            self._made.close()
            raise

    def _open(self) -> None:
        self._made.execute("PRAGMA locking_mode = EXCLUSIVE")
        found = self._made.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application = self._made.execute("PRAGMA application_id").fetchone()[0]
        version = self._made.execute("PRAGMA user_version").fetchone()[0]
        if found and application != _APPLICATION:
            raise ConfigError(f"{self.path}: a database of something else; choose another directory with -o")
        if found and version != VERSION:
            raise ConfigError(
                f"{self.path}: a store of version {version}, this is version {VERSION}; go on with the bitcycle that "
                "made it, or start anew in another directory with -o"
            )
        self._made.execute("PRAGMA journal_mode = WAL")
        self._made.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            if not found:
                for statement in _TABLES.split(";"):
                    self._made.execute(statement)
                self._made.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._made.execute(f"PRAGMA user_version = {VERSION}")
            # A write takes the lock now, so that a second sweep in this directory is refused at once.
            self._made.execute("INSERT OR REPLACE INTO meta VALUES ('opened', '1')")

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was added is there."""
        self._made.close()

    def add(self, rows: Iterable[Row], bits: Mapping[str, Figures] | None = None) -> None:
        """Add finished points and computed bits in one transaction."""
        with self._refusals(), self._transaction():
            self._made.executemany(
                "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)",
                ((row.hash, row.status, json.dumps(row.figures), row.error, row.bits_key) for row in rows),
            )
            self._made.executemany(
                "INSERT OR REPLACE INTO bits VALUES (?, ?)",
                ((key, json.dumps(figures)) for key, figures in (bits or {}).items()),
            )

    def rows(self, hashes: Iterable[str]) -> dict[str, Row]:
        """Return the finished points among `hashes`, by hash."""
        wanted = set(hashes)
        with self._refusals():
            if len(wanted) <= _CHUNK:
                marks = ", ".join("?" * len(wanted))
                found = self._made.execute(f"SELECT * FROM points WHERE hash IN ({marks})", tuple(wanted))  # noqa: S608
            else:
                found = self._made.execute("SELECT * FROM points")
            return {
                row[0]: Row(row[0], row[1], json.loads(row[2]), row[3], row[4]) for row in found if row[0] in wanted
            }

    def bits(self) -> dict[str, Figures]:
        """Return the figures of all bits that were ever computed here, by key."""
        with self._refusals():
            return {key: json.loads(text) for key, text in self._made.execute("SELECT * FROM bits")}

    def meta(self, key: str) -> str | None:
        """Return what is noted under `key`."""
        with self._refusals():
            found = self._made.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def note(self, key: str, value: str) -> None:
        """Note `value` under `key`."""
        with self._refusals(), self._transaction():
            self._made.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def forget_unfinished(self) -> None:
        """Drop points that failed or lay outside of constraints: another SPEC may judge them differently."""
        with self._refusals(), self._transaction():
            self._made.execute("DELETE FROM points WHERE status != ?", (DONE,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._made.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._made.in_transaction:
                self._made.execute("ROLLBACK")
            raise
        self._made.execute("COMMIT")

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn what SQLite refuses into one clear error."""
        try:
            yield
        except sqlite3.Error as error:
            raise ConfigError(f"{self.path}: {_refusal(error)}") from None


def _refusal(error: sqlite3.Error) -> str:
    code: Any = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return "the disk is full; what was finished before is kept: free space and go on with --resume"
    if primary == sqlite3.SQLITE_IOERR:
        return f"cannot be read or written ({error}); what was finished before is kept: free space, then --resume"
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "in use by another sweep; wait for it, or choose another directory with -o"
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return "not a store of sweeps, or damaged; choose another directory with -o"
    return f"cannot be used ({error}); choose another directory with -o"
