"""Break-evens: what would have to change for two models to use the same energy on a device."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from energyprobe.costing.activity import with_activity
from energyprobe.counting.table import CountTable, count
from energyprobe.reporting import units
from energyprobe.reporting.cells import Case
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.pairs import Pair, Run, pair_of
from energyprobe.reporting.reasons import steps_of
from energyprobe.reporting.verdicts import draws_more_in_pauses, obstacles

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison

FACTORS = tuple(10.0 ** (power / 2) for power in range(-6, 5))
TIMESTEPS = tuple(2.0**power for power in range(13))
BATCH_SIZES = tuple(4.0**power for power in range(9))
PACES = tuple(10.0**power for power in range(-3, 6))
"""Multiples of the firing rate, timesteps, batch sizes and inferences per second that are tried."""

STEPS = 20
"""Halvings of the interval in which a break-even lies."""

LESS = 0.99
"""Ratio of the energies below which a model uses less: a difference of 1 % is none."""

NEVER, ALWAYS = "never less", "always less"
"""Words of where a model uses less than the baseline, whatever changes."""


@dataclass(frozen=True)
class Breakeven:
    """Where a model begins to use less energy than the baseline, with all constants at their values.

    Attributes
    ----------
    case : Case
        The model, the device and the batch size.
    quantity : str
        What changes: ``"firing rate"`` (spikes per neuron and timestep), ``"timesteps"``, ``"batch size"``
        or ``"inferences per second"``.
    at : float
        Where that is; NaN where that is nowhere within what was tried, or not known.
    below : bool or None
        Whether the model uses less below it; None where there is no such point.
    words : str
        In words: ``"below 4 (now 16)"``, ``"never less"``; a dash where it is not known.
    """

    case: Case
    quantity: str
    at: float
    below: bool | None
    words: str


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
    return tuple(_search(pair, name, *make(pair)) for name, make in QUANTITIES.items())


def breakeven_table(comparison: Comparison) -> Table | None:
    """The break-evens of every model on every device, at the first batch size.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    Table or None
        None where none is known.
    """
    rows = [
        (case, found)
        for case, found in comparison.breakevens.items()
        if any(each.words != units.UNKNOWN for each in found)
    ]
    if not rows:
        return None
    keys = tuple(comparison.label(case) for case, _ in rows)
    columns = [
        Column(
            name=name,
            header=_HEADERS.get(name, name),
            cells=tuple(found[place].words for _, found in rows),
            values=tuple(None if math.isnan(found[place].at) else found[place].at for _, found in rows),
            group=name,
        )
        for place, name in enumerate(QUANTITIES)
    ]
    who = comparison.others[0] if len(comparison.others) == 1 else "a model"
    title = f"Where {who} uses less energy than {comparison.baseline}, all else as it is"
    return Table(title, (Column(name="device", header="device", cells=keys, text=True), *columns))


Ratio = Callable[[float], float]
"""Gives the ratio of the energies at a value of a quantity."""

Searched = tuple[Ratio, Sequence[float], float, Callable[[float], str]]
"""A ratio, the points to try, the value now (NaN if there is none), and how values are written."""


def _firing_rate(pair: Pair) -> Searched:
    """Scale the events of what carries spikes: in the model, or where it has none in the baseline."""
    in_model = _rate(pair.model.counts) > 0
    run = pair.model if in_model else pair.baseline
    now = _rate(run.counts)

    def ratio(rate: float) -> float:
        factor = rate / now
        trace = with_activity(run.counts.trace, lambda _, spiking: factor if spiking else 1.0)
        changed = dataclasses.replace(run, counts=count(trace, run.counts.reading))
        return pair.ratio(model=changed) if in_model else pair.ratio(baseline=changed)

    return ratio, [factor * now for factor in FACTORS] if now > 0 else (), now, lambda rate: f"{rate:.2g}"


def _timesteps(pair: Pair) -> Searched:
    run = pair.model
    now = steps_of(run.counts, run.scenario)
    others = (run.scenario.new_samples_per_inference, run.scenario.converted_timesteps)
    fixed = any(others) or run.scenario.streaming

    def ratio(steps: float) -> float:
        return pair.ratio(model=_in(run, timesteps=round(steps)))

    return ratio, TIMESTEPS if now > 1 and not fixed else (), now, units.count


def _batch_size(pair: Pair) -> Searched:
    def ratio(size: float) -> float:
        both = {"batch_size": round(size)}
        return pair.ratio(model=_in(pair.model, **both), baseline=_in(pair.baseline, **both))

    return ratio, BATCH_SIZES, pair.case.batch_size, units.count


def _pace(pair: Pair) -> Searched:
    def ratio(pace: float) -> float:
        both = {"inferences_per_second": pace}
        return pair.ratio(model=_in(pair.model, **both), baseline=_in(pair.baseline, **both))

    now = pair.model.scenario.inferences_per_second
    paces = () if draws_more_in_pauses(pair.device) or pair.model.scenario.streaming else PACES
    return ratio, paces, math.nan if now is None else now, units.quantity


def _in(run: Run, **fields: Any) -> Run:
    """The same network, run in another way."""
    return dataclasses.replace(run, scenario=dataclasses.replace(run.scenario, **fields))


QUANTITIES: dict[str, Callable[[Pair], Searched]] = {
    "firing rate": _firing_rate,
    "timesteps": _timesteps,
    "batch size": _batch_size,
    "inferences per second": _pace,
}
"""What may change, each with what makes the search."""

WHOLE = ("timesteps", "batch size")
"""Quantities that are whole numbers."""

_HEADERS = {
    "firing rate": "spikes per neuron\nand timestep",
    "inferences per second": "inferences\nper second",
}


def _search(
    pair: Pair,
    name: str,
    ratio: Ratio,
    points: Sequence[float],
    now: float,
    write: Callable[[float], str],
) -> Breakeven:
    tried = [(point, ratio(point)) for point in points]
    crossings = [
        (before, after)
        for before, after in zip(tried, tried[1:], strict=False)
        if not math.isnan(before[1] + after[1]) and (before[1] < LESS) != (after[1] < LESS)
    ]
    if not crossings:
        if not tried or any(math.isnan(found) for _, found in tried):
            return Breakeven(pair.case, name, math.nan, None, units.UNKNOWN)
        return Breakeven(pair.case, name, math.nan, None, ALWAYS if tried[0][1] < LESS else NEVER)
    # Of several the one that is nearest to where they are.
    here = 1.0 if math.isnan(now) else now
    (low, at_low), (high, _) = min(
        crossings, key=lambda ends: abs(math.log(ends[0][0] * ends[1][0] / here**2))
    )
    below = at_low < LESS
    at = _bisect(ratio, low, high, below, name in WHOLE)
    told = "" if math.isnan(now) else f" (now {write(now)})"
    return Breakeven(pair.case, name, at, below, f"{'below' if below else 'above'} {write(at)}{told}")


def _bisect(ratio: Ratio, low: float, high: float, less_at_low: bool, whole: bool) -> float:
    """Where a ratio passes `LESS`; of whole numbers the first beyond it, or the last before."""
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        middle = float(round(middle)) if whole else middle
        if middle in (low, high):
            break
        if (ratio(middle) < LESS) == less_at_low:
            low = middle
        else:
            high = middle
    if whole:
        # "below 5" where 4 still is less; "above 4" where 5 is the first that is.
        return high if less_at_low else low
    return math.sqrt(low * high)


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
