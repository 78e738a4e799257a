"""Ratios as people read them."""

from __future__ import annotations

import math

from energyprobe.reporting import units
from energyprobe.reporting.cells import Interval


def ratio_words(ratio: Interval) -> str:
    """A ratio: ``"0.31–0.62"``, or one figure where both ends read alike; a dash where unknown."""
    if not ratio.is_known:
        return units.UNKNOWN
    low, high = ratio_figure(ratio.low), ratio_figure(ratio.high)
    return low if low == high else f"{low}–{high}"


def ratio_figure(ratio: float) -> str:
    """A ratio with two significant digits, three from 10 on; it never reads 1 unless it is."""
    if math.isnan(ratio):
        return units.UNKNOWN
    if ratio in (0, 1):
        return f"{ratio:g}"
    if ratio < 0.001:
        return f"{ratio:.1e}"
    if 0.995 <= ratio < 1.05:
        return f"{ratio:.{min(6, max(2, math.ceil(-math.log10(abs(ratio - 1)))))}f}"
    digits = 3 if ratio >= 9.95 else 2
    return f"{ratio:,.{max(0, digits - 1 - math.floor(math.log10(ratio)))}f}"
