"""A report as a document: the per-layer table, the totals, and what a reader must know beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import TotalCost
from energyprobe.costing.titles import term_title
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting import units
from energyprobe.reporting.arrangement import arranged
from energyprobe.reporting.document import Column, Document, Lines, Table, printable
from energyprobe.reporting.fields import DEFAULT_FIELDS, FIELDS, SHOWN_WHERE_KNOWN
from energyprobe.reporting.kernels import KERNEL_COLUMNS, kernel_columns, shown
from energyprobe.reporting.legend import legend
from energyprobe.reporting.prices import PRICE_UNITS, SHARE, Prices, ordered_terms, price_words
from energyprobe.reporting.remarks import assumptions, devices, sources
from energyprobe.reporting.reproduction import reproduction
from energyprobe.reporting.running import per_words, recording_words, scenario_words
from energyprobe.reporting.summary import summary
from energyprobe.reporting.uncounted import missed, not_counted

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report
    from energyprobe.reporting.view import View


def document_of(report: Report) -> Document:
    """Put a report into words.

    Parameters
    ----------
    report : Report
        What to tell.

    Returns
    -------
    Document
        Summary, per-layer table, totals, what was not counted, a legend, assumptions, devices, sources, and
        how to make it again.
    """
    overview = overview_of(report)
    explained = (
        legend(section for section in overview.sections if isinstance(section, Table)),
        assumptions(report.trace, report.layers, report.prices),
        devices(report.prices),
        sources(report.prices),
        reproduction(report.trace, report.devices, report.scenario),
    )
    return replace(overview, sections=(*overview.sections, *explained)).mapped(printable)


def overview_of(report: Report) -> Document:
    """Put what a report tells of the network into words, without what holds of the devices.

    Parameters
    ----------
    report : Report
        What to tell.

    Returns
    -------
    Document
        Summary, per-layer table, totals and what was not counted.
    """
    document = Document(
        heading=f"Energy of {report.trace.model}",
        subheading=f"{recording_words(report.counts)}, {scenario_words(report.scenario)}",
        sections=(
            summary(report),
            *(per_layer(report, view) for view in report.views),
            totals(report.prices, report.scenario),
            *_not_counted(report),
        ),
    )
    return document.mapped(printable)


def per_layer(report: Report, view: View) -> Table:
    """The table of all layers in one reading, with the columns and the rows that were chosen.

    Of what no layer causes it shows what one of the columns tells anything of.
    """
    view = arranged(view, report.arrangement)
    lines = (*(layer.path for layer in view.layers), *view.network_lines)
    key = Column(name="layer", header="layer", cells=lines, total="total", text=True)
    chosen = report.columns or (*DEFAULT_FIELDS, "energy_j", SHARE)
    columns = list(_columns(view, chosen))
    if not report.columns:
        columns = [each for each in columns if each.name not in (*SHOWN_WHERE_KNOWN, SHARE) or _says(each)]
        for price in filter(shown, view.prices):
            columns += [column for name in KERNEL_COLUMNS for column in kernel_columns(price, name)]
    prices = [name for name in chosen if name not in FIELDS and name not in KERNEL_COLUMNS]
    told = [
        line < len(view.layers) or any(price.tells(line, name) for price in view.prices for name in prices)
        for line in range(len(lines))
    ]
    title = f"Layers, {per_words(report.scenario)}" + (f", {view.words}" if view.words else "")
    return Table(title, tuple(column.only(told) for column in (key, *columns)))


def check_columns(names: Iterable[str], prices: Sequence[Prices]) -> tuple[str, ...]:
    """Refuse columns that the per-layer table does not have.

    Parameters
    ----------
    names : iterable of str
        Columns, in the order in which they shall stand.
    prices : sequence of Prices
        One for each device; each of their terms has a column.

    Returns
    -------
    tuple of str
        The names.

    Raises
    ------
    ReportError
        If there is none of that name; the message gives the nearest.
    """
    chosen = tuple(names)
    terms = [f"{term}_j" for price in prices for term in (*price.cost.terms, *price.cost.not_modelled)]
    kernels = KERNEL_COLUMNS if any(price.cost.kernels is not None for price in prices) else ()
    known = dict.fromkeys((*FIELDS, *PRICE_UNITS, SHARE, *terms, *kernels))
    for name in chosen:
        if name not in known:
            raise ReportError(f"a report has no column {name!r}: {nearest(name, known)}")
    return chosen


def totals(prices: Sequence[Prices], scenario: Scenario) -> Table:
    """Totals of all devices: energy, its range, latency, and the terms that the energy is the sum of.

    Of a stream also the mean power, and the energy of a timestep.
    """
    each = [price.cost.total() for price in prices]
    terms = ordered_terms(term for total in each for term in total.terms)
    bounded = any(total.lower_bound and total.energy_j > 0 for total in each)
    lines: list[tuple[str, Callable[[TotalCost], str]]] = [
        ("energy", energy_words),
        ("range of what is priced" if bounded else "range", range_words),
        *((f"  {term_title(term)}", _term_words(term)) for term in terms),
        ("latency", lambda total: price_words(total.latency_s, "s")),
        *(_STREAM if scenario.streaming else ()),
    ]
    key = Column(name="total", header="", cells=tuple(title for title, _ in lines), text=True)
    columns = (
        Column(name=price.name, header=price.label, cells=tuple(write(total) for _, write in lines))
        for price, total in zip(prices, each, strict=True)
    )
    detail = tuple(title.startswith(" ") for title, _ in lines)
    return Table(f"Totals, {per_words(scenario)}", (key, *columns), detail)


_STREAM: tuple[tuple[str, Callable[[TotalCost], str]], ...] = (
    ("power", lambda total: price_words(total.power_w, "W", lower_bound=total.lower_bound)),
    (
        "energy of a timestep",
        lambda total: price_words(total.energy_per_timestep_j, "J", lower_bound=total.lower_bound),
    ),
)


def energy_words(total: TotalCost) -> str:
    """The energy of a total, marked where it is a lower bound."""
    return price_words(total.energy_j, "J", lower_bound=total.lower_bound)


def range_words(total: TotalCost) -> str:
    """The range of a total's energy, as far as it has a price; says so where no range is known."""
    if units.is_unknown(total.high_j) or (total.lower_bound and not total.high_j):
        return units.NOT_MODELLED
    if total.low_j == total.high_j:
        return units.NO_RANGE
    return units.interval(total.low_j, total.high_j, "J")


def _not_counted(report: Report) -> Iterator[Lines]:
    """What was not counted: once, unless readings differ in it."""
    told = {view.counts.reading: not_counted(view.layers) for view in report.views if missed(view.layers)}
    if len(set(told.values())) < 2:
        yield next(iter(told.values()), not_counted(report.layers))
        return
    for reading, lines in told.items():
        yield replace(lines, title=f"{lines.title}, {reading} reading")


def _term_words(term: str) -> Callable[[TotalCost], str]:
    def words(total: TotalCost) -> str:
        if term in total.terms:
            return price_words(total.terms[term].energy_j, "J")
        return units.NOT_MODELLED if term in total.not_modelled else units.NONE

    return words


def _says(column: Column) -> bool:
    """Whether a column tells anything of any layer."""
    return bool(set(column.cells) - {units.UNKNOWN, "", "0"})


def _columns(view: View, names: Iterable[str]) -> Iterator[Column]:
    """Columns by name; those of devices that follow each other device by device."""
    for of_devices, run in groupby(names, key=lambda name: name not in FIELDS):
        chosen = list(run)
        if of_devices:
            for price in view.prices:
                for name in chosen:
                    yield from kernel_columns(price, name) if name in KERNEL_COLUMNS else [price.column(name)]
        else:
            yield from (_field(view, name) for name in chosen)


def _field(view: View, name: str) -> Column:
    """A column that needs no price."""
    field = FIELDS[name]
    samples, below = view.counts.trace.samples, len(view.network_lines)
    return Column(
        name=name,
        header=field.header,
        cells=(*(field.cell(layer, samples) for layer in view.layers), *[""] * below),
        total=field.total(view.counts) if field.total else "",
        group=field.group,
        text=field.text,
        values=(*(field.value(layer, samples) for layer in view.layers), *[None] * below),
    )
