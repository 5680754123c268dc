"""`accel show technologies`: every technology with its figures, on the screen and as JSON."""

from accel.config.technology import load_technology, technology_names


def test_technologies_are_listed_with_their_sources(accel):
    """Cited figures, and in full where they are from and what is assumed."""
    tables = accel("show technologies --json").json
    rows = {row["technology"]: row for row in tables["technologies"]}
    assert tuple(rows) == technology_names()
    assert rows["horowitz-45nm"] == {
        "technology": "horowitz-45nm",
        "unit": "pJ",
        "multiply 8, 16, 32 bits (or MAC)": "0.2, 1, 3.1",
        "add": "0.03, 0.05, 0.1",
        "word bits": 64,
        "SRAM of 8 KB, 32 KB, 1 MB": "10, 20, 100",
        "DRAM": "1300 .. 2600",
        "register file": "-",
        "network": "-",
    }
    assert [rows["eyeriss-relative"][key] for key in ("register file", "network", "DRAM")] == ["1", "2", "200"]
    for row in tables["sources"]:
        technology = load_technology(row["technology"])
        assert (row["source"], row["assumed and interpolated"]) == (technology.source, technology.assumed)


def test_technologies_are_printed(accel):
    """The screen has them all."""
    outcome = accel("show technologies")
    assert (outcome.code, outcome.errors) == (0, [])
    assert all(name in outcome.out for name in technology_names())
