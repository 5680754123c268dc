"""Presets come from their files, whether they are built or found as they were kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from accel.config import kept, load, preset_names
from accel.presets import DEFAULT


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keep in an empty folder, and count in `built` what has to be built."""
    monkeypatch.setattr(kept, "cache_root", lambda: tmp_path)
    return tmp_path


def machine(name, built):
    """Return a preset as a new process would find it; `built` gets its name where it was built."""

    def build(preset):
        built.append(preset)
        return load._load(preset, ())

    return kept.kept_or_built(name, build)


@pytest.mark.parametrize("name", preset_names())
def test_what_is_kept_is_what_was_built(cache, name):
    """The second time nothing is built, and every field of the machine is the same."""
    built = []
    first, second = machine(name, built), machine(name, built)
    assert built == [name]
    assert first == second
    assert repr(first) == repr(second)
    assert list(first.document) == list(second.document)


@pytest.mark.parametrize("damage", [lambda content: content[:-20], lambda content: b"", lambda content: b"x" + content])
def test_a_damaged_file_is_made_again(cache, damage):
    """Whatever is in the file, the machine is the preset's, and the file is mended."""
    built = []
    first = machine(DEFAULT, built)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert machine(DEFAULT, built) == first
    assert built == [DEFAULT, DEFAULT]
    assert file.read_bytes() == whole


def test_a_change_of_any_source_builds_again(cache, monkeypatch):
    """Another size or time of a file that decides machines is another line."""
    built = []
    machine(DEFAULT, built)
    stamps = list(kept._stamps())
    assert {"schema.py", "gupta2015.toml", "format.py", "modes.py"} <= {path.rpartition("/")[2] for path, *_ in stamps}
    path, size, when = stamps[0]
    monkeypatch.setattr(kept, "_stamps", lambda: iter([(path, size, when + 1), *stamps[1:]]))
    machine(DEFAULT, built)
    assert built == [DEFAULT, DEFAULT]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    """Where nothing can be kept, presets are built every time."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(kept, "cache_root", lambda: tmp_path / "file")
    built = []
    assert machine(DEFAULT, built) == machine(DEFAULT, built)
    assert built == [DEFAULT, DEFAULT]


def test_a_kept_preset_needs_no_pydantic():
    """Once kept, a preset is loaded without what checks files."""
    code = "import sys, accel; accel.load_accelerator(); print('pydantic' in sys.modules)"
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert found[1] == "False"
