"""How many spikes a network sends and receives, and how many neurons they reach."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.mapping import Mapping
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work
from energyprobe.trace.operations import NeuronUpdate, Synaptic
from energyprobe.trace.records import Step


def active_share(work: Work, mapping: Mapping, synops: Array) -> Array:
    """Estimate in how many updates of neurons an event had reached the neuron.

    Of m events for each neuron and timestep on average, 1 - exp(-m) of the neurons get one or more.

    Parameters
    ----------
    work : Work
        The network.
    mapping : Mapping
        Which synapses drive which neurons.
    synops : ndarray, shape (entries,)
        Events that arrive at neurons, per inference.

    Returns
    -------
    ndarray, shape (entries,)
        Fractions; NaN where unknown.
    """
    stage = np.array(mapping.stage)
    updates = np.nan_to_num(work.by_row(work["neuron_updates"]))
    arriving = np.bincount(stage, work.by_row(synops), minlength=len(stage))
    updated = np.bincount(stage, updates, minlength=len(stage))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - np.exp(-arriving / updated)
    return np.asarray(share[stage][work.row], dtype=np.float64)


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


def events_received(work: Work) -> Array:
    """Spikes, or graded events, that the synapses of each entry read, per inference.

    Parameters
    ----------
    work : Work
        The network.

    Returns
    -------
    ndarray, shape (entries,)
        NaN where they were not recorded.
    """

    def received(step: Step | None) -> float | None:
        if step is None or not isinstance(step.operation, Synaptic):
            return 0
        activity = None if step.use is None else step.use.activity
        if activity is None:
            return None
        return activity.events if activity.spikes is None else activity.spikes

    return work.per_inference([received(step) for step in work.steps])
