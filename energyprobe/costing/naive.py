"""The usual estimate of papers: firing rate x synaptic operations x the energy of an addition.

For each operation, with the dense synops N of an inference and r spikes per neuron and timestep of what it
reads::

    E = N r e_ac    where it reads spikes
    E = N e_mac     where it reads values

The energies are those of 32-bit floating-point numbers at 45 nm (0.9 and 4.6 pJ), from the catalog's
``45nm-fp32``.
"""

from __future__ import annotations

import numpy as np

from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import work_of
from energyprobe.counting.table import CountTable
from energyprobe.trace.records import Step

DEVICE = "45nm-fp32"
"""Device of the catalog whose figures the estimate takes."""


def naive_j(counts: CountTable, scenario: Scenario) -> float:
    """Work out the usual estimate of an inference.

    Parameters
    ----------
    counts : CountTable
        The network.
    scenario : Scenario
        How many timesteps an inference has.

    Returns
    -------
    float
        Joules; NaN where a rate was not recorded.
    """
    work = work_of(counts, scenario)
    figures = device(DEVICE).figures
    mac_j, ac_j = figures["macs"].value_si, figures["acs"].value_si
    # synops/inference * (spikes/(neuron * timestep)) * J/synop = J/inference
    prices = np.array([_price(step, mac_j, ac_j) for step in work.steps])
    synops = work["dense_synops"]
    return float(np.where(synops == 0, 0.0, synops * prices).sum())


def _price(step: Step | None, mac_j: float, ac_j: float) -> float:
    """Joules of a dense synop; NaN for spikes that were not observed."""
    if step is None or step.use is None or not step.use.spiking:
        return mac_j
    seen = step.use.activity
    if seen is None or not seen.elements:
        return float("nan")
    return seen.spikes_or_events / seen.elements * ac_j
