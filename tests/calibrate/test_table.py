"""What is printed fits its terminal and needs no special letters."""

import io

import pytest
from rich.console import Console

from accel.accelerator import Accelerator
from accel.calibrate.evaluate import Figures, Target
from accel.calibrate.result import Calibration, Comparison, Row
from accel.calibrate.table import print_calibration
from accel.numeric.format import QFormat
from tests.machines import machine


def calibration(held_out: bool = True) -> Calibration:
    """Two rows, one of them with a name that is long and looks like markup."""
    wide, narrow = QFormat.parse("Q12.20"), QFormat.parse("Q-11.16")
    rows = (
        Row("[red]a-very-long-layer-name", "weight", wide, narrow, -1e-12, 123456.0, 0.03, 12.25, (0, 3, 8)),
        Row("softmax", "softmax", wide, narrow, 0.0, 1.0, 0.0, None, ()),
    )
    pair = Comparison(Figures(1200, 0.99, 1.0, 0.9999, 1e-9), Figures(1200, 0.98, 1.0, 0.991, 0.0))
    made: Accelerator = machine()
    target = Target("agreement", 0.99)
    return Calibration(
        made, "lenet5", "edge", "percentile", 99.5, 8, True, target, rows, pair, pair if held_out else None, 4000, 1000,
        30, 4, 55,
    )  # fmt: skip


@pytest.mark.parametrize(("width", "shows_ranges"), [(80, False), (94, True), (200, True)])
def test_rows_are_lines_at_any_width(width, shows_ranges):
    """At 80 columns ranges are left out, nothing is cut off, and names are read as they are."""
    stream = io.StringIO()
    print_calibration(calibration(), Console(file=stream, width=width))
    lines = stream.getvalue().splitlines()
    assert sum("[red]a-" in line for line in lines) == 1
    row = next(line for line in lines if "[red]a-" in line)
    assert {"weight", "Q12.20", "Q-11.16", "0..8", "3.00", "12.2"} <= set(row.split())
    assert ("1.23e+05" in row) == shows_ranges
    sentences = " ".join(stream.getvalue().split())
    assert "1,000 after (25.0 %)" in sentences
    assert "30 bits of word length taken, 4 given back" in sentences


def test_plain_terminals_get_plain_letters():
    """A console without UTF-8 gets nothing beyond ASCII but the table's own rules."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_calibration(calibration(held_out=False), Console(file=stream, width=100))
    stream.flush()
    assert b"percentile 99.5 %" in stream.buffer.getvalue()
