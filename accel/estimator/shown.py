"""An estimate as a notebook shows it: `NetworkReport`, which knows no pages, with `_repr_html_`."""

from __future__ import annotations

from accel.arch.result import NetworkReport


class Estimate(NetworkReport):
    """What `accel.estimate` returns."""

    def _repr_html_(self) -> str:
        """Show totals and layers in a notebook."""
        from accel.report import render_estimate

        return render_estimate(self)
