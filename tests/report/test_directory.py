"""The run directory appears whole or not at all."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from accel.errors import ConfigError, DataError
from accel.report import check_place, directory, load_run, write_run
from tests.report.examples import with_energy


@pytest.fixture(autouse=True)
def _quick_pages(monkeypatch):
    """Pages are tested elsewhere; here only that they land."""
    monkeypatch.setattr(directory, "render", lambda run: f"<p>{run['inputs']}</p>")


def contents(folder):
    """Every file under a folder with its text."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()
    }


def test_writes_and_loads(run, tmp_path):
    """A run is written into a new directory, parents included, and loads from the directory and from its file."""
    place = write_run(tmp_path / "deep" / "run", run)
    assert sorted(contents(place)) == ["layers.csv", "report.html", "run.json"]
    assert load_run(place) == load_run(place / "run.json") == run
    assert [path.name for path in place.parent.iterdir()] == ["run"]


def test_same_run_same_bytes(run, tmp_path):
    """Two writes of one document give the same bytes."""
    assert contents(write_run(tmp_path / "a", run)) == contents(write_run(tmp_path / "b", run))


def test_replaces_its_own(run, tmp_path):
    """An earlier run is replaced; what else lay in its directory is kept."""
    place = write_run(tmp_path / "run", run)
    (place / "notes").mkdir()
    (place / "notes" / "why.txt").write_text("because")
    (place / "junit.xml").write_text("<x/>")
    write_run(place, {**run, "inputs": 7})
    assert load_run(place)["inputs"] == 7
    assert contents(place)["report.html"] == "<p>7</p>"
    assert contents(place)["notes/why.txt"] == "because"
    assert contents(place)["junit.xml"] == "<x/>"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_fills_an_empty_directory(run, tmp_path):
    """An empty directory is taken, and a directory keeps the permissions that any new one gets."""
    place = tmp_path / "run"
    place.mkdir()
    write_run(place, run)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    assert place.stat().st_mode == fresh.stat().st_mode


@pytest.mark.parametrize("content", ["{}", "not json", '{"schema": "other-1"}', "[1]", '{"schema": 3}'])
def test_refuses_what_is_not_ours(run, tmp_path, content):
    """A directory with anything but a run in it is left alone."""
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ConfigError, match=r"holds run\.json and no run\.json of ours; choose a new or an empty"):
        write_run(tmp_path, run)
    assert contents(tmp_path) == {"run.json": content}


def test_refuses_a_file(run, tmp_path):
    """A file in the place of the directory is left alone."""
    place = tmp_path / "run"
    place.write_text("mine")
    with pytest.raises(ConfigError, match="is a file"):
        write_run(place, run)
    with pytest.raises(ConfigError, match="cannot write the run into"):
        write_run(place / "below", run)
    assert contents(tmp_path) == {"run": "mine"}


def failing(error, name):
    """A stand-in for Path.write_text that fails at the file of that name."""
    write = Path.write_text

    def write_text(self, *args, **kwargs):
        if self.name == name:
            raise error
        return write(self, *args, **kwargs)

    return write_text


@pytest.mark.parametrize("name", directory.RUN_FILES)
def test_full_disk_changes_nothing(run, tmp_path, monkeypatch, name):
    """A disk that fills up while any of the files is written is one clear error, and the old run stands."""
    place = write_run(tmp_path / "run", run)
    before = contents(tmp_path)
    monkeypatch.setattr(Path, "write_text", failing(OSError(errno.ENOSPC, "No space left on device"), name))
    with pytest.raises(ConfigError, match=r"No space left on device; free space there .* Nothing was changed"):
        write_run(place, {**run, "inputs": 7})
    assert contents(tmp_path) == before


def test_interrupt_leaves_nothing(run, tmp_path, monkeypatch):
    """Ctrl-C while writing leaves no half-written directory behind."""
    monkeypatch.setattr(Path, "write_text", failing(KeyboardInterrupt(), "report.html"))
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "run", run)
    assert list(tmp_path.iterdir()) == []


def test_failed_swap_restores_the_old(run, tmp_path, monkeypatch):
    """If the new directory cannot take the place of the old one, the old one is put back."""
    place = write_run(tmp_path / "run", run)
    before = contents(tmp_path)
    rename = Path.rename

    def renaming(self, target):
        if self.name.endswith(".partial"):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renaming)
    with pytest.raises(ConfigError, match="Permission denied"):
        write_run(place, {**run, "inputs": 7})
    assert contents(tmp_path) == before


def test_failed_page_leaves_nothing(run, tmp_path, monkeypatch):
    """A page that cannot be made costs nothing that was there."""

    def broken(run):
        raise DataError("no page")

    monkeypatch.setattr(directory, "render", broken)
    with pytest.raises(DataError):
        write_run(tmp_path / "run", run)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file; a run is the directory that `accel run -o DIR` wrote"),
        ('{"schema": "bitcycle-run-1", "netw', "not JSON"),
        ("\xff", "not JSON"),
        ("[]", "schema null, expected 'bitcycle-run-1'"),
        ('{"schema": "bitcycle-run-2"}', 'schema "bitcycle-run-2", expected'),
        ('{"schema": "bitcycle-run-1"}', r"lacks network, network_source, accelerator, accelerator_source and 20 more"),
    ],
)
def test_load_tells_what_is_wrong(tmp_path, content, told):
    """A missing, cut, foreign or incomplete file is one clear error that names it."""
    file = tmp_path / "run.json"
    if content is not None:
        file.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=told) as caught:
        load_run(tmp_path)
    assert str(file) in str(caught.value)


def test_load_checks_layers(run, tmp_path):
    """A layer that lacks a key is named with its index; layers that are none are refused."""
    file = tmp_path / "run.json"
    del run["layers"][2]["bound"]
    file.write_text(json.dumps(run))
    with pytest.raises(DataError, match=r"lacks layers\[2\]\.bound; it was cut short or edited"):
        load_run(file)
    file.write_text(json.dumps({**run, "layers": [1, 2]}))
    with pytest.raises(DataError, match="a list of layers"):
        load_run(file)


def test_load_checks_explanations(run, tmp_path):
    """A run may have no explanation, but not half of one."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps({**run, "explain": {"inputs": 3, "layers": []}}))
    with pytest.raises(DataError, match=r"lacks explain\.threshold, explain\.changed, explain\.diagnosis; it was cut"):
        load_run(file)
    file.write_text(json.dumps({**run, "explain": [1]}))
    with pytest.raises(DataError, match=r"lacks explain\.inputs"):
        load_run(file)


def test_load_checks_energies(run, tmp_path):
    """A run may have no energies, but not half of them."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(with_energy(run)))
    assert load_run(file)["energy"]["technology"] == "round"
    file.write_text(json.dumps({**run, "energy": {"unit": "pJ", "total": 1.0}}))
    with pytest.raises(
        DataError, match=r"lacks energy\.technology, energy\.components, energy\.low, energy\.high and 1"
    ):
        load_run(file)


def test_a_place_is_checked_before_a_run(tmp_path):
    """A place that would be refused after a run is refused before it, and a good one is left as it was."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"thesis\.tex"):
        check_place(tmp_path / "other")
    with pytest.raises(ConfigError, match="is a file"):
        check_place(tmp_path / "other" / "thesis.tex")
    check_place(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other"]
