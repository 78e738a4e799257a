"""A report as a document: the per-layer table, the totals, and what a reader must know beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from energyprobe.costing.table import TotalCost
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting import units
from energyprobe.reporting.document import Column, Document, Table, printable
from energyprobe.reporting.fields import DEFAULT_FIELDS, FIELDS, SHOWN_WHERE_KNOWN
from energyprobe.reporting.prices import PRICE_UNITS, Prices, ordered_terms, price_words, term_title
from energyprobe.reporting.remarks import assumptions, devices, sources
from energyprobe.reporting.running import recording_words, scenario_words
from energyprobe.reporting.uncounted import not_counted

if TYPE_CHECKING:
    from energyprobe.reporting.result import Report


def document_of(report: Report) -> Document:
    """Put a report into words.

    Parameters
    ----------
    report : Report
        What to tell.

    Returns
    -------
    Document
        Per-layer table, totals, what was not counted, assumptions, devices and sources.
    """
    document = Document(
        heading=f"Energy of {report.trace.model}",
        subheading=f"{recording_words(report.counts)}, {scenario_words(report.scenario)}",
        sections=(
            per_layer(report),
            totals(report.prices),
            not_counted(report.layers),
            assumptions(report.trace, report.layers, report.prices),
            devices(report.prices),
            sources(report.prices),
        ),
    )
    return document.mapped(printable)


def per_layer(report: Report) -> Table:
    """The table of all layers, with the columns that were chosen."""
    lines = (*(layer.path for layer in report.layers), *report.network_lines)
    key = Column(name="layer", header="layer", cells=lines, total="total", text=True)
    chosen = report.columns or (*DEFAULT_FIELDS, "energy_j")
    columns = [column for name in chosen for column in _columns(report, name)]
    if not report.columns:
        columns = [column for column in columns if column.name not in SHOWN_WHERE_KNOWN or _says(column)]
    return Table("Layers, per inference", (key, *columns))


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
    known = dict.fromkeys((*FIELDS, *PRICE_UNITS, *terms))
    for name in chosen:
        if name not in known:
            raise ReportError(f"a report has no column {name!r}: {nearest(name, known)}")
    return chosen


def totals(prices: Sequence[Prices]) -> Table:
    """Totals of all devices: energy, its range, latency, and the terms that the energy is the sum of."""
    each = [price.cost.total() for price in prices]
    terms = ordered_terms(term for total in each for term in total.terms)
    lines: list[tuple[str, Callable[[TotalCost], str]]] = [
        ("energy", energy_words),
        ("range", range_words),
        *((f"  {term_title(term)}", _term_words(term)) for term in terms),
        ("latency", lambda total: price_words(total.latency_s, "s")),
    ]
    key = Column(name="total", header="", cells=tuple(title for title, _ in lines), text=True)
    columns = (
        Column(name=price.name, header=price.label, cells=tuple(write(total) for _, write in lines))
        for price, total in zip(prices, each, strict=True)
    )
    detail = tuple(title.startswith(" ") for title, _ in lines)
    return Table("Totals, per inference", (key, *columns), detail)


def energy_words(total: TotalCost) -> str:
    """The energy of a total, marked where it is a lower bound."""
    return price_words(total.energy_j, "J", lower_bound=total.lower_bound)


def range_words(total: TotalCost) -> str:
    """The range of a total's energy; says so where no range is known."""
    if units.is_unknown(total.high_j) or (total.lower_bound and not total.high_j):
        return units.NOT_MODELLED
    if total.low_j == total.high_j:
        return units.NO_RANGE
    return units.interval(total.low_j, total.high_j, "J", lower_bound=total.lower_bound)


def _term_words(term: str) -> Callable[[TotalCost], str]:
    def words(total: TotalCost) -> str:
        if term in total.terms:
            return price_words(total.terms[term].energy_j, "J")
        return units.NOT_MODELLED if term in total.not_modelled else units.NONE

    return words


def _says(column: Column) -> bool:
    """Whether a column tells anything of any layer."""
    return bool(set(column.cells) - {units.UNKNOWN, "", "0"})


def _columns(report: Report, name: str) -> Iterable[Column]:
    """Columns of one name: one, or one for each device."""
    if name not in FIELDS:
        return (price.column(name) for price in report.prices)
    field = FIELDS[name]
    cells = [field.cell(layer, report.trace.samples) for layer in report.layers]
    column = Column(
        name=name,
        header=field.header,
        cells=(*cells, *("" for _ in report.network_lines)),
        total=field.total(report.counts) if field.total else "",
        group=field.group,
        text=field.text,
    )
    return (column,)
