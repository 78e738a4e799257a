"""Break-evens: what would have to change for two models to use the same energy on a device."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energyprobe.costing.activity import with_activity
from energyprobe.counting.table import CountTable, count
from energyprobe.reporting import units
from energyprobe.reporting.cells import Case
from energyprobe.reporting.crossings import LESS, NOT_KNOWN, Crossing, crossing
from energyprobe.reporting.pairs import Pair, Run, pair_of
from energyprobe.reporting.ratio_curves import Change, RatioCurve
from energyprobe.reporting.reasons import steps_of
from energyprobe.reporting.verdicts import draws_more_in_pauses, obstacles

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison

FACTORS = tuple(10.0 ** (power / 2) for power in range(-6, 5))
TIMESTEPS = tuple(2.0**power for power in range(13))
BATCH_SIZES = tuple(4.0**power for power in range(9))
PACES = tuple(10.0**power for power in range(-3, 6))
"""Multiples of the firing rate, timesteps, batch sizes and inferences per second that are tried."""


@dataclass(frozen=True)
class Breakeven:
    """Where a model begins to use less energy than the baseline.

    Attributes
    ----------
    case : Case
        The model, the device and the batch size.
    quantity : str
        What changes: ``"firing rate"`` (spikes per neuron and timestep), ``"timesteps"``, ``"batch size"``
        or ``"inferences per second"``.
    of : str
        The model in which it changes; empty where it changes in both.
    now : float
        What it is; NaN where models run back to back.
    at : float
        Where the model begins to use less with all constants at their values; NaN where that is nowhere
        within what was tried, or not known.
    low, high : float
        5-95 % of the joint draws that ratios are made of. 0 or infinity where that end lies among draws in
        which the model uses less nowhere, or everywhere; NaN where that is so of both ends alike, or not
        known.
    below : bool or None
        Whether the model uses less below it; None where there is no such point.
    words : str
        In words: ``"below 4"``, ``"never less"``; a dash where it is not known.
    range_words : str
        Likewise of the interval: ``"3–6"``, ``"3–always"``.
    now_words : str
        Likewise of what it is: ``"16"``, ``"back to back"``.
    """

    case: Case
    quantity: str
    of: str
    now: float
    at: float
    low: float
    high: float
    below: bool | None
    words: str
    range_words: str
    now_words: str


def breakevens(comparison: Comparison, case: Case) -> tuple[Breakeven, ...]:
    """Search for the break-evens of a model on a device.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    case : Case
        The model, the device and the batch size.

    Returns
    -------
    tuple of Breakeven
        One for each quantity; none where the energies cannot be divided. Of lower bounds they are those of
        what is priced.
    """
    if any(obstacles(*comparison.pair(case))):
        return ()
    pair = pair_of(comparison, case)
    found = (make(pair, comparison.baseline) for make in QUANTITIES)
    return tuple(_breakeven(pair, each) for each in found)


@dataclass(frozen=True)
class Quantity:
    """Something that may change.

    Attributes
    ----------
    name, of : str
        As of a `Breakeven`.
    now : float
        What it is; NaN if it is not set.
    points : sequence of float
        What to try; none where it cannot change.
    change : callable
        How the models are run at a value.
    write : callable
        Writes a value.
    whole : bool
        Whether it is a whole number.
    """

    name: str
    of: str
    now: float
    points: Sequence[float]
    change: Change
    write: Callable[[float], str]
    whole: bool = False


def _firing_rate(pair: Pair, baseline: str) -> Quantity:
    """Scale the events of what carries spikes: in the model, or where it has none in the baseline."""
    in_model = _rate(pair.model.counts) > 0
    run = pair.model if in_model else pair.baseline
    now = _rate(run.counts)

    def change(rate: float) -> tuple[Run, Run]:
        factor = rate / now
        trace = with_activity(run.counts.trace, lambda _, spiking: factor if spiking else 1.0)
        changed = dataclasses.replace(run, counts=count(trace, run.counts.reading))
        return (changed, pair.baseline) if in_model else (pair.model, changed)

    points = [factor * now for factor in FACTORS] if now > 0 else ()
    return Quantity(
        "firing rate", pair.case.model if in_model else baseline, now, points, change, _few_digits
    )


def _timesteps(pair: Pair, _: str) -> Quantity:
    run = pair.model
    now = steps_of(run.counts, run.scenario)
    others = (run.scenario.new_samples_per_inference, run.scenario.converted_timesteps)
    fixed = any(others) or run.scenario.streaming

    def change(steps: float) -> tuple[Run, Run]:
        return _in(run, timesteps=round(steps)), pair.baseline

    points = TIMESTEPS if now > 1 and not fixed else ()
    return Quantity("timesteps", pair.case.model, now, points, change, units.count, whole=True)


def _batch_size(pair: Pair, _: str) -> Quantity:
    def change(size: float) -> tuple[Run, Run]:
        return _in(pair.model, batch_size=round(size)), _in(pair.baseline, batch_size=round(size))

    now = pair.case.batch_size
    return Quantity("batch size", "", now, BATCH_SIZES, change, units.count, whole=True)


def _pace(pair: Pair, _: str) -> Quantity:
    def change(pace: float) -> tuple[Run, Run]:
        return _in(pair.model, inferences_per_second=pace), _in(pair.baseline, inferences_per_second=pace)

    now = pair.model.scenario.inferences_per_second
    points = () if draws_more_in_pauses(pair.device) or pair.model.scenario.streaming else PACES
    return Quantity(
        "inferences per second", "", math.nan if now is None else now, points, change, _few_digits
    )


def _in(run: Run, **fields: Any) -> Run:
    """The same network, run in another way."""
    return dataclasses.replace(run, scenario=dataclasses.replace(run.scenario, **fields))


def _few_digits(value: float) -> str:
    """Two digits of what is below 1, without a prefix."""
    return f"{value:#.2g}" if value < 1 else units.quantity(value)


QUANTITIES = (_firing_rate, _timesteps, _batch_size, _pace)
"""What may change, each as a function of a pair of models and the name of the baseline."""


def _breakeven(pair: Pair, quantity: Quantity) -> Breakeven:
    curve = RatioCurve(pair, quantity.change)
    here = 1.0 if math.isnan(quantity.now) else quantity.now
    found = crossing(curve, quantity.points, here, whole=quantity.whole)
    ends = _ends(curve, quantity, found, here) if found.is_known else (NOT_KNOWN, NOT_KNOWN)
    below = next((each.below for each in (found, *ends) if each.below is not None), None)
    low, high = sorted(ends, key=lambda end: end.on_axis(below is not False))
    return Breakeven(
        case=pair.case,
        quantity=quantity.name,
        of=quantity.of,
        now=quantity.now,
        at=found.at,
        low=math.nan if below is None else low.on_axis(below),
        high=math.nan if below is None else high.on_axis(below),
        below=below,
        words=_words(found, quantity.write),
        range_words=_range_words(low, high, quantity.write, placed=found.below is not None),
        now_words="back to back" if math.isnan(quantity.now) else quantity.write(quantity.now),
    )


def _ends(curve: RatioCurve, quantity: Quantity, found: Crossing, here: float) -> tuple[Crossing, Crossing]:
    """Where the low and the high end of the ratio's interval pass: 5-95 % of the places of single draws."""
    if found.below is None:
        centre = min(quantity.points, key=lambda point: abs(math.log(curve(point) / LESS)))
    else:
        centre = here = found.at
    interval = curve.drawn(centre)
    search = functools.partial(
        crossing, points=quantity.points, near=here, whole=quantity.whole, below=found.below
    )
    return search(lambda point: interval(point).low), search(lambda point: interval(point).high)


def _words(place: Crossing, write: Callable[[float], str]) -> str:
    if place.below is not None:
        return f"{'below' if place.below else 'above'} {write(place.at)}"
    return units.UNKNOWN if place.less is None else f"{_everywhere(place)} less"


def _range_words(low: Crossing, high: Crossing, write: Callable[[float], str], *, placed: bool) -> str:
    """Both ends; with "below" or "above" where there is no place at the values that would tell which."""
    if not (low.is_known and high.is_known):
        return units.UNKNOWN
    words = [
        _everywhere(end) if end.below is None else write(end.at) if placed else _words(end, write)
        for end in (low, high)
    ]
    return "–".join(dict.fromkeys(words))


def _everywhere(place: Crossing) -> str:
    return "always" if place.less else "never"


def _rate(counts: CountTable) -> float:
    """Spikes per neuron and timestep of all tensors of spikes that are read; 0 where there are none."""
    read = [
        step.use.activity
        for row in counts.rows
        for step in row.call.steps
        if step.use is not None and step.use.spiking and step.use.activity is not None
    ]
    elements = sum(each.elements for each in read)
    spikes = sum(each.spikes_or_events for each in read)
    return spikes / elements if elements else 0.0
