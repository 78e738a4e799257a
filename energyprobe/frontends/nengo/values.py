"""Sizes of graded values, on request: what, for example, the neurons that decode a value would fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from energyprobe.trace.histograms import MAGNITUDE_EDGES
from energyprobe.trace.records import Magnitudes

BINS = len(MAGNITUDE_EDGES) - 1
BINS_PER_OCTAVE = 8
LOWEST = float(MAGNITUDE_EDGES[0])


@dataclass
class Sizes:
    """Sizes of the values of one sign of a vector.

    Attributes
    ----------
    sums : numpy.ndarray of float
        Sum of the absolute values of each element, ``(elements,)``.
    maximum : float
        The largest.
    histogram : numpy.ndarray of int64
        Values in the bins of `energyprobe.trace.histograms.MAGNITUDE_EDGES`.
    """

    sums: NDArray[np.float64]
    maximum: float
    histogram: NDArray[np.int64]

    def __add__(self, other: Sizes) -> Sizes:
        """Add up two recordings."""
        return Sizes(
            self.sums + other.sums, max(self.maximum, other.maximum), self.histogram + other.histogram
        )

    def magnitudes(self, fanout: NDArray[np.int64]) -> Magnitudes:
        """Give the record, for an operation whose fan-out from each element is known."""
        return Magnitudes(
            total=float(self.sums.sum()),
            fanout_total=float(self.sums @ fanout),
            maximum=self.maximum,
            histogram=tuple(map(int, self.histogram)),
        )


class SignCounters:
    """Counters of the values of one sign, for vectors that lie side by side.

    Parameters
    ----------
    sign : {1, -1}
        Which values count.
    ends : numpy.ndarray of int
        Where each vector ends.
    """

    def __init__(self, sign: int, ends: NDArray[np.int64]) -> None:
        self._sign = sign
        self._parts = np.split(np.arange(ends[-1]), ends[:-1])
        self._segments = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
        self._sums = tf.Variable(tf.zeros(int(ends[-1]), tf.float64), trainable=False)
        self._maxima = tf.Variable(tf.zeros(len(ends), tf.float64), trainable=False)
        self._histograms = tf.Variable(tf.zeros(len(ends) * BINS, tf.int64), trainable=False)

    def start(self) -> None:
        """Zero the counters, in the graph, before the loop."""
        for variable in (self._sums, self._maxima, self._histograms):
            variable.assign(tf.zeros_like(variable))

    def step(self, value: Any) -> list[Any]:
        """Add one timestep of the vectors, ``(minibatch, elements)``, in the graph."""
        finite = tf.where(tf.math.is_finite(value), value, tf.zeros_like(value))
        part = tf.nn.relu(self._sign * tf.cast(finite, tf.float64))
        octaves = tf.math.log(tf.maximum(part, LOWEST / 2) / LOWEST) / np.log(2.0)
        bins = tf.clip_by_value(tf.cast(tf.floor(octaves * BINS_PER_OCTAVE), tf.int32), 0, BINS - 1)
        places = bins + self._segments.astype(np.int32) * BINS
        counted = tf.math.unsorted_segment_sum(
            tf.cast(part > 0, tf.int64), places, num_segments=self._histograms.shape[0]
        )
        highest = tf.math.segment_max(tf.reduce_max(part, axis=0), self._segments)
        return [
            self._sums.assign_add(tf.reduce_sum(part, axis=0)),
            self._maxima.assign(tf.maximum(self._maxima, highest)),
            self._histograms.assign_add(counted),
        ]

    def read(self) -> list[Sizes]:
        """Read the counters on the host, one for each vector."""
        sums, maxima = self._sums.numpy(), self._maxima.numpy()
        histograms = self._histograms.numpy().reshape(-1, BINS)
        return [
            Sizes(sums[part], float(maximum), histogram)
            for part, maximum, histogram in zip(self._parts, maxima, histograms, strict=True)
        ]
