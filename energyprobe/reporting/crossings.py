"""Where a ratio of two energies passes 1 while one thing changes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Curve = Callable[[float], float]
"""Gives the ratio at a value of what changes; NaN where it is not known."""

LESS = 0.99
"""Ratio of the energies below which a model uses less: a difference of 1 % is none."""

STEPS = 20
"""Halvings of the interval in which a crossing lies."""


@dataclass(frozen=True)
class Crossing:
    """Where a curve passes `LESS`.

    Attributes
    ----------
    at : float
        The place; NaN where there is none, or none is known.
    below : bool or None
        Whether the curve is less below it; None where there is no such place.
    less : bool or None
        Whether it is less everywhere, where there is no such place; None where that is not known, too.
    """

    at: float
    below: bool | None = None
    less: bool | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is a place, or there is known to be none."""
        return self.below is not None or self.less is not None

    def on_axis(self, below: bool) -> float:
        """The place, before or behind everything where the curve is less nowhere or everywhere.

        Parameters
        ----------
        below : bool
            Whether other curves are less below theirs.

        Returns
        -------
        float
            0 or infinity where there is none; NaN where it is not known.
        """
        if self.less is None:
            return self.at
        return math.inf if self.less == below else 0.0


NOT_KNOWN = Crossing(math.nan)
"""Where a curve is not known, or nothing was tried."""


def crossing(
    curve: Curve, points: Sequence[float], near: float, *, whole: bool, below: bool | None = None
) -> Crossing:
    """Search for the place where a curve passes `LESS`.

    Parameters
    ----------
    curve : callable
        The curve.
    points : sequence of float
        What to try, ascending.
    near : float
        Of several places the one nearest to this value is meant.
    whole : bool
        Whether only whole numbers have a meaning: then it is the first beyond the place, or the last before.
    below : bool, optional
        Only places below which the curve is less, or above which it is.

    Returns
    -------
    Crossing
    """
    tried = [(point, curve(point)) for point in points]
    found = [
        (before[0], after[0], before[1] < LESS)
        for before, after in itertools.pairwise(tried)
        if not math.isnan(before[1] + after[1]) and (before[1] < LESS) != (after[1] < LESS)
    ]
    wanted = [each for each in found if below in (None, each[2])]
    if wanted:
        low, high, less_at_low = min(wanted, key=lambda ends: abs(math.log(ends[0] * ends[1] / near**2)))
        return Crossing(_bisect(curve, low, high, less_at_low, whole), less_at_low)
    if not tried or any(math.isnan(ratio) for _, ratio in tried):
        return NOT_KNOWN
    return Crossing(math.nan, less=tried[0][1] < LESS)


def _bisect(curve: Curve, low: float, high: float, less_at_low: bool, whole: bool) -> float:
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        middle = float(round(middle)) if whole else middle
        if middle in (low, high):
            break
        if (curve(middle) < LESS) == less_at_low:
            low = middle
        else:
            high = middle
    if whole:
        # "below 5" where 4 still is less; "above 4" where 5 is the first that is.
        return high if less_at_low else low
    return math.sqrt(low * high)
