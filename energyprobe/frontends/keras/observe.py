"""Exact counts of a tensor's events, reduced inside the graph.

A tensor is turned into a mask of its events, and every count is a sum of the mask with weights: 1 for the
events themselves, the fan-out for synaptic operations. Sums run in float32 where they stay below 2**24, the
last integer that float32 counts to, and in float64 above.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from energyprobe.frontends.keras.counters import Counters, Totals
from energyprobe.trace.histograms import MAGNITUDE_EDGES, RATE_EDGES
from energyprobe.trace.records import Activity, Magnitudes

EXACT_IN_FLOAT32 = 2**24

Slot = tuple[str, slice]


@dataclasses.dataclass(eq=False)
class Weighting:
    """Weights of a tensor's elements in a sum over its events.

    Attributes
    ----------
    values : tensor, numpy.ndarray or None
        Broadcastable to one sample and timestep of the tensor; None where they are all 1.
    shape : tuple of int
        Shape of `values`.
    bound : int
        No value is larger.
    scale : int
        Factor of the whole sum, applied outside the graph.
    """

    values: Any
    shape: tuple[int, ...]
    bound: int
    scale: int = 1


@dataclasses.dataclass(eq=False)
class Observation:
    """What is wanted of one tensor.

    Attributes
    ----------
    tensor : tensor
        ``(batch, …)``, ``(batch, time, …)`` where `time`, or ``(batch * fold, …)`` where `fold`.
    time : bool
        Whether axis 1 is time.
    fold : int, tensor or None
        Timesteps that the first axis holds beside the samples.
    amplitude : float or None
        Value of a spike; None where the tensor carries none.
    """

    tensor: Any
    time: bool = False
    fold: Any = None
    amplitude: float | None = None
    fired: bool = False
    neurons: bool = False
    values: bool = False
    weightings: list[Weighting] = dataclasses.field(default_factory=list)
    slots: dict[str, Any] = dataclasses.field(default_factory=dict)

    def weight(self, weighting: Weighting) -> int:
        """Ask for one more weighted sum, and get its number."""
        self.weightings.append(weighting)
        return len(self.weightings) - 1

    @property
    def core(self) -> tuple[int | None, ...]:
        """Shape of one sample in one timestep."""
        return tuple(self.tensor.shape[2 if self.time else 1 :])

    @property
    def static(self) -> bool:
        """Whether that shape is known while tracing."""
        return None not in self.core

    @property
    def steps(self) -> int | None:
        """Timesteps, where known while tracing; None where there are timesteps within timesteps."""
        if self.time:
            return self.tensor.shape[1] if self.fold is None else None
        return self.fold if isinstance(self.fold, int) else None


def emit(tf: Any, observation: Observation, counters: Counters) -> None:
    """Add an observation's counts to the graph.

    Parameters
    ----------
    tf : module
        TensorFlow.
    observation : Observation
        Its `slots` are filled with the places of its counts.
    counters : Counters
        Where they are collected.
    """
    x = observation.tensor
    if x.dtype == tf.bool or not (x.dtype.is_floating or x.dtype.is_integer):
        x = tf.cast(x, tf.float32)
    weights = _matrix(tf, observation)
    mask = _mask(tf, x)
    rows, nonfinite = _finite_sums(tf, observation, x, mask, weights)
    samples = _per_sample(tf, observation, rows)
    slots = observation.slots
    slots["elements"] = counters.add("integers", tf.size(x, out_type=tf.int64))
    slots["sums"] = counters.add("integers", tf.reduce_sum(samples, 0))
    slots["squares"] = counters.add("integers", tf.reduce_sum(samples[:, 0] ** 2))
    slots["nonfinite"] = counters.add("integers", nonfinite)
    if observation.steps is not None:
        by_step = tf.reduce_sum(tf.reshape(rows[:, 0], [-1, observation.steps]), 0)
        slots["by_step"] = counters.add("integers", by_step)
    if observation.amplitude is not None:
        slots["spikes"] = counters.add("integers", tf.reduce_sum(_spikes(tf, observation, x, weights), 0))
    if (observation.fired or observation.neurons) and observation.static:
        _emit_neurons(tf, observation, mask, counters)
    if observation.values and x.dtype.is_floating:
        _emit_values(tf, observation, x, counters)


def _mask(tf: Any, x: Any) -> Any:
    """1 for events, 0 elsewhere, as float32; NaN where the element is not finite."""
    if not x.dtype.is_floating:
        return tf.cast(tf.not_equal(x, 0), tf.float32)
    # Two to four times as fast as a comparison and a cast (benchmarks/reductions.py).
    mask = tf.math.divide_no_nan(x, x)
    return mask if mask.dtype == tf.float32 else tf.cast(mask, tf.float32)


def _finite_sums(tf: Any, observation: Observation, x: Any, mask: Any, weights: Any) -> tuple[Any, Any]:
    """Weighted sums by row, and the number of NaN and infinite elements."""
    sums = _row_sums(tf, observation, mask, weights)
    if not x.dtype.is_floating:
        return _integers(tf, sums), tf.constant(0, tf.int64)

    def exact() -> tuple[Any, Any]:
        events = tf.cast(tf.not_equal(x, tf.zeros((), x.dtype)), tf.float32)
        broken = tf.cast(tf.logical_not(tf.math.is_finite(x)), tf.int64)
        return _integers(tf, _row_sums(tf, observation, events, weights)), tf.reduce_sum(broken)

    def usual() -> tuple[Any, Any]:
        return _integers(tf, sums), tf.constant(0, tf.int64)

    finite = tf.reduce_all(tf.math.is_finite(sums))
    rows, nonfinite = tf.cond(finite, usual, exact)
    return rows, nonfinite


def _integers(tf: Any, sums: Any) -> Any:
    return tf.cast(tf.round(sums), tf.int64)


def _matrix(tf: Any, observation: Observation) -> Any:
    """Weights of all the wanted sums, ``(places, sums)``; None where every weight is 1.

    A place is an element of one sample in one timestep, or all elements along the axes over which no
    weight varies.
    """
    vectors = [each for each in observation.weightings if each.values is not None]
    if not vectors:
        return None
    kept = _varying_axes(observation)
    shape = tuple(observation.core[axis] for axis in kept)
    columns = [tf.ones([math.prod(shape)], tf.float32)]
    for each in observation.weightings:
        if each.values is None:
            columns.append(columns[0])
            continue
        squeezed = tuple(each.shape[axis] for axis in kept)
        values = tf.reshape(tf.cast(each.values, tf.float32), squeezed)
        columns.append(tf.reshape(tf.broadcast_to(values, shape), [-1]))
    return tf.stack(columns, axis=1)


def _varying_axes(observation: Observation) -> list[int]:
    shapes = [each.shape for each in observation.weightings if each.values is not None]
    return [axis for axis in range(len(observation.core)) if any(shape[axis] > 1 for shape in shapes)]


def _row_sums(tf: Any, observation: Observation, mask: Any, weights: Any) -> Any:
    """Weighted sums of a mask, ``(rows, 1 + weightings)``; a row is one sample in one timestep."""
    lead = 2 if observation.time else 1
    axes = range(len(observation.core))
    kept = _varying_axes(observation)
    summed = [lead + axis for axis in axes if axis not in kept]
    count = len(observation.weightings)
    if weights is None:
        # Along the last axis first: each partial sum stays exact, and the rest is small.
        partial = tf.reduce_sum(mask, -1) if summed else mask
        places = _places(observation)
        exact = partial if places is not None and places < EXACT_IN_FLOAT32 else tf.cast(partial, tf.float64)
        total = tf.reduce_sum(exact, summed[:-1]) if len(summed) > 1 else exact
        return tf.tile(tf.reshape(total, [-1, 1]), [1, 1 + count])
    partial = tf.reduce_sum(mask, summed) if summed else mask
    places = _places(observation) or EXACT_IN_FLOAT32
    bound = places * max(each.bound for each in observation.weightings)
    wide = tf.float32 if bound < EXACT_IN_FLOAT32 else tf.float64
    flat = tf.reshape(tf.cast(partial, wide), [-1, weights.shape[0]])
    return tf.matmul(flat, tf.cast(weights, wide))


def _places(observation: Observation) -> int | None:
    return math.prod(observation.core) if observation.static else None


def _per_sample(tf: Any, observation: Observation, rows: Any) -> Any:
    """Sums by sample, ``(batch, sums)``."""
    columns = rows.shape[1]
    steps = []
    if observation.time:
        size = observation.tensor.shape[1]
        steps.append(tf.shape(observation.tensor)[1] if size is None else size)
    if observation.fold is not None:
        steps.append(observation.fold)
    for size in steps:
        rows = tf.reduce_sum(tf.reshape(rows, [-1, size, columns]), 1)
    return rows


def _spikes(tf: Any, observation: Observation, x: Any, weights: Any) -> Any:
    """Weighted sums of spikes by row: an element of k spikes counts k times."""
    size = tf.abs(tf.where(tf.math.is_finite(x), x, tf.zeros((), x.dtype)))
    spikes = tf.round(tf.cast(size, tf.float32) * tf.constant(1.0 / observation.amplitude, tf.float32))
    return _integers(tf, _row_sums(tf, observation, spikes, weights))


def _emit_neurons(tf: Any, observation: Observation, mask: Any, counters: Counters) -> None:
    """Which neurons ever fired and, if wanted, how often each did."""
    flat = tf.reshape(mask, [-1, math.prod(observation.core)])
    counts = tf.linalg.matmul(tf.ones([1, tf.shape(flat)[0]], tf.float32), flat)[0]
    # Not "> 0": a NaN is an event too.
    observation.slots["fired"] = counters.add("bits", tf.not_equal(counts, 0.0))
    if observation.neurons:
        finite = tf.where(tf.math.is_finite(counts), counts, tf.zeros_like(counts))
        observation.slots["neurons"] = counters.add("integers", finite)


def _emit_values(tf: Any, observation: Observation, x: Any, counters: Counters) -> None:
    """Sizes of the values of each sign."""
    finite = tf.where(tf.math.is_finite(x), x, tf.zeros((), x.dtype))
    wide = tf.cast(finite, tf.float32)
    for sign, part in (("positive", tf.nn.relu(wide)), ("negative", tf.nn.relu(-wide))):
        flat = tf.cast(tf.reshape(part, [-1, math.prod(observation.core)]), tf.float64)
        fanout = tf.constant(0.0, tf.float64)
        if observation.weightings:
            first = observation.weightings[0]
            values = 1.0 if first.values is None else tf.cast(first.values, tf.float64)
            spread = tf.cast(part, tf.float64) * values
            fanout = tf.reduce_sum(spread) * first.scale
        bins = tf.math.floor(tf.math.log(tf.maximum(part, 2.0**-24)) / math.log(2.0) * 8) + 160
        bins = tf.clip_by_value(tf.cast(bins, tf.int32), 0, len(MAGNITUDE_EDGES) - 2)
        ones = tf.cast(part > 0, tf.int64)
        histogram = tf.math.unsorted_segment_sum(
            tf.reshape(ones, [-1]), tf.reshape(bins, [-1]), len(MAGNITUDE_EDGES) - 1
        )
        observation.slots[sign] = {
            "total": counters.add("sums", tf.reduce_sum(flat)),
            "fanout": counters.add("sums", fanout),
            "maximum": counters.add("maxima", tf.reduce_max(part)),
            "histogram": counters.add("integers", histogram),
        }


def activity(
    observation: Observation, totals: Totals, samples: int, observed: int, continued: bool
) -> Activity:
    """Read an observation's totals.

    Parameters
    ----------
    observation : Observation
        What was emitted.
    totals : Totals
        Totals of its counters.
    samples : int
        Samples presented.
    observed : int
        The same, but a sample that went on over several batches counts once for each.
    continued : bool
        Whether there were such samples, so that squares per sample are unknown.

    Returns
    -------
    Activity
    """
    slots = observation.slots
    neurons = _places(observation)
    elements = totals.integer(slots["elements"])
    by_step = [int(each) for each in totals.array(slots["by_step"])] if "by_step" in slots else None
    fired = counts = None
    if "fired" in slots:
        fired = np.packbits(totals.array(slots["fired"]), bitorder="little").tobytes()
    if "neurons" in slots and neurons:
        rates = totals.array(slots["neurons"]) / (elements / neurons)
        counts = tuple(int(each) for each in np.histogram(np.minimum(rates, 1.0), RATE_EDGES)[0])
    spikes = int(totals.array(slots["spikes"])[0]) if "spikes" in slots else None
    return Activity(
        elements=elements,
        neurons=neurons,
        events=int(totals.array(slots["sums"])[0]),
        samples=samples,
        sum_sq_events_per_sample=None if continued else totals.integer(slots["squares"]),
        spikes=spikes,
        amplitude=observation.amplitude,
        nonfinite=totals.integer(slots["nonfinite"]),
        events_by_step=None if by_step is None else tuple(by_step),
        samples_by_step=None if by_step is None else (observed,) * len(by_step),
        fired=fired,
        rate_histogram=counts,
        positive=_magnitudes(slots, "positive", totals),
        negative=_magnitudes(slots, "negative", totals),
    )


def _magnitudes(slots: dict[str, Any], sign: str, totals: Totals) -> Magnitudes | None:
    if sign not in slots:
        return None
    places = slots[sign]
    return Magnitudes(
        total=totals.number(places["total"]),
        fanout_total=totals.number(places["fanout"]),
        maximum=totals.number(places["maximum"]),
        histogram=tuple(int(each) for each in totals.array(places["histogram"])),
    )


def weighted(observation: Observation, totals: Totals, number: int, slot: str = "sums") -> int:
    """One weighted sum of an observation, scaled."""
    return int(totals.array(observation.slots[slot])[1 + number]) * observation.weightings[number].scale
