"""`accel show`: every topic, on the screen and as JSON."""

import tomllib

import pytest

from accel.cli import aliases
from accel.cli.show import TOPICS
from accel.config import load_accelerator, preset_names
from accel.network.zoo import ZOO
from accel.numeric.profiles import PROFILES
from accel.units.registry import DESIGNS
from accel.units.softmax import PARTS
from kernels.modes import Overflow, Rounding


@pytest.mark.parametrize(
    "topic",
    ["", "networks", "accelerators", "accumulators", "formats", "rounding", "overflow", "profiles", "units", *ZOO],
)
def test_every_topic_is_shown_and_emitted(accel, topic):
    """Each topic prints a table, and says the same as one JSON document; -q prints nothing."""
    shown, emitted, quiet = (accel(f"show {topic} {flags}") for flags in ("", "--json", "-q"))
    assert (shown.code, emitted.code, quiet.code) == (0, 0, 0)
    assert (shown.errors, emitted.errors, quiet.out) == ([], [], "")
    assert emitted.json
    assert len(shown.out.splitlines()) >= 3


def test_the_overview_names_every_topic(accel):
    """`accel show` alone lists what can be shown."""
    assert accel("show --json").json == TOPICS


def test_networks_and_machines_are_complete(accel):
    """Every network of the zoo and every preset is listed."""
    assert [row["name"] for row in accel("show networks --json").json["networks"]] == list(ZOO)
    assert [row["name"] for row in accel("show accelerators --json").json["accelerators"]] == list(preset_names())


def test_lenet5_has_its_published_size(accel):
    """LeNet-5 with full connections: 61 706 parameters (LeCun 1998 has 60 000 with its table) in 13 nodes."""
    rows = accel("show lenet5 --json").json["lenet5 layers"]
    assert sum(row["parameters"] for row in rows) == 61706
    assert rows[0] == {
        "name": "C1",
        "kind": "conv2d",
        "reads": "input",
        "output": "6x28x28",
        "parameters": 156,
        "MACs": 117600,
    }


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        (
            "Q4.4",
            {"spellings": "Q4.4, ap_fixed<8,4>, sfix8_En4", "codes": "-128 .. 127", "values": "-8 .. 7.9375"},
        ),
        (
            "ufix3_E2",
            {"spellings": "UQ5.-2, ap_ufixed<3,5>, ufix3_E2", "values": "0 .. 28", "lsb": "2^2 = 4"},
        ),
        ("ap_fixed<16,16>", {"spellings": "Q16.0, ap_fixed<16,16>, sfix16", "container": "int16"}),
    ],
)
def test_one_format_is_explained(accel, spelling, expected):
    """A format's spellings, range and container."""
    (rows,) = accel(f"show formats {spelling} --json").json.values()
    found = {row["property"]: row["value"] for row in rows}
    assert expected.items() <= found.items()
    assert accel(f"show formats {expected['spellings'].split(', ')[2]}").code == 0


@pytest.mark.parametrize(("spelling", "lsb"), [("UQ1000.-937", "2^937 = "), ("Q-1000.1063", "2^-1063 = ")])
def test_formats_beyond_floats_are_explained(accel, spelling, lsb):
    """A binary point as far out as formats allow is no problem of the screen."""
    (rows,) = accel(f"show formats {spelling} --json").json.values()
    assert {row["property"]: row["value"] for row in rows}["lsb"].startswith(lsb)


def test_wrong_formats_are_refused(accel):
    """A misspelt format gets the right spelling."""
    outcome = accel("show formats Q4,4")
    assert (outcome.code, outcome.errors) == (2, ['error: "Q4,4" is not a format; use Q4.4 or ap_fixed<8,4>'])


def test_rounding_has_the_names_of_other_tools(accel):
    """Every mode, what it makes of ties (by hand), and the names that mislead."""
    tables = accel("show rounding --json").json
    assert [row["mode"] for row in tables["rounding"]] == [mode.name for mode in Rounding]
    ties = {row["mode"]: [row["-1.5"], row["-0.5"], row["0.5"], row["1.5"], row["1.75"]] for row in tables["rounding"]}
    assert ties["TRN"] == [-2, -1, 0, 1, 1]
    assert ties["RND"] == [-1, 0, 1, 2, 2]
    assert ties["RND_INF"] == [-2, -1, 1, 2, 2]
    assert ties["RND_CONV"] == [-2, 0, 0, 2, 2]
    assert ties["RND_ZERO"] == [-1, 0, 0, 1, 2]
    assert ties["RND_MIN_INF"] == [-2, -1, 0, 1, 2]
    assert ties["TRN_ZERO"] == [-1, 0, 0, 1, 1]
    names = {row["mode"]: row for row in tables["names elsewhere"]}
    assert names["RND_CONV"]["NumPy"].startswith("round")
    assert names["RND_INF"]["C"].startswith("round")
    assert names["TRN"]["Verilog"] == ">>>"
    assert names["RND"]["MATLAB fi"] == "Nearest"
    assert names["RND"]["TFLite"] == "SaturatingRoundingDoublingHighMul"
    assert names["RND_INF"]["QONNX"] == "HALF_UP"


def test_aliases_cover_every_mode():
    """Each mode has a name or a dash for every tool."""
    assert list(aliases.ROUNDING) == [mode.name for mode in Rounding]
    assert list(aliases.OVERFLOW) == [mode.name for mode in Overflow]
    assert {len(names) for names in [*aliases.ROUNDING.values(), *aliases.OVERFLOW.values()]} == {len(aliases.TOOLS)}


def test_a_machine_is_shown_as_a_file_to_start_from(accel, tmp_path):
    """`show accelerator NAME` prints TOML that loads as the same machine, overrides in place."""
    text = accel("show accelerator tpuv1 -s array.rows=8").out
    assert tomllib.loads(text)["array"]["rows"] == 8
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    assert load_accelerator("mine.toml").digest == load_accelerator("tpuv1", ["array.rows=8"]).digest
    assert accel("show accelerator tpuv1 --json").json == load_accelerator("tpuv1").document
    assert accel("show accelerator").out == accel("show accelerator gupta2015").out


def test_profiles_are_complete(accel):
    """Every profile with its modes, its accumulator, the formats that it fixes and its source."""
    tables = accel("show profiles --json").json
    rows = {row["profile"]: row for row in tables["profiles"]}
    assert rows.keys() == PROFILES.keys() == {row["profile"] for row in tables["sources"]}
    assert (rows["ap_fixed"]["rounding"], rows["ap_fixed"]["overflow"]) == ("TRN", "WRAP")
    assert rows["tflite-s16"]["formats"] == "softmax Q1.15"
    assert rows["dsp48"]["accumulator"] == "48 bits, stepwise, WRAP"


def test_units_are_listed_with_what_they_let_one_choose(accel):
    """Every design of the registry, options with their defaults, parts of a softmax by their tables."""
    rows = {(row["function"], row["design"]): row for row in accel("show units --json").json["units"]}
    assert list(rows) == [(function, design) for function, designs in DESIGNS.items() for design in designs]
    assert rows["exp", "pow2-linear"]["options"] == "entries = 64"
    assert rows["relu", "relu"]["options"] == "-"
    for design, parts in PARTS.items():
        assert rows["softmax", design]["options"] == (", ".join(f"[units.{part}]" for part in parts) or "-")


def test_units_can_be_written_as_a_page(accel, tmp_path, monkeypatch):
    """`--html` measures all designs and writes the page beside printing nothing but where."""
    monkeypatch.setattr("accel.units.survey.survey", lambda: {"schema": "bitcycle-units-1"})
    monkeypatch.setattr("accel.report.units_page.render_units", lambda document: f"<html>{document['schema']}</html>")
    outcome = accel("show units --html pages/units.html")
    assert (outcome.code, outcome.out) == (0, "written: pages/units.html\n")
    assert (tmp_path / "pages" / "units.html").read_text(encoding="utf-8") == "<html>bitcycle-units-1</html>"


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("show lenet", 2, "'lenet' is neither a topic nor a network. Did you mean 'lenet5'?"),
        ("show acelerators", 2, "Did you mean 'accelerators'?"),
        ("show accelerator tpuv2", 2, "no accelerator 'tpuv2'. Did you mean 'tpuv1'?"),
        (
            "show networks -s a=b",
            2,
            "-s belongs to `accel show accelerator NAME` and `accel show acc",
        ),
        ("show units -a tpuv1", 2, "-a belongs to `accel show accumulators NETWORK`"),
        ("show accelerator tpuv1 -d digits", 2, "-d belongs to `accel show accumulators NETWORK`"),
        ("show lenet5 --weights digits", 2, "--weights belongs to `accel show accumulators NETWORK`"),
        ("show networks --html x.html", 2, "--html belongs to `accel show units`"),
        ("show accumulators -n 3", 2, "-n limits the inputs of -d; name the data, for example -d digits"),
        ("show accumulators lenet", 3, "Did you mean 'lenet5'?"),
        ("show accumulators lenet5 -a tpuv2", 2, "Did you mean 'tpuv1'?"),
        ("show accumulators lenet5 -s numerics.layers.C9.bias=Q4.4", 2, "lenet5 has no layer 'C9'"),
        ("show networks all", 2, "`accel show networks` takes nothing more, not 'all'"),
    ],
)
def test_what_cannot_be_shown(accel, arguments, code, expected):
    """Unknown topics and stray arguments are refused with a way out."""
    outcome = accel(arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert expected in outcome.errors[-1]
