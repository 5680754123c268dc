"""`accel export`: what a hardware description takes over from a machine: the tables of its function units."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from accel.cli import options
from accel.cli.terminal import Terminal

SCHEMA = "bitcycle-tables-1"
"""What `tables.json` calls itself."""

MANIFEST = "tables.json"


@click.group("export", short_help="Write the tables of a machine's function units as memory files.")
def command() -> None:
    """Write what a hardware description takes over from a machine."""


@command.command("tables", short_help="One .mem file for every table, to be read with $readmemh.")
@options.network_argument
@options.accelerator_options
@options.out_option("Folder to write  [default: tables/NETWORK-ACCELERATOR].")
@options.output_options
def tables(network: str, accelerator: str, overrides: tuple[str, ...], out: Path | None, terminal: Terminal) -> None:
    """Write every table of the units through which NETWORK (default lenet5) goes, at the formats of its nodes.

    Each file names unit, design, formats, entries and bits; tables.json lists all of them.
    """
    from accel.cli.listings import Listing
    from accel.cli.show import print_tables
    from accel.config import check_layers, load_accelerator
    from accel.errors import ConfigError
    from accel.network.zoo import build
    from accel.tables import unit_tables

    machine = load_accelerator(accelerator, overrides)
    structure = build(network)
    check_layers(machine, structure)
    found = unit_tables(structure, machine)
    if not found:
        raise ConfigError(
            f"{network} on {machine.name}: no unit on its way has a table; choose for example "
            '[units.tanh] design = "lut-linear" and a network with tanh'
        )
    folder = out or Path("tables") / f"{network}-{machine.name}"
    document = {
        "schema": SCHEMA,
        "network": network,
        "accelerator": machine.name,
        "accelerator_digest": machine.digest,
        "files": [table.to_dict() for table in found],
    }
    files = {table.file: table.mem() for table in found}
    write_folder(folder, {**files, MANIFEST: json.dumps(document, indent=1) + "\n"})
    terminal.emit(document)
    columns = ("file", "entries", "entry bits", "lanes", "nodes")
    rows = tuple((t.file, len(t.entries), t.bits, t.lanes, ", ".join(t.nodes)) for t in found)
    print_tables([Listing(str(folder), columns, rows)], terminal)


def write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write a folder of files whole or not at all: beside its place first, then renamed; an earlier export gives way.

    Raises ConfigError when the place holds anything that no export wrote, or cannot be written.
    """
    from accel.errors import ConfigError

    target = folder.expanduser().resolve()
    try:
        _refuse_others(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".accel-") as scratch:
            fresh, earlier = Path(scratch) / "fresh", Path(scratch) / "earlier"
            fresh.mkdir()
            for name, text in texts.items():
                (fresh / name).write_text(text, encoding="utf-8", newline="\n")
            if target.exists():
                target.replace(earlier)
            try:
                fresh.replace(target)
            except OSError:
                if earlier.exists():
                    earlier.replace(target)
                raise
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from None


def _refuse_others(target: Path) -> None:
    """Raise ConfigError when the folder holds a file that an earlier export does not list as its own."""
    from accel.errors import ConfigError

    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{target}: a file; choose a folder with -o")
    others = sorted({entry.name for entry in target.iterdir()} - _exported(target / MANIFEST))
    if others:
        raise ConfigError(f"{target}: holds {others[0]}, which no export wrote; choose another folder with -o")


def _exported(manifest: Path) -> set[str]:
    """Return the names of the files that an earlier export wrote beside its manifest, none when that is not ours."""
    try:
        document = json.loads(manifest.read_text(encoding="utf-8"))
        names = {str(file["file"]) for file in document["files"]} if document["schema"] == SCHEMA else set()
    except (OSError, ValueError, LookupError, TypeError):
        return set()
    return {*names, MANIFEST}
