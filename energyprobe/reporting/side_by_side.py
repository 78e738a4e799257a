"""Totals of several models in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from energyprobe.costing.table import TotalCost
from energyprobe.errors import ReportError, nearest
from energyprobe.reporting import units
from energyprobe.reporting.contents import energy_words, range_words
from energyprobe.reporting.document import Column, Document, Lines, Table, printable
from energyprobe.reporting.fields import FIELDS
from energyprobe.reporting.prices import UNVERIFIED
from energyprobe.reporting.remarks import LOWER_BOUND_MEANS
from energyprobe.reporting.result import Report
from energyprobe.reporting.running import scenario_words, timesteps_of

_COUNTED = ("parameters", "dense_synops", "event_synops", "neuron_updates")


def totals_table(reports: Mapping[str, Report], accuracy: Mapping[str, float] | None = None) -> Document:
    """Set the totals of several models side by side.

    Parameters
    ----------
    reports : dict of str to Report
        One report for each model, under the name that the table shall give it.
    accuracy : dict of str to float, optional
        Fraction of right answers of each model.

    Returns
    -------
    Document
        To be printed: a row for each model with its size, its operations and its energy on each device, and
        the ranges of these energies where any is known.

    Raises
    ------
    ReportError
        If there is no report, or an accuracy names none of them or is no fraction.
    """
    if not reports:
        raise ReportError("give at least one report")
    _check(accuracy or {}, reports)
    energies = _per_device(reports, energy_words)
    ranges = [column for column in _per_device(reports, range_words) if _tells_range(column)]
    key = Column(name="model", header="model", cells=tuple(reports), text=True)
    facts = (*_quality(reports, accuracy or {}), _timesteps(reports), *_counted(reports))
    tables = [Table("Totals, per inference", (key, *facts, *energies))]
    if ranges:
        tables.append(Table("Range of the energy", (key, *ranges)))
    remarks = tuple(_remarks(reports))
    notes = [Lines("Remarks", remarks)] if remarks else []
    document = Document(f"Energy of {', '.join(reports)}", _scenarios(reports), (*tables, *notes))
    return document.mapped(printable)


def _check(accuracy: Mapping[str, float], reports: Mapping[str, Report]) -> None:
    for name, fraction in accuracy.items():
        if name not in reports:
            raise ReportError(f"an accuracy of {name!r}, which has no report: {nearest(name, reports)}")
        if not 0 <= fraction <= 1:
            raise ReportError(
                f"the accuracy of {name!r} must be a fraction between 0 and 1, got {fraction:g}"
            )


def _quality(reports: Mapping[str, Report], accuracy: Mapping[str, float]) -> Iterator[Column]:
    """A column of accuracies, where any is given."""
    if accuracy:
        cells = tuple(units.percentage(accuracy.get(name)) for name in reports)
        yield Column(name="accuracy", header="accuracy", cells=cells, group="model")


def _timesteps(reports: Mapping[str, Report]) -> Column:
    cells = tuple(units.count(timesteps_of(report.counts)) for report in reports.values())
    return Column(name="timesteps", header="time-\nsteps", cells=cells, group="model")


def _counted(reports: Mapping[str, Report]) -> Iterator[Column]:
    """Columns of counts: those of which at least one model has something."""
    for name in _COUNTED:
        field = FIELDS[name]
        assert field.total is not None
        cells = tuple(field.total(report.counts) for report in reports.values())
        if any(report.counts.known_total(name) for report in reports.values()):
            yield Column(name=name, header=field.header, cells=cells, group="model")


def _per_device(reports: Mapping[str, Report], words: Callable[[TotalCost], str]) -> list[Column]:
    """One column for each device: what its total is in words, for each model."""
    labels = {price.name: price.label for report in reports.values() for price in report.prices}
    columns = []
    for device, label in labels.items():
        costs = [report.costs.get(device) for report in reports.values()]
        cells = tuple(units.UNKNOWN if cost is None else words(cost.total()) for cost in costs)
        columns.append(Column(name=device, header=label, cells=cells, group="energy"))
    return columns


def _tells_range(column: Column) -> bool:
    return bool(set(column.cells) - {units.NO_RANGE, units.NOT_MODELLED, units.UNKNOWN})


def _scenarios(reports: Mapping[str, Report]) -> str:
    words = {name: scenario_words(report.scenario) for name, report in reports.items()}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{name}: {each}" for name, each in words.items())


def _remarks(reports: Mapping[str, Report]) -> Iterator[str]:
    """Say what the marks mean."""
    prices = [price for report in reports.values() for price in report.prices]
    if any(price.cost.lower_bound and price.cost.total().energy_j > 0 for price in prices):
        yield f"{LOWER_BOUND_MEANS}; the report of the model says what"
    if not all(price.cost.device.verified for price in prices):
        yield f"{UNVERIFIED} marks a device with figures that are not verified"
