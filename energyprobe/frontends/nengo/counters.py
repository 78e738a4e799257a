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
        # Value to number of spikes; 0 where there are none. A scalar, where it will do, is faster.
        per_spike = [0.0 if watch.spike is None else 1.0 / watch.spike for watch in watches]
        self.per_spike = per_spike[0] if len(set(per_spike)) == 1 else np.repeat(per_spike, sizes)
        self.weighs_spikes = any(watch.spike is not None and not watch.single for watch in watches)
        shape = (minibatch, int(self.ends[-1]))
        # One event of a neuron in a timestep at the most, and NengoDL counts timesteps in 32 bits, too.
        self.events = tf.Variable(tf.zeros(shape, tf.int32), trainable=False)
        # float64 holds whole numbers up to 2**53, and takes float32 faster than int64 does.
        self.spikes = (
            tf.Variable(tf.zeros(shape, tf.float64), trainable=False) if self.weighs_spikes else None
        )
        self.nonfinite = tf.Variable(tf.zeros(int(self.ends[-1]), tf.int64), trainable=False)

        graded = values and any(watch.spike is None for watch in watches)
        self.signs = [SignCounters(sign, self.ends) for sign in (1, -1)] if graded else []

    def start(self) -> None:
        """Zero the counters, in the graph, before the loop."""
        for sign in self.signs:
            sign.start()
        for variable in (self.events, self.spikes, self.nonfinite):
            if variable is not None:
                variable.assign(tf.zeros_like(variable))

    def step(self, signals: Any) -> tuple[Any, list[Any]]:
        """Add one timestep, in the graph.

        Returns
        -------
        by_watch : tf.Tensor of float64
            Events of the timestep, ``(watches,)``.
        updates : list
            Operations that the loop has to run.
        """
        value = signals.gather(signals.combine([watch.signal for watch in self.watches]))
        events, of_elements, finite = self._counted(value)
        updates = [self.events.assign_add(tf.cast(events, tf.int32))]
        if self.spikes is not None:
            spikes = tf.round(tf.abs(finite * tf.constant(self.per_spike, value.dtype)))
            updates.append(self.spikes.assign_add(tf.cast(spikes, tf.float64)))
        updates += [update for sign in self.signs for update in sign.step(value)]
        return tf.math.segment_sum(tf.cast(of_elements, tf.float64), self.segments), updates

    def _counted(self, value: Any) -> tuple[Any, Any, Any]:
        """Give events, their sum over the minibatch, and the value with 0 for what is not finite."""
        # Where all is finite x / x is 1, and 0 / 0 is taken for 0.
        events = tf.math.divide_no_nan(value, value)
        # float32 holds as many events as a minibatch has samples.
        of_elements = tf.reduce_sum(events, axis=0)
        usual = events, of_elements, value
        if all(watch.single for watch in self.watches):
            return usual
        # A sum is finite if all events are; the rare rest takes more passes over them.
        suspicious = tf.logical_not(tf.math.is_finite(tf.reduce_sum(of_elements)))
        return tf.cond(suspicious, lambda: self._exactly_counted(value), lambda: usual)

    def _exactly_counted(self, value: Any) -> tuple[Any, Any, Any]:
        """Count any values: what is not finite is an event, and no spike."""
        finite = tf.math.is_finite(value)
        bad = tf.reduce_sum(tf.cast(tf.logical_not(finite), tf.int64), axis=0)
        with tf.control_dependencies([self.nonfinite.assign_add(bad)]):
            events = tf.cast(tf.not_equal(value, 0), value.dtype)
        return events, tf.reduce_sum(events, axis=0), tf.where(finite, value, tf.zeros_like(value))

    def read(self, by_step: NDArray[np.int64]) -> Iterable[tuple[Watch, Counts]]:
        """Read the counters on the host.

        Parameters
        ----------
        by_step : numpy.ndarray of int64
            Events of the watches in each timestep, ``(timesteps, watches)``.
        """
        events = self.events.numpy().astype(np.int64)
        spikes = events if self.spikes is None else np.rint(self.spikes.numpy()).astype(np.int64)
        nonfinite = self.nonfinite.numpy()
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
        width = len(self.watches)
        self._by_step = tf.Variable(tf.zeros((0, width), tf.float64), trainable=False, shape=(None, width))

    def start(self) -> None:
        """Zero all counters: called while the graph is built, before the simulation loop."""
        self._clock.assign(0)
        # An unrolled loop runs whole blocks of timesteps.
        blocks = (self._graph.steps_to_run + self._graph.unroll - 1) // self._graph.unroll
        self._by_step.assign(tf.zeros((blocks * self._graph.unroll, len(self.watches)), tf.float64))
        for group in self._groups:
            group.start()

    def step(self, signals: Any) -> list[Any]:
        """Count one timestep: called while the graph is built, after all operators of the timestep.

        Returns
        -------
        list
            Operations that the loop has to run.
        """
        index = tf.identity(self._clock)
        of_groups, updates = zip(*(group.step(signals) for group in self._groups), strict=True)
        row = tf.concat(of_groups, axis=0)
        every = [*sum(updates, []), self._by_step.scatter_nd_add([[index]], row[tf.newaxis])]
        with tf.control_dependencies(every):
            return [*every, self._clock.assign_add(1)]

    def read(self) -> tuple[int, dict[Watch, Counts]]:
        """Read what the last run of the loop counted.

        Returns
        -------
        timesteps : int
        counts : dict of Watch to Counts
        """
        timesteps = int(self._clock.numpy())
        by_step = np.rint(self._by_step.numpy()[:timesteps]).astype(np.int64)
        ends = np.cumsum([len(group.watches) for group in self._groups])
        parts = zip(self._groups, np.split(by_step, ends[:-1], axis=1), strict=True)
        return timesteps, {watch: counts for group, part in parts for watch, counts in group.read(part)}
