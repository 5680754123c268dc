"""Curves: tabulated costs exactly, the stated laws between and beyond, arrays like numbers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.arch.technology import LINEAR, POWER, Curve
from accel.config.technology import load_technology

# The figures of the specification, typed here a second time. pJ by bits, and for 64 bits by bytes of the memory.
ADD = {8: 0.03, 16: 0.05, 32: 0.1}
MULTIPLY = {8: 0.2, 16: 1.0, 32: 3.1}
SRAM = {8 << 10: 10, 32 << 10: 20, 1 << 20: 100}


def _points(start: float, steps: list[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    """Sizes that rise by these steps, costs by powers of up to 3 of them."""
    points, size, cost = [(1.0, start)], 1, start
    for step, exponent in steps:
        cost *= ((size + step) / size) ** exponent
        size += step
        points.append((float(size), cost))
    return tuple(points)


steps = st.lists(st.tuples(st.integers(1, 1 << 20), st.floats(0, 3)), max_size=5)
rising = st.builds(_points, st.floats(1e-3, 1e3), steps)


def test_cited_figures_come_back_exactly():
    """Horowitz 2014 at its own points, to the last bit."""
    technology = load_technology("horowitz-45nm")
    for curve, figures in ((technology.add, ADD), (technology.multiply, MULTIPLY), (technology.sram, SRAM)):
        assert {size: curve.at(size) for size in figures} == figures
    assert technology.dram == (1300, 2600)
    assert (technology.unit, technology.word_bits) == ("pJ", 64)
    assert {bits: technology.add_area.at(bits) for bits in (8, 16, 32)} == {8: 36, 16: 67, 32: 137}
    assert {bits: technology.multiply_area.at(bits) for bits in (8, 32)} == {8: 282, 32: 3495}


def test_eyeriss_figures_are_those_of_the_paper():
    """1 : 1 : 2 : 6 : 200, the buffer's at any capacity."""
    technology = load_technology("eyeriss-relative")
    figures = (technology.mac.at(16), technology.register_file, technology.network, technology.sram.at(108 << 10))
    assert (*figures, *technology.dram) == (1, 1, 2, 6, 200, 200)
    assert {technology.sram.at(1 << shift) for shift in range(8, 28)} == {6}


@given(rising, st.sampled_from([POWER, LINEAR]))
def test_tabulated_costs_are_exact_and_costs_never_fall(points, law):
    """Every point comes back as it was put in; a larger size never costs less, anywhere."""
    curve = Curve(points, law)
    assert all(curve.at(size) == cost for size, cost in points)
    sizes = np.unique(np.geomspace(0.5, 2.0**31, 200))
    costs = [curve.at(float(size)) for size in sizes]
    assert min(costs) > 0
    assert all(after >= before * (1 - 1e-12) for before, after in itertools.pairwise(costs))


def test_memories_follow_a_square_root_between_8_and_32_kilobytes():
    """Four times the bytes, twice the energy: half way in log-log, 16 KB cost the geometric mean."""
    sram = load_technology("horowitz-45nm").sram
    assert sram.at(16 << 10) == pytest.approx(math.sqrt(200), rel=1e-12)
    # Beyond the table through its ends: ten times the energy for 128 times the bytes.
    assert sram.at(128 << 20) == pytest.approx(1000, rel=1e-12)
    assert sram.at(64) == pytest.approx(1, rel=1e-12)


def test_additions_are_straight_lines_and_multiplications_about_quadratic():
    """24 bits half way between 16 and 32; below 8 and above 32 bits in proportion; products by the exponent 1.98."""
    technology = load_technology("horowitz-45nm")
    assert [technology.add.at(bits) for bits in (4, 24, 64)] == pytest.approx([0.015, 0.075, 0.2], rel=1e-12)
    exponent = math.log(3.1 / 0.2, 4)
    assert exponent == pytest.approx(1.98, abs=0.005)
    assert technology.multiply.at(4) == pytest.approx(0.2 * 0.5**exponent, rel=1e-12)


@given(rising, st.sampled_from([POWER, LINEAR]))
def test_arrays_are_priced_element_by_element(points, law):
    """A sweep over many sizes at once says what each of them says alone."""
    curve = Curve(points, law)
    sizes = np.array([1, 7, 8, 100, 4096, 1 << 20, *(size for size, _ in points)])
    np.testing.assert_allclose(curve.at(sizes), [curve.at(int(size)) for size in sizes], rtol=1e-14)
    assert curve.at(sizes.reshape(-1, 1)).shape == (len(sizes), 1)
