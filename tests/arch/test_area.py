"""Area: cited figures per part, sums that are conserved, what has no figure is named."""

from dataclasses import replace

import pytest

from accel.arch.area import NEVER_COUNTED, Block, machine_area
from accel.config.technology import load_technology

HOROWITZ = load_technology("horowitz-45nm")


def test_parts_have_the_cited_areas():
    """45 nm, um2: multiplications of 8 and 32 bits 282 and 3495, additions of 16 bits 67, a bit 0.346 / 0.7."""
    blocks = {
        "narrow": Block(multipliers=2, left_bits=8, right_bits=8, adders=3, adder_bits=16),
        "wide": Block(multipliers=1, left_bits=32, right_bits=32),
        "buffer": Block(memory_bits=8 << 20),
    }
    area = machine_area(blocks, HOROWITZ)
    assert area.components == pytest.approx(
        {
            "narrow multipliers": 2 * 282e-6,
            "narrow adders": 3 * 67e-6,
            "wide multipliers": 3495e-6,
            "buffer memory": (8 << 20) * 0.346e-6 / 0.7,
        },
        rel=1e-12,
    )
    assert area.total_mm2 == pytest.approx(sum(area.components.values()), rel=1e-12)
    assert area.unpriced == NEVER_COUNTED


def test_more_bits_are_never_smaller():
    """Area rises with every width, and 4 by 16 bits are as large as 8 by 8."""
    for field in ("left_bits", "right_bits", "adder_bits"):
        block = Block(1, 8, 8, 1, 8)
        areas = [machine_area({"part": block._replace(**{field: bits})}, HOROWITZ).total_mm2 for bits in range(2, 64)]
        assert areas == sorted(areas)
        assert areas[0] < areas[-1]
    square, oblong = (machine_area({"part": Block(1, *sides)}, HOROWITZ) for sides in ((8, 8), (4, 16)))
    assert square == oblong


def test_what_has_no_figure_is_named():
    """Parts without a figure are told, parts that are not there are not."""
    block = Block(1, 8, 8, 1, 8, 64)
    area = machine_area({"part": block}, load_technology("eyeriss-relative"))
    assert (area.components, area.total_mm2) == ({}, 0)
    assert area.unpriced == ("multipliers", "adders", "memory", *NEVER_COUNTED)
    half = machine_area({"part": block, "none": Block()}, replace(HOROWITZ, bit_area=None))
    assert half.components.keys() == {"part multipliers", "part adders"}
    assert half.unpriced == ("memory", *NEVER_COUNTED)


def test_an_area_as_plain_values():
    """The sum beside its parts; where nothing has a figure there is no total, least of all 0."""
    block = {"part": Block(1, 8, 8, 1, 8, 64)}
    area = machine_area(block, HOROWITZ)
    assert area.to_dict() == {
        "technology": "horowitz-45nm",
        "unit": "mm2",
        "total": area.total_mm2,
        "components": area.components,
        "unpriced": list(NEVER_COUNTED),
    }
    nothing = machine_area(block, load_technology("eyeriss-relative")).to_dict()
    assert (nothing["total"], nothing["components"]) == (None, {})
