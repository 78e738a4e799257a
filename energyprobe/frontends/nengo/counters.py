"""Counting in the graph: one set of counters for all watched signals that lie in the same base array.

The counters are variables of their own. They are zeroed before the simulation loop and added to at the end
of each timestep, when every signal has the value that a `nengo.Probe` would read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from energyprobe.frontends.nengo.values import SignCounters, Sizes


@dataclass(frozen=True, eq=False)
class Watch:
    """A signal to be observed.

    Attributes
    ----------
    signal : nengo.builder.Signal
        A vector that changes from timestep to timestep.
    spike : float or None
        Value of one spike (amplitude / dt); None where the signal carries no spikes.
    single : bool
        Whether it can be anything but 0 and one spike; then events are spikes and need no counter apart.
    """

    signal: Any
    spike: float | None = None
    single: bool = False

    @property
    def size(self) -> int:
        """Elements of the signal."""
        return int(self.signal.size)


@dataclass(frozen=True)
class Counts:
    """What one run of the simulation loop counted for one watch.

    Attributes
    ----------
    events, spikes : numpy.ndarray of int64
        ``(minibatch, elements)``, over the timesteps of the run; spikes are zeros where there are none.
    nonfinite : numpy.ndarray of int64
        NaN and infinite values, ``(elements,)``.
    by_step : numpy.ndarray of int64
        Events in each timestep, ``(timesteps,)``.
    sizes : tuple of Sizes
        Of the positive and of the negative values; empty where they were not asked for.
    """

    events: NDArray[np.int64]
    spikes: NDArray[np.int64]
    nonfinite: NDArray[np.int64]
    by_step: NDArray[np.int64]
    sizes: tuple[Sizes, ...] = ()


class _Group:
    """Counters of the watches that share a base array."""

    def __init__(self, watches: list[Watch], minibatch: int, values: bool) -> None:
        self.watches = watches
        sizes = [watch.size for watch in watches]
        self.ends = np.cumsum(sizes)
        self.segments = np.repeat(np.arange(len(watches)), sizes)
        # Value to number of spikes; 0 where there are none.
        per_spike = [0.0 if watch.spike is None else 1.0 / watch.spike for watch in watches]
        self.per_spike = np.repeat(per_spike, sizes)
        self.weighs_spikes = any(watch.spike is not None and not watch.single for watch in watches)
        # float64 holds whole numbers up to 2**53, and takes float32 faster than int64 does.
        zeros = tf.zeros((minibatch, int(self.ends[-1])), tf.float64)
        self.events = tf.Variable(zeros, trainable=False)
        self.spikes = tf.Variable(zeros, trainable=False) if self.weighs_spikes else None
        self.nonfinite = tf.Variable(tf.zeros(int(self.ends[-1]), tf.int64), trainable=False)
        self.by_step = tf.Variable(
            tf.zeros((0, len(watches)), tf.int64), trainable=False, shape=(None, len(watches))
        )

        graded = values and any(watch.spike is None for watch in watches)
        self.signs = [SignCounters(sign, self.ends) for sign in (1, -1)] if graded else []

    def start(self, timesteps: Any) -> None:
        """Zero the counters, in the graph, before the loop."""
        for sign in self.signs:
            sign.start()
        for variable in (self.events, self.spikes, self.nonfinite):
            if variable is not None:
                variable.assign(tf.zeros_like(variable))
        self.by_step.assign(tf.zeros((timesteps, len(self.watches)), tf.int64))

    def step(self, signals: Any, index: Any) -> list[Any]:
        """Add one timestep, in the graph."""
        value = signals.gather(signals.combine([watch.signal for watch in self.watches]))
        events, spikes = self._counted(value)
        updates = [
            self.events.assign_add(tf.cast(events, tf.float64)),
            self.by_step.scatter_nd_add([[index]], self._by_watch(events)[tf.newaxis]),
        ]
        if self.spikes is not None:
            updates.append(self.spikes.assign_add(tf.cast(spikes, tf.float64)))
        return [*updates, *(update for sign in self.signs for update in sign.step(value))]

    def _counted(self, value: Any) -> tuple[Any, Any]:
        """Give events and spikes, and count values that are not finite."""
        if all(watch.single for watch in self.watches):
            return self._usual(value)
        # A sum is finite if all values are; the rare rest takes more passes over them.
        suspicious = tf.logical_not(tf.math.is_finite(tf.reduce_sum(value)))
        return tf.cond(suspicious, lambda: self._exact(value), lambda: self._usual(value))

    def _usual(self, value: Any) -> tuple[Any, Any]:
        """Count finite values: x / x is 1, and 0 / 0 is taken for 0."""
        return tf.math.divide_no_nan(value, value), self._spikes(value)

    def _exact(self, value: Any) -> tuple[Any, Any]:
        """Count any values: what is not finite is an event, and no spike."""
        finite = tf.math.is_finite(value)
        bad = tf.reduce_sum(tf.cast(tf.logical_not(finite), tf.int64), axis=0)
        with tf.control_dependencies([self.nonfinite.assign_add(bad)]):
            events = tf.cast(tf.not_equal(value, 0), value.dtype)
        return events, self._spikes(tf.where(finite, value, tf.zeros_like(value)))

    def _spikes(self, value: Any) -> Any:
        if self.spikes is None:
            return tf.zeros((), value.dtype)
        return tf.round(tf.abs(value * tf.constant(self.per_spike, value.dtype)))

    def _by_watch(self, events: Any) -> Any:
        """Add up events over the minibatch and over the elements of each watch."""
        # Over the minibatch first: exact in float32 up to 2**24 samples, then in int64.
        of_elements = tf.cast(tf.round(tf.reduce_sum(events, axis=0)), tf.int64)
        return tf.math.segment_sum(of_elements, self.segments)

    def read(self, timesteps: int) -> Iterable[tuple[Watch, Counts]]:
        """Read the counters on the host."""
        events = np.rint(self.events.numpy()).astype(np.int64)
        spikes = events if self.spikes is None else np.rint(self.spikes.numpy()).astype(np.int64)
        by_step, nonfinite = self.by_step.numpy()[:timesteps], self.nonfinite.numpy()
        signs = [sign.read() for sign in self.signs]
        for number, (watch, end) in enumerate(zip(self.watches, self.ends, strict=True)):
            own = slice(end - watch.size, end)
            weighs = spikes if watch.spike is not None and not watch.single else events
            carried = weighs[:, own] if watch.spike is not None else np.zeros_like(events[:, own])
            sizes = tuple(each[number] for each in signs) if watch.spike is None else ()
            yield watch, Counts(events[:, own], carried, nonfinite[own], by_step[:, number], sizes)


class GraphCounters:
    """All counters of one simulator.

    Parameters
    ----------
    tensor_graph : nengo_dl.tensor_graph.TensorGraph
        Graph of the simulator.
    watches : iterable of Watch
        Signals to observe, each of them in ``tensor_graph.signals``.
    values : bool
        Whether to record the sizes of graded values too.

    Attributes
    ----------
    watches : list of Watch
        The same signals.
    """

    def __init__(self, tensor_graph: Any, watches: Iterable[Watch], values: bool = False) -> None:
        self.watches = list(watches)
        bases: dict[Any, list[Watch]] = {}
        for watch in self.watches:
            bases.setdefault(tensor_graph.signals[watch.signal].key, []).append(watch)
        self._graph = tensor_graph
        self._groups = [_Group(group, tensor_graph.minibatch_size, values) for group in bases.values()]
        self._clock = tf.Variable(0, dtype=tf.int32, trainable=False)

    def start(self) -> None:
        """Zero all counters: called while the graph is built, before the simulation loop."""
        self._clock.assign(0)
        for group in self._groups:
            # An unrolled loop runs whole blocks of timesteps.
            blocks = (self._graph.steps_to_run + self._graph.unroll - 1) // self._graph.unroll
            group.start(blocks * self._graph.unroll)

    def step(self, signals: Any) -> list[Any]:
        """Count one timestep: called while the graph is built, after all operators of the timestep.

        Returns
        -------
        list
            Operations that the loop has to run.
        """
        index = tf.identity(self._clock)
        updates = [update for group in self._groups for update in group.step(signals, index)]
        with tf.control_dependencies(updates):
            return [*updates, self._clock.assign_add(1)]

    def read(self) -> tuple[int, dict[Watch, Counts]]:
        """Read what the last run of the loop counted.

        Returns
        -------
        timesteps : int
        counts : dict of Watch to Counts
        """
        timesteps = int(self._clock.numpy())
        return timesteps, {watch: counts for group in self._groups for watch, counts in group.read(timesteps)}
