"""Exact counts of tensors' events, reduced inside the graph.

Each tensor gives a table ``(rows, sums)``, a row being one sample in one timestep: see
`energyprobe.frontends.keras.rows`. Tables of the same rows are then added up over the samples together, in
int64, because the time that a small model takes is that of the number of its operations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from energyprobe.frontends.keras.axes import swapped_from
from energyprobe.frontends.keras.counters import Counters
from energyprobe.frontends.keras.observation import Column, Observation
from energyprobe.frontends.keras.rows import events_of, mask, neuron_counts, row_sums
from energyprobe.frontends.keras.sizes import Sizes
from energyprobe.trace.histograms import MAGNITUDE_EDGES


class _Table(NamedTuple):
    """Sums by row of one observation, ``(rows, sums)``."""

    observation: Observation
    sums: Any
    time_first: bool
    """Whether rows of one timestep stand together, not those of one sample."""


def emit(tf: Any, observations: Iterable[Observation], counters: Counters, sizes: Sizes) -> None:
    """Add the counts of some observations to the graph.

    Parameters
    ----------
    tf : module
        TensorFlow.
    observations : iterable of Observation
        Their `slots` are filled with the places of their counts.
    counters : Counters
        Where they are collected.
    sizes : Sizes
        Sizes of the tensors.
    """
    tables: dict[Any, list[_Table]] = {}
    for each in observations:
        table, fired = _table(tf, each)
        rows = [sizes.axis(each.tensor, axis) for axis in range(2 if each.time else 1)]
        alike = [size if isinstance(size, int) else id(size) for size in (*rows, each.fold)]
        tables.setdefault((each.time, *alike), []).append(table)
        if each.places is None:
            each.slots["elements"] = counters.add("integers", tf.size(each.tensor, out_type=tf.int64))
        elif fired is not None:
            each.slots["fired"] = counters.add("bits", fired)
        elif each.fired or each.neurons:
            _emit_neurons(tf, each, counters)
        if each.values and each.tensor.dtype.is_floating:
            _emit_values(tf, each, counters)
    for same in tables.values():
        _emit_tables(tf, same, counters)


def _table(tf: Any, observation: Observation) -> tuple[_Table, Any]:
    """All sums by row, and which neurons had an event: see `row_sums`."""
    x = observation.tensor
    source = swapped_from(tf, x) if observation.time else None
    rows, fired = row_sums(tf, observation.of(x if source is None else source))
    time_first = source is not None
    if observation.first is not None:
        cube = _late(
            tf, _cube(tf, observation, rows, time_first), _first_row(tf, observation), not time_first
        )
        rows = tf.reshape(cube, [-1, rows.shape[1]])
    return _Table(observation, rows, time_first), fired


def _first_row(tf: Any, observation: Observation) -> Any:
    """Sums of what is read in the first timestep; 0 for zeros."""
    if isinstance(observation.first, int):
        return 0
    first = tf.cast(observation.first, observation.tensor.dtype)[:, tf.newaxis]
    return row_sums(tf, observation.of(first))[0]


def _late(tf: Any, sequence: Any, first: Any, axis: int = 1) -> Any:
    """Something first, then all timesteps but the last, which are one after the other along an axis."""
    before = sequence[:, :-1] if axis else sequence[:-1]
    if isinstance(first, int):
        return tf.pad(before, [[int(each == axis), 0] for each in range(len(sequence.shape))])
    return tf.concat([tf.expand_dims(tf.cast(first, sequence.dtype), axis), before], axis)


def _cube(tf: Any, observation: Observation, rows: Any, time_first: bool) -> Any:
    """Sums ``(batch, time, sums)``, or ``(time, batch, sums)``."""
    steps, width = observation.tensor.shape[1], rows.shape[1]
    if steps is None:
        source = swapped_from(tf, observation.tensor)
        steps = tf.shape(observation.tensor)[1] if source is None else tf.shape(source)[0]
    return tf.reshape(rows, [steps, -1, width] if time_first else [-1, steps, width])


def _together(tf: Any, tables: list[_Table]) -> tuple[Any, bool]:
    """Sums of some tables beside each other, as int64, and whether timesteps come before samples."""
    time_first = 2 * sum(each.time_first for each in tables) > len(tables)
    parts = []
    for each in tables:
        sums = each.sums
        if each.time_first != time_first:
            cube = _cube(tf, each.observation, sums, each.time_first)
            sums = tf.reshape(tf.transpose(cube, [1, 0, 2]), [-1, sums.shape[1]])
        parts.append(sums)
    if len({each.dtype for each in parts}) > 1:
        parts = [tf.cast(each, tf.float64) for each in parts]
    whole = tf.concat(parts, 1) if len(parts) > 1 else parts[0]
    return tf.cast(tf.math.rint(whole), tf.int64), time_first


def _emit_tables(tf: Any, tables: list[_Table], counters: Counters) -> None:
    """Add up the tables of some tensors with the same rows, over the samples."""
    observation = tables[0].observation
    table, time_first = _together(tf, tables)
    width, steps = table.shape[1], observation.steps
    samples = by_step = table
    if observation.time:
        by_step = _cube(tf, observation, table, time_first)
        samples = tf.reduce_sum(by_step, 0 if time_first else 1)
    if observation.fold is not None:
        samples = tf.reduce_sum(tf.reshape(samples, [-1, observation.fold, width]), 1)
    if steps is None:
        sums = tf.reduce_sum(samples, 0)
    elif time_first:
        sums = tf.reduce_sum(by_step, 1)
    else:
        sums = tf.reduce_sum(tf.reshape(table, [-1, steps * width]), 0)
    place = counters.add("integers", sums)
    squares = counters.add("integers", tf.reduce_sum(samples**2, 0))
    rows = counters.add("integers", tf.shape(table, out_type=tf.int64)[0])
    columns = iter([Column(place, squares, steps, number) for number in range(width)])
    for each in (one.observation for one in tables):
        number = 1 + len(each.varying)
        each.slots["rows"] = rows
        each.slots["events"] = [next(columns) for _ in range(number)]
        if each.amplitude is not None:
            each.slots["spikes"] = [next(columns) for _ in range(number)]
        each.slots["nonfinite"] = [next(columns)]


def _as_read(tf: Any, observation: Observation) -> Any:
    """The tensor that is read, one timestep late where it is."""
    if observation.first is None:
        return observation.tensor
    return _late(tf, observation.tensor, observation.first)


def _emit_neurons(tf: Any, observation: Observation, counters: Counters) -> None:
    """Which neurons ever fired and, if wanted, how often each did."""
    x = _as_read(tf, observation)
    counts = neuron_counts(tf, events_of(tf, x) if observation.neurons else mask(tf, x), observation.places)
    # Not "> 0": a NaN is an event too.
    observation.slots["fired"] = counters.add("bits", tf.not_equal(counts, 0.0))
    if observation.neurons:
        observation.slots["neurons"] = counters.add("integers", counts)


def _emit_values(tf: Any, observation: Observation, counters: Counters) -> None:
    """Sizes of the values of each sign."""
    x = _as_read(tf, observation)
    finite = tf.where(tf.math.is_finite(x), x, tf.zeros((), x.dtype))
    wide = tf.cast(finite, tf.float64)
    for sign, part in (("positive", tf.nn.relu(wide)), ("negative", tf.nn.relu(-wide))):
        # One for each weighting: operations that read the same tensor have fan-outs of their own.
        fanouts = [
            tf.reduce_sum(part if each.values is None else part * tf.cast(each.values, tf.float64))
            for each in observation.weightings
        ]
        # In float64: the logarithms of powers of two, which are edges, are exact enough.
        bins = tf.math.floor(tf.math.log(tf.maximum(part, 2.0**-24)) / math.log(2.0) * 8) + 160
        bins = tf.clip_by_value(tf.cast(bins, tf.int32), 0, len(MAGNITUDE_EDGES) - 2)
        histogram = tf.math.unsorted_segment_sum(
            tf.reshape(tf.cast(part > 0, tf.int64), [-1]), tf.reshape(bins, [-1]), len(MAGNITUDE_EDGES) - 1
        )
        observation.slots[sign] = {
            "total": counters.add("sums", tf.reduce_sum(part)),
            "fanouts": [counters.add("sums", each) for each in fanouts],
            "maximum": counters.add("maxima", tf.reduce_max(part)),
            "histogram": counters.add("integers", histogram),
        }
