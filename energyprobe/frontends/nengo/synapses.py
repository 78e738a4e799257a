"""Synapses of Nengo as filters: state variables, hence state updates, of each filtered element."""

from __future__ import annotations

from typing import Any

import nengo

from energyprobe.trace.operations import Filter, Uncounted


def synapse_operation(synapse: Any, elements: int, dt: float) -> Filter | Uncounted:
    """Give the operation that filters some elements for one timestep.

    Parameters
    ----------
    synapse : nengo.synapses.Synapse
        The filter.
    elements : int
        Elements that it filters.
    dt : float
        Length of a timestep in seconds.
    """
    match synapse:
        case nengo.Lowpass():
            return Filter(function="lowpass", elements=elements, order=1)
        case nengo.Alpha():
            return Filter(function="alpha", elements=elements, order=2)
        case nengo.LinearFilter():
            return Filter(function="linear-filter", elements=elements, order=len(synapse.den) - 1)
        case nengo.synapses.Triangle():
            # A window of t / dt + 1 past values, and the filtered value.
            taps = round(synapse.t / dt) + 1
            return Filter(function="triangle", elements=elements, order=taps + 1)
        case _:
            return Uncounted(reason=f"synapse of unknown type {type(synapse).__name__}")
