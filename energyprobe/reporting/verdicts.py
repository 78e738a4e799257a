"""Verdicts in words: which of two models uses less energy on a device, as far as that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from energyprobe.costing.device import Device
from energyprobe.reporting.cells import UNKNOWN, Case, Cell, Interval, energy_ratio
from energyprobe.reporting.lacks import lower_bound_words
from energyprobe.reporting.listing import enumerated
from energyprobe.reporting.ratio_words import ratio_figure, ratio_words

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
        The model's energy over the baseline's; NaN where they cannot be divided. Where nothing is known it
        is of what is priced.
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
        match self.outcome:
            case "less" | "more":
                told = self._told
            case "no difference":
                told = f"no difference beyond the interval ({self._told})"
            case _:
                told = "no verdict"
        words = f"{told}: {self.reason}" if self.reason else told
        if self.outcome == "unknown" and self.ratio.is_known:
            words += f"; as far as priced, {self._told}"
        return words

    @property
    def _told(self) -> str:
        """The ratio in words; of one that is a bound the end that holds."""
        ends = {"at least": self.ratio.low, "at most": self.ratio.high}
        figure = f"{self.bound} {ratio_figure(ends[self.bound])}" if self.bound else ratio_words(self.ratio)
        if self.ratio.low > 1:
            return f"{self.case.model} costs {figure} times {self.baseline}'s energy"
        return f"{self.case.model} uses {figure} of {self.baseline}'s energy"


def told_once(verdicts: Iterable[Verdict], batch_sizes: Sequence[int]) -> list[str]:
    """Verdicts with their devices and batch sizes, those of the same words together.

    Parameters
    ----------
    verdicts : iterable of Verdict
        What is told.
    batch_sizes : sequence of int
        All batch sizes: of a device at all of them none is named.

    Returns
    -------
    list of str
        Sentences without full stop.
    """
    where: dict[str, dict[str, list[int]]] = {}
    for verdict in verdicts:
        _, device, batch_size = verdict.case
        where.setdefault(verdict.words, {}).setdefault(device, []).append(batch_size)
    return [f"{_places(places, batch_sizes)}: {words}" for words, places in where.items()]


def _places(places: dict[str, list[int]], batch_sizes: Sequence[int]) -> str:
    """Devices, each with its batch sizes where not all are meant."""
    words = []
    for device, sizes in places.items():
        batch = f" at batch size {enumerated(map(str, sizes))}" if len(set(sizes)) < len(batch_sizes) else ""
        words.append(device + batch)
    return ", ".join(words)


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
    if unknown := "; ".join(obstacles(cell, baseline)):
        return "unknown", "", unknown
    ratio = energy_ratio(cell, baseline)
    bounded = [each for each in (cell, baseline) if each.is_lower_bound]
    if not bounded:
        if ratio.low <= 1 <= ratio.high:
            return "no difference", "", ""
        return ("less" if ratio.high < 1 else "more"), "", ""
    if bounded == [cell] and ratio.low > 1:
        return "more", "at least", ""
    if bounded == [baseline] and ratio.high < 1:
        return "less", "at most", ""
    return "unknown", "", lower_bound_words(bounded)


def obstacles(cell: Cell, baseline: Cell) -> Iterator[str]:
    """Why the energies of two models cannot be divided.

    Parameters
    ----------
    cell, baseline : Cell
        Both on one device, at one batch size.

    Yields
    ------
    str
        Reasons; none where they can.
    """
    graded = [each.case.model for each in (cell, baseline) if _is_graded(each)]
    if graded:
        are = "are" if len(graded) > 1 else "is"
        yield f"it takes spikes, and {enumerated(graded)} {are} of graded values"
    for each in (cell, baseline):
        if each.total.does_not_fit:
            yield f"{each.case.model} {each.total.does_not_fit}"
        elif not each.is_priced and not _is_graded(each):
            yield f"nothing of {each.case.model} has a price on it"
    if cell.is_priced and baseline.is_priced and not cell.cost.same_boundary(baseline.cost):
        yield f"the totals cover different things, {cell.cost.boundary} and {baseline.cost.boundary}"
    if cell.cost.scenario.inferences_per_second and draws_more_in_pauses(cell.cost.device):
        yield "its published idle power is above its static power at work: longer work would cost less"


def divided(cell: Cell, baseline: Cell, ratio: Callable[[Cell, Cell], Interval]) -> Interval:
    """A ratio of two models' energies, or of what contains them, where they can be divided.

    Parameters
    ----------
    cell, baseline : Cell
        Both on one device, at one batch size.
    ratio : callable
        Divides them.

    Returns
    -------
    Interval
        NaN where there are `obstacles`.
    """
    return UNKNOWN if any(obstacles(cell, baseline)) else ratio(cell, baseline)


def draws_more_in_pauses(device: Device) -> bool:
    """Whether the published idle power of a device is above its static power at work.

    Parameters
    ----------
    device : Device
        The device.

    Returns
    -------
    bool
        At a pace such a device would be cheaper the longer it works: its figures decide nothing.
    """
    idle, static = device.figures.get("idle_w"), device.figures.get("static_w")
    return idle is not None and static is not None and idle.value_si > static.value_si


def _is_graded(cell: Cell) -> bool:
    """Whether nothing of a model has a price because the device takes spikes, and the model values."""
    reads = any("reads graded values" in text for text in cell.cost.reasons)
    return reads and not cell.is_priced and not cell.cost.device.graded_events
