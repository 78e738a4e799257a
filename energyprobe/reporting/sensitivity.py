"""Sensitivity: which constants move the ratio of two models on a device most, one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.costing.figures import Figure
from energyprobe.costing.titles import figure_title
from energyprobe.reporting import units
from energyprobe.reporting.cells import Case
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.pairs import Pair, pair_of
from energyprobe.reporting.ratio_words import ratio_figure
from energyprobe.reporting.verdicts import obstacles

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison

SHOWN = 3
"""Constants that the table shows for each device and model."""

NOTICEABLE = 1.01
"""Factor between the two ratios from which on a constant matters."""


@dataclass(frozen=True)
class Sensitivity:
    """What one constant does to the ratio of two models, all others at their values.

    Attributes
    ----------
    case : Case
        The model, the device and the batch size.
    constant : str
        Name of the figure as in `Device.figures`; ``"held_out"`` for the error of the device model,
        ``"sampling"`` for that of the recorded activity.
    title, range : str
        What it is called, and the range over which it is moved.
    at_low, at_high : float
        The ratio at both ends.
    """

    case: Case
    constant: str
    title: str
    range: str
    at_low: float
    at_high: float

    @property
    def effect(self) -> float:
        """Factor between the two ratios, at least 1."""
        return math.exp(abs(math.log(self.at_high / self.at_low)))

    @property
    def turns_the_verdict(self) -> bool:
        """Whether the model costs less at one end and more at the other."""
        return (self.at_low < 1) != (self.at_high < 1)


def sensitivities(comparison: Comparison, case: Case) -> tuple[Sensitivity, ...]:
    """Move the constants of a device one by one.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    case : Case
        The model, the device and the batch size.

    Returns
    -------
    tuple of Sensitivity
        Those that matter, the strongest first; none where the energies cannot be divided.
    """
    if any(obstacles(*comparison.pair(case))):
        return ()
    pair = pair_of(comparison, case)
    value = pair.ratio(pair.device)
    found = (*_figures(pair), *_errors(comparison, case, value))
    return tuple(sorted((each for each in found if each.effect > NOTICEABLE), key=lambda each: -each.effect))


def sensitivity_table(comparison: Comparison) -> Table | None:
    """The constants that move the ratios most, at the first batch size.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    Table or None
        A few rows for each device and model; None where no constant moves any ratio.
    """
    size = comparison.batch_sizes[0]
    rows = [
        each
        for device in comparison.devices
        for model in comparison.others
        for each in sensitivities(comparison, Case(model, device, size))[:SHOWN]
    ]
    if not rows:
        return None
    keys = tuple(f"{comparison.label(row.case)}: {row.title}" for row in rows)
    who = f"{comparison.others[0]} / {comparison.baseline}" if len(comparison.others) == 1 else "ratios"
    columns = (
        Column(name="constant", header="device: constant", cells=keys, text=True),
        Column(name="range", header="low–high", cells=tuple(row.range for row in rows)),
        _ratios("at_low", "ratio\nat low", [row.at_low for row in rows]),
        _ratios("at_high", "ratio\nat high", [row.at_high for row in rows]),
        Column(
            name="turns",
            header="turns\nit",
            cells=tuple("yes" if row.turns_the_verdict else "no" for row in rows),
        ),
    )
    return Table(f"What moves {who} in energy most, one constant at a time", columns)


def _ratios(name: str, header: str, ratios: list[float]) -> Column:
    return Column(name=name, header=header, cells=tuple(map(ratio_figure, ratios)), values=tuple(ratios))


def _figures(pair: Pair) -> Iterator[Sensitivity]:
    figures = pair.device.figures
    for term in pair.device.uncertain:
        figure = figures[term]
        low, high = (pair.ratio(pair.device.at({term: end})) for end in (figure.low_si, figure.high_si))
        if low > 0 and high > 0:
            yield Sensitivity(pair.case, term, figure_title(term), _range(figure), low, high)


def _errors(comparison: Comparison, case: Case, value: float) -> Iterator[Sensitivity]:
    """Errors that are no constants: of the device model, and of the recorded activity of either model."""
    held_out = comparison.cells[case].cost.device.held_out
    if held_out is not None:
        # Of two networks, one off by the factor: as far as one constant alone would move the ratio.
        factor = held_out.factor
        title, range_ = "error of the device model", f"× {1 / factor:.2f}–{factor:.2f}"
        yield Sensitivity(case, "held_out", title, range_, value / factor, value * factor)
    for name in (case.model, comparison.baseline):
        half = comparison.cells[case._replace(model=name)].sampling.energy
        if half > 0:
            factors = (1 - half, 1 + half) if name == case.model else (1 / (1 - half), 1 / (1 + half))
            low, high = (value * max(factor, 0.0) for factor in factors)
            if low > 0 and high > 0:
                title = f"recorded activity of {name}"
                yield Sensitivity(case, "sampling", title, f"±{units.percentage(half)}", low, high)


def _range(figure: Figure) -> str:
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    # Device files write "us" and "uJ".
    unit = f"µ{figure.unit[1:]}" if figure.unit.startswith("u") else figure.unit
    return f"{low:g}–{high:g} {unit}"
