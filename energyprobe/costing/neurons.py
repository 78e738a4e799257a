"""Elementwise operations that the neurons of an event-driven chip take over, and those beside them."""

from __future__ import annotations

import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work
from energyprobe.trace.operations import Elementwise, Filter
from energyprobe.trace.records import Step

FOLDED = frozenset({"bias", "relu", "linear", "batch_normalization", "dropout"})
"""Elementwise functions that weights, thresholds and neurons take over."""


def take_elementwise(device: Device) -> bool:
    """Whether biases and the like are part of a device's neuron updates: of an event-driven chip's.

    Parameters
    ----------
    device : Device
        Who is paid.

    Returns
    -------
    bool
        False where it has no price for neuron updates, or one of its own for elementwise operations.
    """
    priced = device.included | device.figures.keys()
    return device.kind == "event-driven" and "neuron_updates" in priced and "elementwise" not in priced


def elementwise_beside_neurons(work: Work, device: Device) -> Array:
    """Elementwise operations that are not part of neuron updates, per inference.

    Biases, gains and rectifiers are currents and thresholds of a chip's neurons, first-order filters their
    synaptic currents: see `take_elementwise`.

    Parameters
    ----------
    work : Work
        The network.
    device : Device
        Who is paid.

    Returns
    -------
    ndarray, shape (entries,)
        NaN where unknown.
    """
    operations = work["elementwise_ops"]
    if not take_elementwise(device):
        return operations
    return np.where([_in_neurons(step) for step in work.steps], 0.0, operations)


def neuron_notes(work: Work, device: Device) -> list[str]:
    """Say what is in the price of neuron updates.

    Parameters
    ----------
    work : Work
        The network.
    device : Device
        Who is paid.

    Returns
    -------
    list of str
        A sentence without full stop; none where there is nothing of the kind.
    """
    if not take_elementwise(device) or not any(map(_in_neurons, work.steps)):
        return []
    return ["biases, gains, rectifiers, normalisations and first-order filters are part of the neurons"]


def _in_neurons(step: Step | None) -> bool:
    match step and step.operation:
        case Elementwise(function=function):
            return function in FOLDED or function == "gain"
        case Filter(order=order):
            return order == 1
        case _:
            return False
