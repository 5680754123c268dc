"""DianNao: its peak by two ways of counting, and what nothing here predicts.

T. Chen et al., "DianNao: A Small-Footprint High-Throughput Accelerator for Ubiquitous Machine-Learning", ASPLOS 2014.
"""

from __future__ import annotations

from accel.accelerator import Accelerator
from accel.published.comparison import PRINTED, Comparison
from accel.published.figures import Published


def compare(published: Published, machine: Accelerator) -> tuple[Comparison, ...]:
    """Return multipliers, the peak with and without the accumulators' additions, power and area."""
    figures, array = published.tables, machine.architecture.array
    giga_hz = machine.architecture.clock_hz / 1e9
    trees = array.columns * (2 * array.rows - 1)  # products, and the additions that make one sum of them
    return (
        Comparison("", "", "multipliers", "", array.pes, figures["multipliers"], PRINTED),
        Comparison(
            "", "", "peak, two operations a MAC", "GOP/s", 2 * array.pes * giga_hz, figures["peak_gops"], PRINTED
        ),
        Comparison("", "", "peak, without accumulators", "GOP/s", trees * giga_hz, figures["peak_gops"], PRINTED),
        Comparison("", "", "power", "mW", None, figures["power_mw"], PRINTED),
        Comparison("", "", "area", "mm²", None, figures["area_mm2"], PRINTED),
    )
