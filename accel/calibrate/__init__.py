"""Formats chosen from data or from proof: where binary points go, and how few bits keep an accuracy.

The contract: word lengths are the machine's own or as asked for, signs stay (an unsigned format gets one where values
are negative), roundings, overflow modes, accumulators and hardware are not touched. What comes out is an accelerator
file whose figures were measured on the machine that the file describes.
"""

from accel.calibrate.calibration import METHODS, calibrate
from accel.calibrate.result import Calibration

__all__ = ["METHODS", "Calibration", "calibrate"]
