"""Verdicts in words: which of two models uses less energy on a device, as far as that is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from energyprobe.reporting.cells import Case, Cell, Interval, energy_ratio

Outcome = Literal["less", "more", "no difference", "unknown"]
Bound = Literal["", "at least", "at most"]


@dataclass(frozen=True)
class Verdict:
    """Which of two models uses less energy on a device, at a batch size.

    Attributes
    ----------
    case : Case
        The model, the device and the batch size.
    baseline : str
        The model that it is compared with.
    outcome : {"less", "more", "no difference", "unknown"}
        What is known of the model's energy beside the baseline's: its whole interval lies on one side of
        1, or does not, or too little has a price.
    ratio : Interval
        The model's energy over the baseline's; NaN where either has no price.
    bound : {"", "at least", "at most"}
        Whether the ratio is a bound, because one of the two totals is a lower bound.
    reason : str
        Why: the terms that make the difference, or what is not known.
    """

    case: Case
    baseline: str
    outcome: Outcome
    ratio: Interval
    bound: Bound
    reason: str

    @property
    def words(self) -> str:
        """The verdict as a sentence without full stop."""
        model, baseline, bound = self.case.model, self.baseline, f"{self.bound} " if self.bound else ""
        match self.outcome:
            case "less":
                told = f"{model} uses {bound}{self._told} of {baseline}'s energy"
            case "more":
                told = f"{model} costs {bound}{self._told} times {baseline}'s energy"
            case "no difference":
                told = f"no difference beyond the interval ({model} uses {self._told} of {baseline}'s energy)"
            case _:
                told = "no verdict"
        return f"{told}: {self.reason}" if self.reason else told

    @property
    def _told(self) -> str:
        """The ratio; of one that is a bound the end that holds."""
        ends = {"at least": self.ratio.low, "at most": self.ratio.high}
        return ratio_words(self.ratio) if not self.bound else ratio_figure(ends[self.bound])


def judge(cell: Cell, baseline: Cell) -> tuple[Outcome, Bound, str]:
    """Decide on the energy of two models on one device at one batch size.

    Parameters
    ----------
    cell, baseline : Cell
        The two.

    Returns
    -------
    tuple of (str, str, str)
        Outcome, bound, and why nothing is known (empty where something is).
    """
    unknown = "; ".join(_obstacles(cell, baseline))
    if unknown:
        return "unknown", "", unknown
    ratio = energy_ratio(cell, baseline)
    if cell.is_lower_bound:
        if ratio.low > 1 and not baseline.is_lower_bound:
            return "more", "at least", ""
        both = cell.is_lower_bound and baseline.is_lower_bound
        return "unknown", "", _bounds((cell, baseline) if both else (cell,))
    if baseline.is_lower_bound:
        return ("less", "at most", "") if ratio.high < 1 else ("unknown", "", _bounds((baseline,)))
    if ratio.high < 1:
        return "less", "", ""
    return ("more", "", "") if ratio.low > 1 else ("no difference", "", "")


def ratio_words(ratio: Interval) -> str:
    """A ratio: ``"0.31–0.62"``, or one figure where both ends read alike; a dash where unknown."""
    if not ratio.is_known:
        return "—"
    low, high = ratio_figure(ratio.low), ratio_figure(ratio.high)
    return low if low == high else f"{low}–{high}"


def ratio_figure(ratio: float) -> str:
    """A ratio with two significant digits, three from 100 on; never rounded to 1 unless it is 1."""
    if math.isnan(ratio):
        return "—"
    if 0.995 <= ratio <= 1.05 and ratio != 1:
        digits = max(2, math.ceil(-math.log10(abs(ratio - 1))))
        return f"{ratio:.{min(digits, 6)}f}"
    if ratio == 0 or 0.001 <= ratio < 1:
        return f"{ratio:.2g}" if ratio < 0.1 else f"{ratio:.2f}"
    if ratio < 0.001:
        return f"{ratio:.1e}"
    return f"{ratio:,.0f}" if ratio >= 99.5 else f"{ratio:.3g}" if ratio >= 9.95 else f"{ratio:.2g}"


def _obstacles(cell: Cell, baseline: Cell) -> Iterator[str]:
    for each in (cell, baseline):
        if each.total.does_not_fit:
            yield f"{each.case.model} {each.total.does_not_fit}"
        elif not each.is_priced:
            yield _unpriced(each)


def _unpriced(cell: Cell) -> str:
    graded = any("reads graded values" in text for text in cell.cost.reasons)
    if graded and not cell.cost.device.graded_events:
        return f"it takes spikes, and {cell.case.model} is made of graded values"
    return f"nothing of {cell.case.model} has a price on it"


def _bounds(cells: tuple[Cell, ...]) -> str:
    told = []
    for each in cells:
        why = each.cost.reasons
        more = f" (and {len(why) - 1} more)" if len(why) > 1 else ""
        told.append(f"{each.case.model}'s total is a lower bound, {why[0]}{more}")
    return "; ".join(told)
