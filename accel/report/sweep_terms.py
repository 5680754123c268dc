"""The terms of pages about many machines or two runs, each defined once.

Pareto: V. Pareto, "Cours d'économie politique", 1896; the knee: Eager, Zahorjan, Lazowska, "Speedup Versus Efficiency
in Parallel Systems", IEEE Transactions on Computers 38(3), 1989.
"""

from __future__ import annotations

from accel.report.glossary import Term

SWEEP_TERMS: dict[str, tuple[Term, ...]] = {
    "Sweeps": (
        Term("point", "One network on one machine of the sweep; its name is the start of its content's SHA-256."),
        Term("axis", "What a sweep varies: a key of the accelerator file, several keys under a name, or the network."),
        Term("objective", "A figure that is to be as large or as small as it can be."),
        Term(
            "Pareto front",
            "The points that no other point beats: nothing else is at least as good in every objective and better in "
            "one.",
        ),
        Term("beaten", "Measured, within the constraints, and not on the front."),
        Term("beyond", "Measured, and beyond a constraint; it cannot be on the front."),
    ),
    "Speed-up": (
        Term("speed-up", "How many times as fast a machine is as the smallest one of its curve."),
        Term("efficiency", "Speed-up over how many times as many processing elements it has; the ideal is 100 %."),
        Term(
            "knee",
            "The size with the largest product of speed-up and efficiency. Beyond it, doubling the elements gains less "
            "than a factor of 1.41 on the whole.",
        ),
    ),
}
"""Terms by subject, in reading order."""
