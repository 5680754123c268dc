"""Golden-versus-fixed regression: thresholds on a run, and codes stored by an earlier one.

Either kind gives `Case`s, one per thing that was held against something; a check passes when all of them do. Stored
codes pin every bit of every node for a few inputs, and the first one that differs is told in full.
"""

from accel.check.case import Case
from accel.check.compare import Divergence, compare
from accel.check.golden import Golden, Identity, load_golden, numerics_digest, record, save_golden
from accel.check.junit import junit
from accel.check.thresholds import Thresholds

__all__ = [
    "Case",
    "Divergence",
    "Golden",
    "Identity",
    "Thresholds",
    "compare",
    "junit",
    "load_golden",
    "numerics_digest",
    "record",
    "save_golden",
]
