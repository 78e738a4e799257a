"""What the terms, figures and rows of a cost are called in words: one name for one thing."""

from __future__ import annotations

from collections.abc import Mapping

from energyprobe.costing.figures import Figure

TERMS: dict[str, str] = {
    "kernels": "kernels of synaptic operations",
    "macs": "multiply-accumulates",
    "acs": "accumulates",
    "neuron_updates": "neuron updates",
    "decode_neurons": "decode neurons",
    "elementwise": "elementwise operations",
    "memory": "memory traffic",
    "addressing": "addressing",
    "spikes": "spikes sent",
    "communication": "messages between cores",
    "synchronisation": "synchronisation",
    "static": "static power",
    "idle": "idle power",
    "host": "host",
    "reset": "reset",
    "transfers": "transfers between devices",
    "io": "input and output",
}
"""Terms of costs in the order in which they are shown. A row that no layer causes is called as its term."""

FIGURES: dict[str, str] = {
    "decode_spikes": "spikes of decode neurons",
    "messages": "messages to cores",
    "hops": "messages from tile to tile",
    "static_w": "static power",
    "core_static_w": "static power of cores",
    "idle_w": "idle power",
    "host_w": "host",
    "limit_w": "limit of power",
    "synop_s": "time of synaptic operations",
    "update_s": "time of neuron updates",
    "barrier_s": "time of synchronisation",
    "timestep_s": "length of a timestep",
    "conv_s": "time of convolutions",
    "pointwise_s": "time of pointwise convolutions",
    "depthwise_s": "time of depthwise convolutions",
    "dense_s": "time of matrices",
    "weights_s": "time of reading weights",
    "activations_s": "time of reading activations",
    "call_s": "time of starting a kernel",
    "run_s": "time of starting a run",
    "cache": "cache traffic",
    "memory_s": "time of memory traffic",
    "cache_s": "time of cache traffic",
    "cache_bytes": "size of the cache",
    "memory_bytes": "size of memory",
    "multiprocessors": "multiprocessors",
    "lanes": "lanes of a multiprocessor",
    "memory_bandwidth": "bandwidth of memory",
    "cache_bandwidth": "bandwidth of the cache",
    "full_limit_w": "highest limit of power",
    "clock_hz": "clock",
    "vector_bytes": "width of vectors",
    "l1_bytes": "size of the first cache",
    "l2_bytes": "size of the second cache",
    "l3_bytes": "size of the third cache",
    "last_share": "share of the last cache",
    "neurons_per_core": "neurons of a core",
    "synapses_per_core": "synapses of a core",
    "cores_per_chip": "cores of a chip",
    "cores_per_tile": "cores of a tile",
    "chips": "chips that work together",
}
"""Figures that are not called as the term that they price."""


def term_title(term: str) -> str:
    """Name of a term for people."""
    return TERMS.get(term, term.replace("_", " "))


def figure_title(name: str) -> str:
    """Name of a figure for people.

    Parameters
    ----------
    name : str
        As in `Device.figures`: ``"acs"``, ``"neuron_kinds.lstm"``, ``"types.int8.conv_s"``, ``"loihi/acs"``.

    Returns
    -------
    str
        ``"accumulates"``, ``"neuron updates (lstm)"``, ``"time of convolutions (int8)"``,
        ``"accumulates of loihi"``.
    """
    device, _, own = name.rpartition("/")
    if device:
        return f"{figure_title(own)} of {device}"
    match name.split("."):
        case ["neuron_kinds", kind]:
            return f"{TERMS['neuron_updates']} ({kind})"
        case ["launches", way]:
            return f"time of a launch ({way})"
        case ["peaks", dtype]:
            return f"speed of arithmetic ({dtype})"
        case ["types", dtype, figure]:
            return f"{figure_title(figure)} ({dtype})"
    return FIGURES.get(name) or term_title(name)


def unverified_notes(figures: Mapping[str, Figure]) -> list[str]:
    """Say which figures are not verified.

    Parameters
    ----------
    figures : mapping of str to Figure
        Those of a device, by name.

    Returns
    -------
    list of str
        A sentence without full stop, which names them where they are fewer than half; or none.
    """
    unverified = [name for name, figure in figures.items() if not figure.verified]
    if not unverified:
        return []
    if 2 * len(unverified) < len(figures):
        return [f"not verified in the publication itself: {', '.join(map(figure_title, unverified))}"]
    most = "no figure is" if len(unverified) == len(figures) else "most figures are not"
    return [f"{most} verified in the publication itself (the device's figures say which)"]
