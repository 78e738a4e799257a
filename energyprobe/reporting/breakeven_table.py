"""Break-evens as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from energyprobe.reporting import units
from energyprobe.reporting.breakevens import Breakeven
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.lacks import PRICED_PART

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison

TITLES = {"firing rate": "spikes per neuron and timestep"}
"""Quantities that are told otherwise than they are called."""


class _Row(NamedTuple):
    """A line of the table: a break-even, or what changes nothing."""

    name: str
    less: str
    range: str
    now: str
    at: float


def breakeven_table(comparison: Comparison) -> Table | None:
    """The break-evens of every model on every device, at the first batch size.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    Table or None
        What changes nothing stands in one row, what is not known in none; None where nothing is known.
    """
    rows = [
        row for case, found in comparison.breakevens.items() for row in _rows(comparison.label(case), found)
    ]
    if not rows:
        return None
    who = comparison.others[0] if len(comparison.others) == 1 else "a model"
    columns = (
        Column(
            name="changes", header="device: what changes", cells=tuple(row.name for row in rows), text=True
        ),
        Column(
            name="less",
            header=f"{who}\nuses less",
            cells=tuple(row.less for row in rows),
            values=tuple(None if math.isnan(row.at) else row.at for row in rows),
        ),
        Column(name="range", header="5–95 %\nof draws", cells=tuple(row.range for row in rows)),
        Column(name="now", header="now", cells=tuple(row.now for row in rows)),
    )
    return Table(f"Where {who} uses less energy than {comparison.baseline}, all else as it is", columns)


def _rows(label: str, found: tuple[Breakeven, ...]) -> Iterator[_Row]:
    nowhere: dict[tuple[str, str], list[str]] = {}
    for each in found:
        less = each.words.removesuffix(" less")
        if each.below is not None:
            yield _Row(f"{label}: {_changes(each, label)}", less, each.range_words, each.now_words, each.at)
        elif each.words != units.UNKNOWN:
            nowhere.setdefault((less, each.range_words), []).append(_changes(each, label))
    for (less, range_words), changes in nowhere.items():
        yield _Row(f"{label}: {', '.join(changes)}", less, range_words, "", math.nan)


def _changes(each: Breakeven, label: str) -> str:
    """What changes, and in which model unless the label begins with it."""
    told = label.removeprefix(f"{PRICED_PART} ").startswith(f"{each.of} on ")
    title = TITLES.get(each.quantity, each.quantity)
    return f"{title} of {each.of}" if each.of and not told else title
