"""What other tools call the rounding and overflow modes: the same word often means another mode.

Sources: AMD UG1399 (`ap_fixed`), MathWorks `fi` (RoundingMethod, OverflowAction), NumPy and C11 library references,
IEEE 1364 and 1800 (Verilog: real-to-integer conversion, signed division, `>>>`), gemmlowp's fixedpoint.h as used by
TensorFlow Lite, QONNX's Quant operator.
"""

from __future__ import annotations

from collections.abc import Mapping

TOOLS = ("ap_fixed", "MATLAB fi", "NumPy", "C", "Verilog", "TFLite", "QONNX")

ROUNDING: Mapping[str, tuple[str, ...]] = {
    "TRN": ("AP_TRN", "Floor", "floor, >>", "floor, >> (arithmetic)", ">>>", "-", "FLOOR"),
    "TRN_ZERO": (
        "AP_TRN_ZERO",
        "Zero",
        "trunc, fix, astype(int)",
        "trunc, (int)",
        "/ (signed), $rtoi",
        "-",
        "DOWN",
    ),
    "RND": (
        "AP_RND",
        "Nearest",
        "floor(x + 0.5)",
        "floor(x + 0.5)",
        "(v + half) >>> s",
        "SaturatingRoundingDoublingHighMul",
        "-",
    ),
    "RND_ZERO": ("AP_RND_ZERO", "-", "-", "-", "-", "-", "HALF_DOWN"),
    "RND_MIN_INF": ("AP_RND_MIN_INF", "-", "ceil(x - 0.5)", "ceil(x - 0.5)", "-", "-", "-"),
    "RND_INF": (
        "AP_RND_INF",
        "Round",
        "-",
        "round, lround",
        "real to integer",
        "RoundingDivideByPOT",
        "HALF_UP",
    ),
    "RND_CONV": ("AP_RND_CONV", "Convergent", "round, rint", "rint, nearbyint", "-", "-", "ROUND, HALF_EVEN"),
    "STOCHASTIC": ("-", "-", "-", "-", "-", "-", "-"),
}
"""Names by mode, in the order of TOOLS; "-": the tool has none."""

OVERFLOW: Mapping[str, tuple[str, ...]] = {
    "SAT": ("AP_SAT", "Saturate", "clip", "-", "-", "saturating", "(always)"),
    "SAT_ZERO": ("AP_SAT_ZERO", "-", "-", "-", "-", "-", "-"),
    "SAT_SYM": ("AP_SAT_SYM", "-", "-", "-", "-", "-", "narrow = 1"),
    "WRAP": (
        "AP_WRAP",
        "Wrap",
        "astype to a narrower integer",
        "unsigned arithmetic",
        "assignment to fewer bits",
        "-",
        "-",
    ),
    "WRAP_SM": ("AP_WRAP_SM", "-", "-", "-", "-", "-", "-"),
}

TRAPS = (
    "round is RND_CONV in NumPy and Python, RND_INF in C and MATLAB's Round",
    "QONNX's HALF_UP is RND_INF: half away from zero, not up",
    "TFLite's high multiply is RND and its rounding shift is RND_INF: one requantization uses both",
    "Verilog's >>> is TRN: it rounds -0.5 to -1",
)
