"""What is wanted of one tensor, and what was counted of it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from energyprobe.frontends.keras.counters import Slot, Totals
from energyprobe.trace.records import Activity, Magnitudes


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


@dataclasses.dataclass(frozen=True)
class Column:
    """Where one sum lies: in a table of sums, which tensors with the same rows share.

    Attributes
    ----------
    table : Slot
        Sums over samples, ``(timesteps, columns)``; one row where timesteps are not told apart.
    squares : Slot
        Sums over samples of the square of a sample's sum, ``(columns)``.
    steps : int or None
        Timesteps that are told apart.
    number : int
        The column.
    """

    table: Slot
    squares: Slot
    steps: int | None
    number: int

    def by_step(self, totals: Totals) -> list[int]:
        """The sum in each timestep."""
        table = totals.array(self.table).reshape(self.steps or 1, -1)
        return [int(each) for each in table[:, self.number]]

    def square(self, totals: Totals) -> int:
        """Sum over samples of the square of a sample's sum."""
        return int(totals.array(self.squares)[self.number])


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
    whole : bool
        Whether it holds nothing but whole numbers of spikes.
    first : tensor, 0 or None
        What is read in the first timestep, ``(batch, …)``, where `tensor` is read one timestep late (the
        state of a recurrent layer); 0 for zeros, None where it is read as it is.
    fired, neurons, values : bool
        Whether to tell which neurons had an event, how often each had, and how large the values are.
    weightings : list of Weighting
        Sums that are wanted beside the number of events.
    slots : dict of str to object
        Where its counts lie, once it is emitted.
    """

    tensor: Any
    time: bool = False
    fold: Any = None
    amplitude: float | None = None
    whole: bool = False
    first: Any = None
    fired: bool = False
    neurons: bool = False
    values: bool = False
    weightings: list[Weighting] = dataclasses.field(default_factory=list)
    slots: dict[str, Any] = dataclasses.field(default_factory=dict)

    def weight(self, weighting: Weighting) -> int:
        """Ask for one more weighted sum, and get its number."""
        self.weightings.append(weighting)
        return len(self.weightings) - 1

    def of(self, tensor: Any) -> Observation:
        """What is wanted, of another tensor."""
        return dataclasses.replace(self, tensor=tensor, first=None)

    @property
    def core(self) -> tuple[int | None, ...]:
        """Shape of one sample in one timestep."""
        return tuple(self.tensor.shape[2 if self.time else 1 :])

    @property
    def places(self) -> int | None:
        """Elements of one sample in one timestep; None where that is not known while tracing."""
        return None if None in self.core else math.prod(size or 0 for size in self.core)

    @property
    def steps(self) -> int | None:
        """Timesteps, where known while tracing; None where there are timesteps within timesteps."""
        if self.time:
            return self.tensor.shape[1] if self.fold is None else None
        return self.fold if isinstance(self.fold, int) else None

    @property
    def varying(self) -> list[Weighting]:
        """The weightings that are not 1 throughout."""
        return [each for each in self.weightings if each.values is not None]


def weighted(observation: Observation, totals: Totals, number: int, slot: str = "events") -> int:
    """One weighted sum of an observation, scaled.

    Parameters
    ----------
    observation : Observation
        What was emitted.
    totals : Totals
        Totals of its counters.
    number : int
        Number of the weighting.
    slot : {"events", "spikes"}
        Sum over events, or with an element of k spikes counted k times.
    """
    weighting = observation.weightings[number]
    column = 0 if weighting.values is None else 1 + observation.varying.index(weighting)
    return sum(observation.slots[slot][column].by_step(totals)) * weighting.scale


def activity(
    observation: Observation,
    totals: Totals,
    samples: int,
    observed: int,
    continued: bool,
    number: int | None = None,
    places: int | None = None,
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
    number : int, optional
        The weighting by the fan-out of the operation that reads it.
    places : int, optional
        Elements of one sample in one timestep, if more than were observed: the others are zeros.

    Returns
    -------
    Activity
        Without the histogram of its neurons: see `energyprobe.frontends.keras.firing.Firing`.
    """
    slots = observation.slots
    events: Column = slots["events"][0]
    by_step = events.by_step(totals)
    fired = None
    if "fired" in slots:
        fired = np.packbits(totals.array(slots["fired"]), bitorder="little").tobytes()
    return Activity(
        elements=_elements(observation, totals, places or observation.places),
        neurons=places or observation.places,
        events=sum(by_step),
        samples=samples,
        sum_sq_events_per_sample=None if continued else events.square(totals),
        spikes=sum(slots["spikes"][0].by_step(totals)) if "spikes" in slots else None,
        amplitude=observation.amplitude,
        nonfinite=sum(slots["nonfinite"][0].by_step(totals)),
        events_by_step=None if events.steps is None else tuple(by_step),
        samples_by_step=None if events.steps is None else (observed,) * len(by_step),
        fired=fired,
        positive=_magnitudes(observation, "positive", totals, number),
        negative=_magnitudes(observation, "negative", totals, number),
    )


def _elements(observation: Observation, totals: Totals, places: int | None) -> int:
    if places is None:
        return totals.integer(observation.slots["elements"])
    return totals.integer(observation.slots["rows"]) * places


def _magnitudes(observation: Observation, sign: str, totals: Totals, number: int | None) -> Magnitudes | None:
    places = observation.slots.get(sign)
    if places is None:
        return None
    fanout = 0.0
    if number is not None:
        fanout = totals.number(places["fanouts"][number]) * observation.weightings[number].scale
    return Magnitudes(
        total=totals.number(places["total"]),
        fanout_total=fanout,
        maximum=totals.number(places["maximum"]),
        histogram=tuple(int(each) for each in totals.array(places["histogram"])),
    )
