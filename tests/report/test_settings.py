"""Records as pairs of key and words."""

from __future__ import annotations

import pytest

from accel.report.settings import flat, in_words


def test_inner_keys_are_dotted():
    """Tables in tables become pairs whose keys say the way."""
    assert flat({"a": 1, "b": {"c": {"d": True}}}) == [("a", "1"), ("b.c.d", "yes")]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ("", "–"),
        ([], "–"),
        (False, "no"),
        (200000000, "200,000,000"),
        (8.0, "8"),
        (0.1 + 0.2, "0.3"),
        ("a\x1bb", "a·b"),
        ([1, 2], "1, 2"),
        ([{"a": 1}], "1 entries, in run.json"),
        (list(range(40)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, … (40 in all)"),
    ],
)
def test_values_in_words(value, words):
    """No language's own spelling, no long decimals, no endless lists."""
    assert in_words(value) == words
