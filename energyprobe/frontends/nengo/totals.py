"""Totals over the runs of a recording, on the host, in whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from operator import add

import numpy as np
from numpy.typing import NDArray

from energyprobe.frontends.nengo.counters import Counts, Watch
from energyprobe.frontends.nengo.values import Sizes
from energyprobe.trace.histograms import RATE_EDGES
from energyprobe.trace.records import Activity


class Totals:
    """What was counted for one watched signal over all runs so far.

    Parameters
    ----------
    watch : Watch
        The signal.

    Attributes
    ----------
    events, spikes, nonfinite : numpy.ndarray of int64
        By element of the signal, ``(elements,)``.
    sizes : tuple of Sizes
        Of the positive and of the negative values, where they were asked for.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.events = np.zeros(watch.size, np.int64)
        self.spikes = np.zeros(watch.size, np.int64)
        self.nonfinite = np.zeros(watch.size, np.int64)
        self.sizes: tuple[Sizes, ...] = ()
        self._by_step = np.zeros(0, np.int64)
        self._sum_sq = 0
        # Samples that a stateful run may still continue, ``(minibatch,)``.
        self._open = np.zeros(0, np.int64)

    def add(self, counts: Counts, first_step: int) -> None:
        """Add one run.

        Parameters
        ----------
        counts : Counts
            What the run counted.
        first_step : int
            0 for new samples; otherwise the timesteps that the same samples have already had.
        """
        self.events += counts.events.sum(axis=0)
        self.spikes += counts.spikes.sum(axis=0)
        self.nonfinite += counts.nonfinite
        self.sizes = tuple(map(add, self.sizes, counts.sizes)) if self.sizes else counts.sizes
        last = first_step + len(counts.by_step)
        self._by_step = _extended(self._by_step, last)
        self._by_step[first_step:last] += counts.by_step
        of_sample = counts.events.sum(axis=1)
        if first_step:
            self._open = self._open + of_sample
        else:
            self._sum_sq += _sum_of_squares(self._open)
            self._open = of_sample

    def activity(
        self,
        presented: Presented,
        read: NDArray[np.int64],
        fanout: NDArray[np.int64] | None = None,
        rates: bool = False,
    ) -> Activity:
        """Give the record of the activity of some elements of the signal.

        Events by sample and by timestep, and sizes of values, are counted for the whole signal alone.

        Parameters
        ----------
        presented : Presented
            Samples and timesteps.
        read : numpy.ndarray of int64
            The elements.
        fanout : numpy.ndarray of int64, optional
            Connections that leave each of them, where it is the input of a synaptic operation.
        rates : bool
            Whether to give a histogram of how often each element had an event.
        """
        spike, whole = self.watch.spike, len(read) == self.watch.size
        events = self.events[read]
        sizes = self.sizes if whole else ()
        return Activity(
            elements=len(read) * presented.sample_steps,
            events=int(events.sum()),
            samples=presented.samples,
            sum_sq_events_per_sample=self._sum_sq + _sum_of_squares(self._open) if whole else None,
            neurons=len(read),
            spikes=None if spike is None else int(self.spikes[read].sum()),
            amplitude=spike,
            nonfinite=int(self.nonfinite[read].sum()),
            events_by_step=tuple(map(int, self._by_step)) if whole else None,
            samples_by_step=tuple(map(int, presented.samples_by_step)) if whole else None,
            fired=np.packbits(events > 0, bitorder="little").tobytes(),
            rate_histogram=_rates(events, presented.sample_steps) if rates else None,
            positive=sizes[0].magnitudes(fanout) if sizes and fanout is not None else None,
            negative=sizes[1].magnitudes(fanout) if sizes and fanout is not None else None,
        )


class Presented:
    """Samples and timesteps over all runs so far.

    A run that begins in the state in which the run before it ended continues the same samples: it adds
    timesteps, not samples.
    """

    def __init__(self) -> None:
        self.samples = 0
        self.sample_steps = 0
        self.samples_by_step = np.zeros(0, np.int64)
        self._reached: int | None = None
        self._length = 0

    def add(self, minibatch: int, timesteps: int, start: int, isolated: bool) -> int:
        """Add one run.

        Parameters
        ----------
        minibatch, timesteps : int
            Its size.
        start : int
            Timestep of the simulator at which it began.
        isolated : bool
            Whether the simulator forgets its state after the run.

        Returns
        -------
        int
            Timesteps that these samples have already had; 0 for new samples.
        """
        continues = start > 0 and start == self._reached and not isolated
        first_step = self._length if continues else 0
        self.samples += 0 if continues else minibatch
        self.sample_steps += minibatch * timesteps
        self._length = first_step + timesteps
        self._reached = None if isolated else start + timesteps
        self.samples_by_step = _extended(self.samples_by_step, self._length)
        self.samples_by_step[first_step : self._length] += minibatch
        return first_step


class Recording:
    """All that was counted while a probe was attached.

    Parameters
    ----------
    watches : iterable of Watch
        The observed signals.
    """

    def __init__(self, watches: Iterable[Watch]) -> None:
        self.presented = Presented()
        self.totals = {watch.signal: Totals(watch) for watch in watches}

    def add(
        self, counts: dict[Watch, Counts], minibatch: int, timesteps: int, start: int, isolated: bool
    ) -> None:
        """Add one run; see `Presented.add` for the parameters."""
        first_step = self.presented.add(minibatch, timesteps, start, isolated)
        for watch, each in counts.items():
            self.totals[watch.signal].add(each, first_step)


def _extended(array: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Lengthen with zeros to at least a length."""
    return np.pad(array, (0, max(0, length - len(array))))


def _rates(events: NDArray[np.int64], sample_steps: int) -> tuple[int, ...]:
    """Count elements by their events per timestep and sample."""
    return tuple(map(int, np.histogram(events / sample_steps, RATE_EDGES)[0]))


def _sum_of_squares(counts: NDArray[np.int64]) -> int:
    """Add up squares as Python integers."""
    return sum(int(count) ** 2 for count in counts)
