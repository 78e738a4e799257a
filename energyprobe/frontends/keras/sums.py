"""Sums of a tensor's elements by row, a row being one sample in one timestep; plain, and with weights.

They run in float32 where they stay below 2**24, the last integer that float32 counts to, and in float64
above.
"""

from __future__ import annotations

import math
from typing import Any

from energyprobe.frontends.keras.counters import EXACT_IN_FLOAT32
from energyprobe.frontends.keras.observation import Observation

_NARROW = 8
"""So few channels are not worth a sum of their own before the product with the weights."""


def plain_sums(tf: Any, observation: Observation, counts: Any, binary: bool = True) -> Any:
    """Sums of counts by row, ``(rows, 1)``."""
    places = observation.places
    if binary and places is not None and places < EXACT_IN_FLOAT32:
        return tf.reduce_sum(tf.reshape(counts, [-1, places]), 1, keepdims=True)
    axes = list(range(2 if observation.time else 1, len(counts.shape)))
    # Along the last axis first: what is left of it is small.
    partial = sum_over(tf, counts, [axes.pop()]) if axes else counts
    return tf.reshape(tf.reduce_sum(tf.cast(partial, tf.float64), axes), [-1, 1])


def sum_over(tf: Any, counts: Any, axes: list[int]) -> Any:
    """Sum of a mask over some axes; in float64 where float32 could not hold it."""
    sizes = [counts.shape[axis] for axis in axes]
    exact = None not in sizes and math.prod(sizes) < EXACT_IN_FLOAT32
    return tf.reduce_sum(counts if exact else tf.cast(counts, tf.float64), axes)


class Weights:
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
            return plain_sums(tf, self._observation, counts, binary)
        lead = 2 if self._observation.time else 1
        summed = [lead + axis for axis in range(len(self._observation.core)) if axis not in self._kept]
        partial = sum_over(tf, counts, summed) if summed else counts
        dtype = tf.float64 if self._wide or not binary else tf.float32
        flat = tf.reshape(tf.cast(partial, dtype), [-1, self._matrix.shape[0]])
        return tf.matmul(flat, tf.cast(self._matrix, dtype))

    @property
    def in_float32(self) -> int:
        """How many elements are added in float32, where counts are above 1."""
        core = self._observation.core
        summed = [size or EXACT_IN_FLOAT32 for axis, size in enumerate(core) if axis not in self._kept]
        if self._matrix is None:
            return core[-1] or EXACT_IN_FLOAT32 if core else 1
        return math.prod(summed) if math.prod(summed) < EXACT_IN_FLOAT32 else 1

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
