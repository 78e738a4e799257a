"""Sums of one tensor by row, a row being one sample in one timestep: events, spikes, fan-outs.

A tensor is turned into a mask of its events, and every count is a sum of the mask with weights: 1 for the
events themselves, the fan-out for synaptic operations. Where a layer makes nothing but whole numbers of
spikes, the sums of the tensor itself tell as much in fewer passes over it.
"""

from __future__ import annotations

import math
from typing import Any

from energyprobe.frontends.keras.observation import Observation
from energyprobe.frontends.keras.sums import Weights, plain_sums

_PIECE = 2**20
"""Elements whose mask stays in the cache: larger tensors are counted in pieces."""

_MOST_PIECES = 16

_LIKELY_BATCH = 32
"""Assumed where the batch is not known while tracing, to decide on pieces."""


def row_sums(tf: Any, observation: Observation) -> tuple[Any, Any]:
    """All sums by row, and which neurons had an event.

    Parameters
    ----------
    tf : module
        TensorFlow.
    observation : Observation
        The tensor.

    Returns
    -------
    tuple
        ``(rows, sums)``: over events, over spikes, and the number of non-finite elements; and ``(places,)``
        of bool, or None where that was not worked out along the way.
    """
    weights = Weights(tf, observation)
    floats = observation.tensor.dtype in (tf.float32, tf.float64)
    if not (observation.whole and floats and observation.places and not observation.neurons):
        return _masked(tf, observation, weights), None
    return _of_whole_spikes(tf, observation, weights)


def _of_whole_spikes(tf: Any, observation: Observation, weights: Weights) -> tuple[Any, Any]:
    """The same, of a tensor that holds nothing but whole numbers of spikes.

    As long as no element has more than one spike, none is negative, and rounding cannot reach half a spike,
    the sums of the elements are those of the events. Otherwise, and where something is not finite, a mask is
    made after all.
    """
    x, amplitude = observation.tensor, observation.amplitude
    assert amplitude is not None and observation.places is not None
    flat = tf.reshape(x, [-1, observation.places])
    most, least = tf.reduce_max(flat, 0), tf.reduce_min(flat, 0)
    sums = weights.sums(x, binary=False) / tf.constant(amplitude, tf.float64)
    # A sum of n numbers is off by at most n roundings of 2**-24; each number by a few of its own.
    rounding = (weights.in_float32 + 8) * 2.0**-24
    plain = tf.reduce_all((most < 1.5 * amplitude) & (least >= 0.0)) & tf.reduce_all(sums < 0.25 / rounding)

    def single() -> tuple[Any, Any]:
        whole = tf.math.rint(sums)
        return tf.pad(tf.concat([whole, whole], 1), [[0, 0], [0, 1]]), most > 0.0

    def masked() -> tuple[Any, Any]:
        fired = tf.not_equal(neuron_counts(tf, mask(tf, x), observation.places), 0.0)
        return _masked(tf, observation, weights), fired

    return tf.cond(plain, single, masked)


def _masked(tf: Any, observation: Observation, weights: Weights) -> Any:
    """All sums by row, from a mask of the events."""
    x = observation.tensor

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
        counts = sums(events_of(tf, x), tf.where(finite, x, tf.zeros((), x.dtype)))
        broken = plain_sums(tf, observation, tf.cast(tf.logical_not(finite), tf.float32))
        return tf.concat([counts, tf.cast(broken, counts.dtype)], 1)

    pieces = [sums(mask(tf, each), each) for each in _pieces(tf, observation)]
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


def mask(tf: Any, x: Any) -> Any:
    """1 for events, 0 elsewhere, as float32; NaN where the element is not finite."""
    if not x.dtype.is_floating:
        return events_of(tf, x)
    # No slower than a comparison and a cast, and several times as fast on TensorFlow 2.12.
    return tf.cast(tf.math.divide_no_nan(x, x), tf.float32)


def events_of(tf: Any, x: Any) -> Any:
    """1 for events, NaN and infinity among them, 0 elsewhere, as float32."""
    return tf.cast(tf.not_equal(x, tf.zeros((), x.dtype)), tf.float32)


def _spikes(tf: Any, amplitude: float, x: Any) -> Any:
    """Number of spikes of each element, of either sign."""
    return tf.math.rint(tf.abs(tf.cast(x, tf.float32)) * tf.constant(1.0 / amplitude, tf.float32))


def neuron_counts(tf: Any, counts: Any, places: int | None) -> Any:
    """Sums over samples and timesteps, ``(places,)``."""
    flat = tf.reshape(counts, [-1, places])
    return tf.linalg.matmul(tf.ones([1, tf.shape(flat)[0]], tf.float32), flat)[0]
