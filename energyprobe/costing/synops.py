"""Which synaptic operations a device pays for, and how many of them multiply."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.device import Skips
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work

PAID_SYNOPS: dict[Skips, str] = {
    "nothing": "dense",
    "zero inputs": "event",
    "zero inputs and weights": "effective",
}
"""What a device skips to the synops that it pays for."""

_SPIKE_COUNTS = {"event": "spike_synops", "effective": "effective_spike_synops"}


def paid_synops(work: Work, skips: Skips, graded_events: bool, accumulates: bool) -> tuple[Array, Array]:
    """Multiply-accumulates and accumulates of each entry, per inference.

    Parameters
    ----------
    work : Work
        The counts of the network.
    skips : str
        What the device skips.
    graded_events : bool
        Whether an event may carry a value. Where it may not, an event of k spikes is k accumulates.
    accumulates : bool
        Whether a device of graded events has a way of its own for single spikes.

    Returns
    -------
    tuple of ndarray, shape (entries,)
        NaN where unknown.
    """
    paid = PAID_SYNOPS[skips]
    acs = work[f"{paid}_acs"]
    if not graded_events:
        multiplied = work.takes_graded
        if paid in _SPIKE_COUNTS:
            acs = np.where(acs == 0, 0, work[_SPIKE_COUNTS[paid]])
    elif not accumulates:
        multiplied = np.ones_like(work.takes_graded)
    else:
        # Several spikes in one event are a value, by which the weight is multiplied.
        multiplied = work["spike_synops"] > work["event_synops"]
    return work[f"{paid}_macs"] + np.where(multiplied, acs, 0), np.where(multiplied, 0, acs)
