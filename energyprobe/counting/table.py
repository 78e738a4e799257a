"""Counts of a whole trace: one row for each layer call, exact, in columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from energyprobe.counting.columns import (
    COLUMNS,
    PER_CALL,
    PER_LAYER,
    SHAPES,
    TEXTS,
    CountedCall,
    Value,
)
from energyprobe.counting.counts import COUNT_NAMES, UNKNOWN, Counts
from energyprobe.counting.operations import count_step
from energyprobe.errors import CountingError, nearest
from energyprobe.trace.operations import Uncounted
from energyprobe.trace.records import LayerCall, Reading, Trace


@dataclass(frozen=True, eq=False)
class CountTable:
    """Counts of every call of a trace, in one reading.

    Attributes
    ----------
    trace : Trace
        Where the facts come from.
    reading : str
        Which calls of it: those of this reading.
    rows : tuple of CountedCall
        One for each call: its facts, its counts, and those of each of its operations.
    """

    trace: Trace
    reading: Reading
    rows: tuple[CountedCall, ...]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    def __getitem__(self, name: str) -> tuple[Value, ...]:
        """Give a column, exact.

        Parameters
        ----------
        name : str
            Column of `energyprobe.counting.columns.COLUMNS`.

        Returns
        -------
        tuple
            One value for each row; None where it is unknown or does not apply.

        Raises
        ------
        CountingError
            If there is no such column.
        """
        if name not in COLUMNS:
            raise _no_column(name)
        return tuple(map(COLUMNS[name], self.rows))

    def column(self, name: str) -> NDArray[np.float64]:
        """Give a column of numbers as an array, for pricing; integers beyond 2**53 are rounded.

        Parameters
        ----------
        name : str
            Column of numbers.

        Returns
        -------
        numpy.ndarray
            Shape ``(rows,)``, with NaN where a value is unknown or does not apply.

        Raises
        ------
        CountingError
            If there is no such column, or it does not hold numbers.
        """
        values = self[name]
        if name in TEXTS or name in SHAPES:
            raise CountingError(f"column {name!r} does not hold numbers")
        return np.array(values, dtype=np.float64)

    def total(self, name: str) -> int | None:
        """Add up a column of counts.

        Parameters
        ----------
        name : str
            Column of counts. Parameters are added up by layer, not by call.

        Returns
        -------
        int or None
            Exact; None if it is unknown in any row, or an operation of any row is uncounted.

        Raises
        ------
        CountingError
            If there is no such column, or it has no total.
        """
        values = self._addends(name)
        known = [value for value in values if value is not None]
        in_part = name in COUNT_NAMES and any(row.lower_bound for row in self.rows)
        return None if in_part or len(known) < len(values) else sum(known)

    def known_total(self, name: str) -> int:
        """Add up a column of counts over the rows that know it: at least so many.

        Parameters
        ----------
        name : str
            As for `total`.

        Returns
        -------
        int
            Exact.

        Raises
        ------
        CountingError
            As for `total`.
        """
        return sum(value for value in self._addends(name) if value is not None)

    def _addends(self, name: str) -> list[int | None]:
        """Give the values of a column that has a total, those of a layer once."""
        if name in PER_LAYER:
            return list({row.call.path: PER_LAYER[name](row) for row in self.rows}.values())
        if name in PER_CALL:
            return [PER_CALL[name](row) for row in self.rows]
        if name in COLUMNS:
            raise CountingError(f"column {name!r} has no total: add up counts, then divide")
        raise _no_column(name)


def count(trace: Trace, reading: Reading = "literal") -> CountTable:
    """Turn the facts of a trace into counts.

    Parameters
    ----------
    trace : Trace
        A recording.
    reading : {"literal", "folded"}
        What the simulator multiplied, or (Nengo) what event-driven hardware would.

    Returns
    -------
    CountTable
        One row for each call of that reading, in the order in which they ran.

    Raises
    ------
    CountingError
        If it is not a trace, holds nothing, has no such reading, or its facts do not fit together.
    """
    _check(trace)
    if reading not in get_args(Reading):
        raise CountingError(f"unknown reading {reading!r}: known are {', '.join(get_args(Reading))}")
    if not trace.calls:
        raise CountingError(f"the trace of {trace.model!r} holds no layer calls: there is nothing to count")
    calls = [call for call in trace.calls if call.reading == reading]
    if not calls:
        others = ", ".join(sorted({call.reading for call in trace.calls}))
        raise CountingError(
            f"the trace of {trace.model!r} was not recorded in the reading {reading!r}, but: {others}"
        )
    return CountTable(trace=trace, reading=reading, rows=tuple(map(_count_call, calls)))


def reading_for(trace: Trace, wanted: Reading) -> Reading:
    """Choose the reading of a trace to count.

    Parameters
    ----------
    trace : Trace
        A recording.
    wanted : {"literal", "folded"}
        The reading to take where there is a choice.

    Returns
    -------
    {"literal", "folded"}
        The wanted one; of a trace of one reading, such as that of a Keras model, that one.

    Raises
    ------
    CountingError
        If it is not a trace.
    """
    _check(trace)
    recorded = {call.reading for call in trace.calls}
    return recorded.pop() if len(recorded) == 1 else wanted


def _check(trace: Trace) -> None:
    if not isinstance(trace, Trace):
        raise CountingError(
            f"expected a Trace (probe.trace, or ep.load_trace(path)), got {type(trace).__name__}"
        )


def _no_column(name: str) -> CountingError:
    return CountingError(f"no column {name!r} in a table of counts: {nearest(name, COLUMNS)}")


def _count_call(call: LayerCall) -> CountedCall:
    try:
        steps = tuple(map(count_step, call.steps))
    except CountingError as error:
        raise CountingError(f"{call.key} ({call.type}): {error}") from error
    return CountedCall(call=call, steps=steps, counts=_sum_of_counted(call, steps))


def _sum_of_counted(call: LayerCall, steps: tuple[Counts, ...]) -> Counts:
    counted = [
        counts
        for step, counts in zip(call.steps, steps, strict=True)
        if not isinstance(step.operation, Uncounted)
    ]
    nothing = call.fate == "uncounted" or (steps and not counted)
    return UNKNOWN if nothing else reduce(add, counted, Counts())
