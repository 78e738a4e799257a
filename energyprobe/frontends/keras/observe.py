"""Exact counts of tensors' events, reduced inside the graph.

A tensor is turned into a mask of its events, and every count is a sum of the mask with weights: 1 for the
events themselves, the fan-out for synaptic operations. Each tensor gives a table ``(rows, sums)``, a row
being one sample in one timestep. Tables of the same rows are then added up over the samples together, because
the time that a small model takes is that of the number of its operations.

Sums of a row run in float32 where they stay below 2**24, the last integer that float32 counts to, and in
float64 above; sums over rows run in int64.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from energyprobe.frontends.keras.axes import swapped_from
from energyprobe.frontends.keras.counters import EXACT_IN_FLOAT32, Counters
from energyprobe.frontends.keras.observation import Column, Observation
from energyprobe.frontends.keras.sizes import Sizes
from energyprobe.trace.histograms import MAGNITUDE_EDGES

_NARROW = 8
"""So few channels are not worth a sum of their own before the product with the weights."""

_PIECE = 2**20
"""Elements whose mask stays in the cache: larger tensors are counted in pieces."""

_MOST_PIECES = 16

_LIKELY_BATCH = 32
"""Assumed where the batch is not known while tracing, to decide on pieces."""

Row = tuple[Observation, Any]
"""An observation and its table."""


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
    tables: dict[Any, list[Row]] = {}
    for each in observations:
        table = _table(tf, each)
        rows = [sizes.axis(each.tensor, axis) for axis in range(2 if each.time else 1)]
        alike = [size if isinstance(size, int) else id(size) for size in (*rows, each.fold)]
        tables.setdefault((table.dtype, each.time, *alike), []).append((each, table))
        if each.places is None:
            each.slots["elements"] = counters.add("integers", tf.size(each.tensor, out_type=tf.int64))
        elif each.fired or each.neurons:
            _emit_neurons(tf, each, counters)
        if each.values and each.tensor.dtype.is_floating:
            _emit_values(tf, each, counters)
    for same in tables.values():
        _emit_tables(tf, same, counters)


def _table(tf: Any, observation: Observation) -> Any:
    """All sums by row, ``(rows, sums)``: see `_rows`."""
    source = swapped_from(tf, observation.tensor) if observation.time else None
    if source is None and observation.first is None:
        return _rows(tf, observation)
    rows = _rows(tf, observation.of(observation.tensor if source is None else source))
    width, steps = rows.shape[1], tf.shape(observation.tensor)[1]
    if source is None:
        cube = tf.reshape(rows, [-1, steps, width])
    else:
        cube = tf.transpose(tf.reshape(rows, [steps, -1, width]), [1, 0, 2])
    if observation.first is not None:
        cube = _late(tf, cube, _first_row(tf, observation))
    return tf.reshape(cube, [-1, width])


def _first_row(tf: Any, observation: Observation) -> Any:
    """Sums of what is read in the first timestep; 0 for zeros."""
    if isinstance(observation.first, int):
        return 0
    return _rows(tf, observation.of(tf.cast(observation.first, observation.tensor.dtype)[:, tf.newaxis]))


def _late(tf: Any, sequence: Any, first: Any) -> Any:
    """Something first, then all timesteps but the last, ``(batch, time, …)``."""
    if isinstance(first, int):
        return tf.pad(sequence[:, :-1], [[0, 0], [1, 0]] + [[0, 0]] * (len(sequence.shape) - 2))
    return tf.concat([tf.cast(first, sequence.dtype)[:, tf.newaxis], sequence[:, :-1]], 1)


def _rows(tf: Any, observation: Observation) -> Any:
    """All sums by row, ``(rows, sums)``: over events, over spikes, and the number of non-finite elements."""
    x = observation.tensor
    weights = _Weights(tf, observation)

    def sums(events: Any, values: Any) -> Any:
        counts = weights.sums(events)
        if observation.amplitude is None:
            return counts
        spikes = weights.sums(_spikes(tf, observation.amplitude, values), binary=False)
        return tf.concat([tf.cast(counts, spikes.dtype), spikes], 1)

    def usual() -> Any:
        return tf.pad(rows, [[0, 0], [0, 1]])

    def exact() -> Any:
        finite = tf.math.is_finite(x)
        counts = sums(_events(tf, x), tf.where(finite, x, tf.zeros((), x.dtype)))
        broken = _plain_sums(tf, observation, tf.cast(tf.logical_not(finite), tf.float32))
        return tf.concat([counts, tf.cast(broken, counts.dtype)], 1)

    pieces = [sums(_mask(tf, each), each) for each in _pieces(tf, observation)]
    rows = tf.concat(pieces, 0) if len(pieces) > 1 else pieces[0]
    if not x.dtype.is_floating:
        return usual()
    return tf.cond(tf.reduce_all(tf.math.is_finite(rows)), usual, exact)


def _pieces(tf: Any, observation: Observation) -> list[Any]:
    """The tensor in pieces along its first axis; they share its memory."""
    x = observation.tensor
    sizes = tuple(x.shape)
    elements = (sizes[0] or _LIKELY_BATCH) * math.prod(size or 1 for size in sizes[1:])
    number = min(math.ceil(elements / _PIECE), _MOST_PIECES)
    if number < 2:
        return [x]
    each = (tf.shape(x)[0] + number - 1) // number
    return [x[start * each : (start + 1) * each] for start in range(number)]


def _mask(tf: Any, x: Any) -> Any:
    """1 for events, 0 elsewhere, as float32; NaN where the element is not finite."""
    if not x.dtype.is_floating:
        return _events(tf, x)
    # No slower than a comparison and a cast, and several times as fast on TensorFlow 2.12.
    return tf.cast(tf.math.divide_no_nan(x, x), tf.float32)


def _events(tf: Any, x: Any) -> Any:
    """1 for events, NaN and infinity among them, 0 elsewhere, as float32."""
    return tf.cast(tf.not_equal(x, tf.zeros((), x.dtype)), tf.float32)


def _spikes(tf: Any, amplitude: float, x: Any) -> Any:
    """Number of spikes of each element, of either sign."""
    return tf.math.rint(tf.abs(tf.cast(x, tf.float32)) * tf.constant(1.0 / amplitude, tf.float32))


def _plain_sums(tf: Any, observation: Observation, counts: Any, binary: bool = True) -> Any:
    """Sums of counts by row, ``(rows, 1)``."""
    places = observation.places
    if binary and places is not None and places < EXACT_IN_FLOAT32:
        return tf.reduce_sum(tf.reshape(counts, [-1, places]), 1, keepdims=True)
    axes = list(range(2 if observation.time else 1, len(counts.shape)))
    # Along the last axis first: what is left of it is small.
    partial = _sum_over(tf, counts, [axes.pop()]) if axes else counts
    return tf.reshape(tf.reduce_sum(tf.cast(partial, tf.float64), axes), [-1, 1])


def _sum_over(tf: Any, counts: Any, axes: list[int]) -> Any:
    """Sum of a mask over some axes; in float64 where float32 could not hold it."""
    sizes = [counts.shape[axis] for axis in axes]
    exact = None not in sizes and math.prod(sizes) < EXACT_IN_FLOAT32
    return tf.reduce_sum(counts if exact else tf.cast(counts, tf.float64), axes)


class _Weights:
    """The weights of all the sums that are wanted of a tensor, as a matrix ``(places, sums)``.

    A place is an element of one sample in one timestep, or all elements along the axes over which no
    weight varies.
    """

    def __init__(self, tf: Any, observation: Observation) -> None:
        self._tf = tf
        self._observation = observation
        self._varying = observation.varying
        largest = max((each.bound for each in self._varying), default=1)
        self._wide = (observation.places or EXACT_IN_FLOAT32) * largest >= EXACT_IN_FLOAT32
        self._kept = self._kept_axes()
        self._matrix = self._stacked() if self._varying else None

    def sums(self, counts: Any, binary: bool = True) -> Any:
        """Sums of counts by row, ``(rows, sums)``: plain, then weighted; `binary`: no count is above 1."""
        tf = self._tf
        if self._matrix is None:
            return _plain_sums(tf, self._observation, counts, binary)
        lead = 2 if self._observation.time else 1
        summed = [lead + axis for axis in range(len(self._observation.core)) if axis not in self._kept]
        partial = _sum_over(tf, counts, summed) if summed else counts
        dtype = tf.float64 if self._wide or not binary else tf.float32
        flat = tf.reshape(tf.cast(partial, dtype), [-1, self._matrix.shape[0]])
        return tf.matmul(flat, tf.cast(self._matrix, dtype))

    def _kept_axes(self) -> list[int]:
        """Axes over which a weight varies; all of them where the others are short."""
        core = self._observation.core
        varying = [axis for axis in range(len(core)) if any(each.shape[axis] > 1 for each in self._varying)]
        others = math.prod(size or 0 for axis, size in enumerate(core) if axis not in varying)
        return list(range(len(core))) if others <= _NARROW and not self._wide else varying

    def _stacked(self) -> Any:
        tf = self._tf
        shape = tuple(self._observation.core[axis] for axis in self._kept)
        columns = [tf.ones([math.prod(size or 0 for size in shape)], tf.float32)]
        for each in self._varying:
            own = tuple(each.shape[axis] for axis in self._kept)
            values = tf.reshape(tf.cast(each.values, tf.float32), own)
            columns.append(tf.reshape(tf.broadcast_to(values, shape), [-1]))
        return tf.stack(columns, axis=1)


def _emit_tables(tf: Any, same: list[Row], counters: Counters) -> None:
    """Add up the tables of some tensors with the same rows, over the samples."""
    observation = same[0][0]
    tables = [table for _, table in same]
    table = tf.cast(tf.math.rint(tf.concat(tables, 1) if len(tables) > 1 else tables[0]), tf.int64)
    width = table.shape[1]
    samples = table
    if observation.time:
        steps = observation.tensor.shape[1]
        samples = tf.reduce_sum(
            tf.reshape(samples, [-1, tf.shape(observation.tensor)[1] if steps is None else steps, width]), 1
        )
    if observation.fold is not None:
        samples = tf.reduce_sum(tf.reshape(samples, [-1, observation.fold, width]), 1)
    steps = observation.steps
    sums = tf.reduce_sum(samples if steps is None else tf.reshape(table, [-1, steps * width]), 0)
    place = counters.add("integers", sums)
    squares = counters.add("integers", tf.reduce_sum(samples**2, 0))
    rows = counters.add("integers", tf.shape(table, out_type=tf.int64)[0])
    columns = iter([Column(place, squares, steps, number) for number in range(width)])
    for each, _ in same:
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
    flat = tf.reshape(_events(tf, x) if observation.neurons else _mask(tf, x), [-1, observation.places])
    counts = tf.linalg.matmul(tf.ones([1, tf.shape(flat)[0]], tf.float32), flat)[0]
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
