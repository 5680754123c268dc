"""The store: rows whole or not at all, one writer, and one clear error for every way a disk can refuse."""

from __future__ import annotations

import sqlite3

import pytest

from accel.errors import ConfigError
from accel.sweep.measure import Row
from accel.sweep.store import FILE, VERSION, Store
from tests.sweep.examples import CYCLES, here, spec

ROWS = [Row(f"{n:064x}", "done", {"pes": n, "accuracy": None}, "", "k") for n in range(700)]


def test_what_is_added_is_there_again(tmp_path):
    """Rows, bits and notes come back as they were, also when there are more than SQLite takes arguments."""
    with Store(tmp_path) as store:
        store.add(ROWS, {"k": {"accuracy": 0.5}})
        store.note("spec", "abc")
    with Store(tmp_path) as store:
        assert store.rows([row.hash for row in ROWS]) == {row.hash: row for row in ROWS}
        assert store.rows([ROWS[3].hash, "none"]) == {ROWS[3].hash: ROWS[3]}
        assert store.rows([]) == {}
        assert (store.bits(), store.meta("spec"), store.meta("none")) == ({"k": {"accuracy": 0.5}}, "abc", None)
        store.add([Row(ROWS[0].hash, "failed", {}, "why")])
        store.forget_unfinished()
        assert len(store.rows([row.hash for row in ROWS])) == 699


def test_a_transaction_is_whole_or_nothing(tmp_path):
    """An error while rows are added leaves none of them."""

    def rows():
        yield ROWS[0]
        raise ValueError("stopped")

    with Store(tmp_path) as store:
        with pytest.raises(ValueError, match="stopped"):
            store.add(rows())
        assert store.rows([ROWS[0].hash]) == {}
        store.add(ROWS[:1])
        assert len(store.rows([ROWS[0].hash])) == 1


def test_one_sweep_at_a_time(tmp_path):
    """A second process in the same directory is told so."""
    with Store(tmp_path), pytest.raises(ConfigError, match="in use by another sweep"):
        Store(tmp_path)
    Store(tmp_path).close()


def test_other_files(tmp_path):
    """A store of another version, another database and no database are three clear errors; nothing is changed."""
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as made:
        made.execute(f"PRAGMA user_version = {VERSION + 1}")
    made.close()
    with pytest.raises(ConfigError, match=f"a store of version {VERSION + 1}, this is version {VERSION}"):
        Store(tmp_path)
    (tmp_path / FILE).unlink()
    with sqlite3.connect(tmp_path / FILE) as made:
        made.execute("CREATE TABLE theirs (a)")
    made.close()
    with pytest.raises(ConfigError, match="a database of something else"):
        Store(tmp_path)
    (tmp_path / FILE).write_bytes(b"not a database, but long enough to be taken for a broken one" * 20)
    with pytest.raises(ConfigError, match="not a store of sweeps, or damaged"):
        Store(tmp_path)
    with pytest.raises(ConfigError, match="cannot be used"):
        Store(tmp_path / "missing")


def test_a_full_disk(tmp_path, monkeypatch):
    """When the file cannot grow, the error says so, earlier rows stay, and the sweep goes on once there is room."""
    grow = Store._open

    def narrow(store):
        grow(store)
        pages = store._made.execute("PRAGMA page_count").fetchone()[0]
        store._made.execute(f"PRAGMA max_page_count = {pages + 2}")

    with Store(tmp_path) as store:
        store.add(ROWS[:1])
    monkeypatch.setattr(Store, "_open", narrow)
    with Store(tmp_path) as store:
        with pytest.raises(ConfigError, match=r"the disk is full; what was finished before is kept.*--resume"):
            store.add(ROWS)
        assert len(store.rows([row.hash for row in ROWS])) == 1
    many = {**CYCLES, "axes": {"array.rows": list(range(1, 130))}}
    with pytest.raises(ConfigError, match="the disk is full"):
        here(spec(many), tmp_path)
    monkeypatch.undo()
    outcome = here(spec(many), tmp_path)
    assert outcome.document["counts"]["done"] == 129
    assert 0 < outcome.measured <= 129
