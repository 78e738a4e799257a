"""Layers as a report shows them: all calls of one path as one row, and how their figures combine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from energyprobe.counting.columns import COLUMNS, PER_LAYER, CountedCall, Value, input_activity
from energyprobe.counting.table import CountTable
from energyprobe.trace.records import Activity


@dataclass(frozen=True)
class Layer:
    """All calls of one layer.

    Attributes
    ----------
    path : str
        Path of the layer in the model.
    rows : tuple of CountedCall
        Its calls, in the order in which they ran.
    """

    path: str
    rows: tuple[CountedCall, ...]

    def each(self, name: str) -> list[Value]:
        """Values of a column of counts, one for each call."""
        return [COLUMNS[name](row) for row in self.rows]

    def sum(self, name: str) -> int | None:
        """Sum of a column of counts over the calls; None where one of them does not know it."""
        values = [value for value in self.each(name) if isinstance(value, int)]
        return sum(values) if len(values) == len(self.rows) else None

    @property
    def members(self) -> int:
        """Number of layers: more than one where a block of them is shown as one."""
        return len({row.call.path for row in self.rows})

    def held(self, name: str) -> int:
        """Sum of a column over the layers, each of which holds so much however often it is called."""
        return sum({row.call.path: PER_LAYER[name](row) for row in self.rows}.values())

    def known_sum(self, name: str) -> int:
        """Sum of a column of counts over the calls that know it: at least so many."""
        return sum(value for value in self.each(name) if isinstance(value, int))

    def same(self, name: str) -> Value:
        """Value that all calls share; None where they differ."""
        values = self.each(name)
        return values[0] if all(value == values[0] for value in values) else None

    def distinct(self, name: str) -> list[Value]:
        """Different values of a column over the calls, in their order."""
        return list(dict.fromkeys(self.each(name)))

    def mean(self, name: str, elements: list[int | None]) -> float | None:
        """Mean of a fraction or rate over the elements of all calls; None where one does not know it."""
        if len(self.rows) == 1:
            elements = [1]
        parts = [
            (value, weight)
            for value, weight in zip(self.each(name), elements, strict=True)
            if isinstance(value, int | float) and weight
        ]
        if len(parts) < len(self.rows):
            return None
        return sum(value * weight for value, weight in parts) / sum(weight for _, weight in parts)

    @property
    def lower_bound(self) -> bool:
        """Whether an operation of a call is uncounted, so that its counts are at least so many."""
        return any(row.lower_bound for row in self.rows)

    @property
    def inputs(self) -> list[int | None]:
        """Elements that the first synaptic operation of each call read; None where not observed."""
        return [_elements(input_activity(row)) for row in self.rows]

    @property
    def outputs(self) -> list[int | None]:
        """Elements of each call's output; None where not observed."""
        return [_elements(row.call.output) for row in self.rows]

    @property
    def fates(self) -> set[str]:
        """What became of its calls."""
        return {row.call.fate for row in self.rows}


def layers_of(counts: CountTable) -> Iterator[Layer]:
    """Group the rows of a count table by layer.

    Parameters
    ----------
    counts : CountTable
        One row for each call.

    Yields
    ------
    Layer
        In the order of their first calls.
    """
    calls: dict[str, list[CountedCall]] = {}
    for row in counts.rows:
        calls.setdefault(row.call.path, []).append(row)
    for path, rows in calls.items():
        yield Layer(path, tuple(rows))


def _elements(activity: Activity | None) -> int | None:
    return None if activity is None else activity.elements
