"""Predictions beside published figures in words."""

from __future__ import annotations

import pytest

from accel.report import published_words as words


def figure(predicted, published, **more):
    """Return one comparison."""
    error = None if predicted is None else predicted / published - 1
    plain = {"table": "layers", "row": "a", "quantity": "cycles", "unit": "", "origin": "measured", "recalled": False}
    return {**plain, "predicted": predicted, "published": published, "error": error, **more}


def survey(*comparisons, **reasons):
    """Return a document of one machine."""
    return {"machines": [{"title": "One", "comparisons": list(comparisons), "reasons": reasons}]}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0319, "−3.2"),
        (0.0623, "+6.2"),
        (-0.0041, "−0.41"),
        (0.178, "+17.8"),
        (2.2248, "+222"),
        (-3e-5, "−0.0030"),
    ],
)
def test_errors_have_signs(error, expected):
    """Two digits below 10 %, three from there on, never without a sign."""
    assert words.signed_percent(error) == expected


def test_exact_is_exact():
    """Only equal figures are called exact, however near others come."""
    assert words.error_in_words(figure(1_008_246, 1_008_246)) == "exact"
    assert words.error_in_words(figure(1_008_247, 1_008_246)) == "+9.9×10⁻⁵"
    assert words.error_in_words(figure(None, 3)) == "–"


@pytest.mark.parametrize(
    ("value", "predicted", "published"),
    [
        (3194640, "3,194,640", "3,194,640"),
        (18.357216, "18.36", "18.357216"),
        (5.0, "5.000", "5.0"),
        (208.6, "208.6", "208.6"),
    ],
)
def test_figures_keep_their_digits(value, predicted, published):
    """Counts in full, predictions in four digits, published figures as printed."""
    assert words.predicted_in_words(figure(value, 1)) == predicted
    assert words.published_in_words(figure(1, value)) == published


def test_sentences():
    """Figures are counted without the sums; what is beyond 10 % on either side is far off, with its reason."""
    document = survey(
        figure(100, 100),
        figure(95, 100, row="b"),
        figure(60, 100, row="c"),
        figure(None, 100, quantity="rate"),
        figure(255, 300, row="all"),
        cycles="because",
    )
    assert words.headline(document).endswith(", 4 figures beside what the presets predict.")
    assert words.verdict(document).startswith("1 are exact, 1 within 10 %, 1 further off; 1 have no prediction.")
    assert words.attention(document) == ["One, cycles: −40.0 to 0 %; because."]
    cycles, rate = words.summaries(document)
    assert (cycles.figures, cycles.least, cycles.most, cycles.whole) == (
        3,
        pytest.approx(-0.4),
        0,
        pytest.approx(-0.15),
    )
    assert (rate.least, rate.most, rate.whole, rate.is_far, words.between(rate)) == (None, None, None, False, "–")


def test_ten_percent_is_near():
    """Just at the limit is not far off, beyond it on one side is."""
    assert not words.summaries(survey(figure(110, 100, error=0.10)))[0].is_far
    assert words.summaries(survey(figure(111, 100)))[0].is_far
    assert words.attention(survey(figure(111, 100), cycles="why")) == ["One, cycles: +11.0 %; why."]
