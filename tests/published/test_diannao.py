"""DianNao: its peak by counting, and no prediction where nothing could make one."""

from __future__ import annotations

import pytest


def test_peaks(compare):
    """256 products, 240 additions in the trees and 16 in accumulators, at 0.98 GHz."""
    found = {name: one for (name, _), one in compare("diannao").items()}
    assert found["multipliers"].predicted == found["multipliers"].published == 256
    assert found["peak, two operations a MAC"].predicted == pytest.approx((256 + 240 + 16) * 0.98, rel=1e-12)
    assert found["peak, without accumulators"].predicted == pytest.approx((256 + 240) * 0.98, rel=1e-12)
    assert {one.published for name, one in found.items() if name.startswith("peak")} == {452}
    assert [round(100 * one.error, 2) for name, one in found.items() if name.startswith("peak")] == [11.01, 7.54]


def test_power_and_area_are_published_only(compare):
    """485 mW and 3.02 mm2 stand beside no prediction."""
    found = compare("diannao")
    assert [(found[name, ""].predicted, found[name, ""].published) for name in ("power", "area")] == [
        (None, 485),
        (None, 3.02),
    ]
