"""`accel export tables`: files, their list, and what is never overwritten."""

import json

import pytest

from accel.cli.export import MANIFEST, SCHEMA, write_folder
from accel.errors import ConfigError


def test_tables_are_written_and_listed(accel, tmp_path):
    """One file a table in the folder named after network and machine; tables.json and --json say the same."""
    shown = accel("export tables")
    assert (shown.code, shown.errors) == (0, [])
    folder = tmp_path / "tables" / "lenet5-gupta2015"
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    listed = {file["file"] for file in document["files"]}
    assert {path.name for path in folder.iterdir()} == {*listed, MANIFEST}
    assert all(name in shown.out for name in listed)
    for file in document["files"]:
        lines = (folder / file["file"]).read_text(encoding="utf-8").splitlines()
        assert len([line for line in lines if not line.startswith("//")]) == file["entries"]
    emitted = accel("export tables lenet5 -o elsewhere --json").json
    assert emitted == document
    assert emitted["schema"] == SCHEMA
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {*listed, MANIFEST}


def test_an_earlier_export_gives_way(accel, tmp_path):
    """Another machine's tables replace the earlier ones, files that are no longer made are gone."""
    assert accel("export tables lenet5 -o out -q").code == 0
    before = {path.name for path in (tmp_path / "out").iterdir()}
    assert accel("export tables lenet5 -a tpuv1 -o out -q").code == 0
    after = {path.name for path in (tmp_path / "out").iterdir()}
    assert before & after == {MANIFEST}
    assert json.loads((tmp_path / "out" / MANIFEST).read_text(encoding="utf-8"))["accelerator"] == "tpuv1"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("export", 2, "Usage: main export"),
        ("export table", 2, "No such command 'table'"),
        ("export tables lenet", 3, "Did you mean 'lenet5'?"),
        ("export tables lenet5 -a tpuv2", 2, "Did you mean 'tpuv1'?"),
        ("export tables lenet5 -s numerics.layers.C9.bias=Q4.4", 2, "lenet5 has no layer 'C9'"),
    ],
)
def test_what_cannot_be_exported(accel, tmp_path, arguments, code, expected):
    """Unknown words, networks, machines and layers; nothing is written."""
    outcome = accel(arguments)
    assert outcome.code == code
    assert expected in "\n".join([outcome.out, *outcome.errors])
    assert list(tmp_path.iterdir()) == []


def test_machines_without_tables_say_so(accel, tmp_path, monkeypatch):
    """Nothing to write is an error with a remedy, not an empty folder."""
    monkeypatch.setattr("accel.tables.unit_tables", lambda network, machine: ())
    outcome = accel("export tables")
    assert outcome.code == 2
    assert "no unit on its way has a table; choose for example" in outcome.errors[0]
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_the_users_is_overwritten(accel, tmp_path):
    """A folder with other files, a file, a foreign tables.json, a place below a file: refused, and left as it was."""
    for name, content in (("notes.txt", "mine"), (MANIFEST, "{}"), (MANIFEST, "[1]"), (MANIFEST, "not JSON")):
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
        outcome = accel("export tables -o mine")
        assert outcome.code == 2
        assert f"holds {sorted(path.name for path in folder.iterdir())[0]}, which no export wrote" in outcome.errors[0]
        assert (folder / name).read_text(encoding="utf-8") == content
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert "a file; choose a folder with -o" in accel("export tables -o file").errors[0]
    assert "cannot be written" in accel("export tables -o file/below").errors[0]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_failed_export_leaves_the_earlier_one(tmp_path, monkeypatch):
    """When the new folder cannot be put in its place, the earlier one stands there again."""
    target = tmp_path / "out"
    manifest = json.dumps({"schema": SCHEMA, "files": [{"file": "a.mem"}]})
    write_folder(target, {"a.mem": "1\n", MANIFEST: manifest})
    moves = type(target).replace

    def fail_for_fresh(self, place):
        if self.name == "fresh":
            raise OSError(28, "No space left on device")
        return moves(self, place)

    monkeypatch.setattr(type(target), "replace", fail_for_fresh)
    with pytest.raises(ConfigError, match="cannot be written \\(No space left on device\\)"):
        write_folder(target, {"a.mem": "2\n", MANIFEST: manifest})
    assert (target / "a.mem").read_text(encoding="utf-8") == "1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
