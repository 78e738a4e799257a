"""How many spikes a network sends and receives, and how many neurons they reach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from energyprobe.costing.figures import Figure
from energyprobe.costing.ledger import ends
from energyprobe.costing.mapping import Mapping
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work
from energyprobe.trace.operations import NeuronUpdate, Product, Synaptic
from energyprobe.trace.records import Step


def active_share(mapping: Mapping, arriving: Array, updated: Array) -> Array:
    """Estimate in how many updates of neurons an event had reached the neuron.

    Of m events for each neuron and timestep on average, 1 - exp(-m) of the neurons get one or more.

    Parameters
    ----------
    mapping : Mapping
        Which synapses drive which neurons.
    arriving : ndarray, shape (rows,)
        Events that arrive at neurons, per inference.
    updated : ndarray, shape (rows,)
        Updates of neurons, per inference.

    Returns
    -------
    ndarray, shape (rows,)
        Fractions; NaN where unknown.
    """
    stage = np.array(mapping.stage)
    events, updates = (np.bincount(stage, each, minlength=len(stage)) for each in (arriving, updated))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - np.exp(-events / updates)
    return np.asarray(share[stage], dtype=np.float64)


def update_prices(figure: Figure, active: Array) -> Array:
    """Prices of updates of neurons, some of which an event had reached.

    Parameters
    ----------
    figure : Figure
        Low without, high with an event.
    active : ndarray, shape (entries,)
        Fraction with one; NaN where unknown.

    Returns
    -------
    ndarray, shape (3, entries)
        Joules: value, low, high.
    """
    value, low, high = ends(figure)
    value = np.where(np.isnan(active), value, low + active * (high - low))
    return np.array([value, np.full_like(value, low), np.full_like(value, high)])


def messages_of(received: Array, row: npt.NDArray[np.intp], mapping: Mapping) -> Array:
    """Messages that bring spikes to cores: one core of a layer at least, each of them at the most.

    Parameters
    ----------
    received : ndarray, shape (entries,) or (3, entries)
        Spikes.
    row : ndarray of int, shape (entries,)
        The row whose cores they go to.
    mapping : Mapping
        Where the network lies.

    Returns
    -------
    ndarray, shape (3, entries)
        Value, low, high.
    """
    cores = mapping.cores[np.array(mapping.stage)[row]]
    return np.asarray(received * np.array([cores, np.ones_like(cores), cores]))


def spikes_sent(work: Work) -> Array:
    """Spikes that the neurons of each entry send, per inference.

    Parameters
    ----------
    work : Work
        The network.

    Returns
    -------
    ndarray, shape (entries,)
        NaN where they were not recorded.
    """

    def sent(step: Step | None, row: int) -> float | None:
        output = work.calls[row].output
        if step is None or not isinstance(step.operation, NeuronUpdate) or not work.calls[row].output_spiking:
            return 0
        return None if output is None else output.spikes

    return work.per_inference(
        [sent(step, row) for step, row in zip(work.steps, work.row.tolist(), strict=True)]
    )


def events_received(work: Work, graded_events: bool) -> Array:
    """Messages that the synapses of each entry read, per inference: spikes, and graded events if there are.

    A product of two activations reads both.

    Parameters
    ----------
    work : Work
        The network.
    graded_events : bool
        Whether an event may carry a value. Where it may not, nobody sends graded ones.

    Returns
    -------
    ndarray, shape (entries,)
        NaN where they were not recorded.
    """

    def received(step: Step | None) -> float | None:
        if step is None or not isinstance(step.operation, Synaptic):
            return 0
        if step.use is None:
            return None
        read = [step.use.activity]
        if isinstance(step.operation, Product):
            read.append(step.use.other)
        known = [each for each in read if each is not None]
        if len(known) < len(read):
            return None
        return sum(each.spikes_or_events for each in known)

    events = work.per_inference([received(step) for step in work.steps])
    return events if graded_events else np.where(work.takes_graded, 0.0, events)
