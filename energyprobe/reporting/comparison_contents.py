"""A comparison as a document: verdicts first, then the tables, then what they rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from energyprobe.reporting import units
from energyprobe.reporting.breakeven_table import breakeven_table
from energyprobe.reporting.cells import Case, Cell, Interval, edp_ratio, energy_ratio, latency_ratio
from energyprobe.reporting.document import Column, Document, Lines, Table, printable
from energyprobe.reporting.fairness import fairness
from energyprobe.reporting.how_to_read import how_to_read
from energyprobe.reporting.listing import enumerated
from energyprobe.reporting.ratio_words import ratio_words
from energyprobe.reporting.remarks import LOWER_BOUND_MEANS, assumptions, devices, sources
from energyprobe.reporting.reproduction import reproduction_of
from energyprobe.reporting.running import per_words, scenario_words
from energyprobe.reporting.sensitivity import sensitivity_table
from energyprobe.reporting.verdicts import divided, told_once
from energyprobe.reporting.views import best_devices, naive_table, quality_table

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


class Quantity(NamedTuple):
    """What models are compared by.

    Attributes
    ----------
    name, unit : str
        Its name and SI unit.
    of : callable
        Gives it of a cell.
    ratio : callable
        Gives the ratio of two cells; NaN where they cannot be divided.
    bounded : callable
        Whether that of a cell is a lower bound.
    """

    name: str
    unit: str
    of: Callable[[Cell], Interval]
    ratio: Callable[[Cell, Cell], Interval]
    bounded: Callable[[Cell], bool] = lambda cell: cell.is_lower_bound


TABLES = (best_devices, quality_table, breakeven_table, sensitivity_table, naive_table)
"""What is shown where there is something to show."""

_BOUNDS = {(False, False): "", (True, False): "≥ ", (False, True): "≤ ", (True, True): "~ "}
"""Mark of a ratio, by whether the model's total and the baseline's are lower bounds."""

QUANTITIES = (
    Quantity("energy", "J", lambda cell: cell.energy_j, partial(divided, ratio=energy_ratio)),
    Quantity(
        "latency", "s", lambda cell: cell.latency_s, latency_ratio, lambda cell: cell.is_latency_lower_bound
    ),
    Quantity("energy × latency", "J·s", lambda cell: cell.edp_js, partial(divided, ratio=edp_ratio)),
)


def comparison_document(comparison: Comparison) -> Document:
    """Put a comparison into words.

    Parameters
    ----------
    comparison : Comparison
        What to tell.

    Returns
    -------
    Document
        Verdicts, energies, latencies and their products, assumptions, devices and sources.
    """
    document = Document(
        heading=f"{enumerated(comparison.others)} compared with {comparison.baseline}",
        subheading=_scenarios(comparison),
        sections=tuple(_sections(comparison)),
    )
    return document.mapped(printable)


def _sections(comparison: Comparison) -> Iterator[Table | Lines]:
    yield verdicts(comparison)
    yield per_device(comparison)
    yield ranges(comparison)
    for table in TABLES:
        if (shown := table(comparison)) is not None:
            yield shown
    yield fairness(comparison)
    yield Lines("How to read it", tuple(how_to_read(comparison)))
    yield _assumptions(comparison)
    prices = next(iter(comparison.reports.values())).prices
    yield devices(prices)
    yield sources(prices)
    yield _reproduction(comparison)


def _reproduction(comparison: Comparison) -> Lines:
    """Versions, recordings and the call; the scenario stands above."""
    traces = {name: comparison.reports[name, comparison.batch_sizes[0]].trace for name in comparison.models}
    call = (
        f"compare({{name: load_trace(…)}}, devices={list(comparison.devices)!r}, "
        f"batch_sizes={list(comparison.batch_sizes)!r}, baseline={comparison.baseline!r}, "
        f"draws={comparison.draws}, seed={comparison.seed})"
    )
    return reproduction_of(traces, call)


def verdicts(comparison: Comparison) -> Lines:
    """What can be said of each device and batch size, in words; once where it is the same of several."""
    return Lines("Verdict", tuple(told_once(comparison.verdicts, comparison.batch_sizes)))


def per_device(comparison: Comparison) -> Table:
    """Energy, latency and their product of each model on each device, and the ratios to the baseline."""
    places = _rows(comparison)
    columns = (
        column
        for quantity in QUANTITIES
        for column in (*_values(comparison, places, quantity), *_ratios(comparison, places, quantity))
    )
    title = f"Each model on each device, {per_words(comparison.scenario(comparison.models[0]))}"
    return Table(title, (_key(comparison, places), *columns))


def ranges(comparison: Comparison) -> Table:
    """The intervals of the same quantities."""
    places = _rows(comparison)
    columns = (
        Column(
            name=f"{model} {quantity.name} range",
            header=_header(model, quantity),
            cells=tuple(_range(cell, quantity) for cell in _cells(comparison, places, model)),
            group=quantity.name,
        )
        for quantity in QUANTITIES
        for model in comparison.models
    )
    sampling = (
        Column(
            name=f"{model} sampling",
            header=f"{model}\nsampling",
            cells=tuple(_sampling(cell) for cell in _cells(comparison, places, model)),
            group="sampling error of the energy",
        )
        for model in comparison.models
    )
    return Table("Ranges", (_key(comparison, places), *columns, *sampling))


def _rows(comparison: Comparison) -> list[Case]:
    return [
        Case(comparison.baseline, device, size)
        for device in comparison.devices
        for size in comparison.batch_sizes
    ]


def _key(comparison: Comparison, places: list[Case]) -> Column:
    labels = {price.name: price.label for price in next(iter(comparison.reports.values())).prices}
    several = len(comparison.batch_sizes) > 1
    cells = (labels[each.device] + (f", batch {each.batch_size}" if several else "") for each in places)
    return Column(name="device", header="device", cells=tuple(cells), text=True)


def _cells(comparison: Comparison, places: list[Case], model: str) -> list[Cell]:
    return [comparison.cells[place._replace(model=model)] for place in places]


def _values(comparison: Comparison, places: list[Case], quantity: Quantity) -> Iterator[Column]:
    for model in comparison.models:
        cells = tuple(_value(cell, quantity) for cell in _cells(comparison, places, model))
        yield Column(
            name=f"{model} {quantity.name}", header=_header(model, quantity), cells=cells, group=quantity.name
        )


def _ratios(comparison: Comparison, places: list[Case], quantity: Quantity) -> Iterator[Column]:
    of = _cells(comparison, places, comparison.baseline)
    for model in comparison.others:
        cells = zip(_cells(comparison, places, model), of, strict=True)
        yield Column(
            name=f"{model} {quantity.name} ratio",
            header=_header(f"{model} /\n{comparison.baseline}", quantity),
            cells=tuple(_ratio(*pair, quantity) for pair in cells),
            group=quantity.name,
        )


def _ratio(cell: Cell, baseline: Cell, quantity: Quantity) -> str:
    """A ratio; marked where one of the two is a lower bound, and where both are."""
    ratio = quantity.ratio(cell, baseline)
    if not ratio.is_known:
        return units.UNKNOWN
    mark = _BOUNDS[quantity.bounded(cell), quantity.bounded(baseline)]
    return mark + ratio_words(ratio)


def _header(name: str, quantity: Quantity) -> str:
    return name + "\n" + quantity.name.replace("× ", "×\n")


def _value(cell: Cell, quantity: Quantity) -> str:
    if cell.total.does_not_fit:
        return "does not fit"
    interval = quantity.of(cell)
    if not interval.value > 0:
        return units.UNKNOWN
    return units.quantity(interval.value, quantity.unit, lower_bound=quantity.bounded(cell))


def _range(cell: Cell, quantity: Quantity) -> str:
    interval = quantity.of(cell)
    if not interval.value > 0 or cell.total.does_not_fit:
        return units.UNKNOWN
    if interval.low == interval.high:
        return units.NO_RANGE
    return units.interval(interval.low, interval.high, quantity.unit, lower_bound=quantity.bounded(cell))


def _sampling(cell: Cell) -> str:
    if not cell.is_priced or units.is_unknown(cell.sampling.energy):
        return units.UNKNOWN
    return f"±{units.percentage(cell.sampling.energy)}"


def _assumptions(comparison: Comparison) -> Lines:
    """Assumptions of all reports: of all models once, of one with its name."""
    of: dict[str, list[str]] = {}
    for (model, _), report in comparison.reports.items():
        for line in assumptions(report.trace, report.layers, report.prices).lines:
            of.setdefault(line, []).append(model)
    lines = []
    for line, models in of.items():
        named = list(dict.fromkeys(models))
        everyone = len(named) == len(comparison.models)
        lines.append(line if everyone else f"{', '.join(named)}: {line}")
    return Lines("Assumptions", tuple(line for line in lines if line != LOWER_BOUND_MEANS))


def _scenarios(comparison: Comparison) -> str:
    words = {
        model: scenario_words(report.scenario, batch_size=False)
        for (model, _), report in comparison.reports.items()
    }
    sizes = ", ".join(map(str, comparison.batch_sizes))
    batch = f"batch size{'s' if len(comparison.batch_sizes) > 1 else ''} {sizes}"
    if len(set(words.values())) == 1:
        return ", ".join(filter(None, (batch, next(iter(words.values())))))
    return "; ".join([batch, *(f"{name}: {each or 'as recorded'}" for name, each in words.items())])
