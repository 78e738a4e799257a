"""Neuron types of Nengo and NengoDL: kind of update, spikes, amplitude. One table, followed along the MRO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nengo


@dataclass(frozen=True)
class Kind:
    """What a neuron type does in a timestep.

    Attributes
    ----------
    name : str
        Kind of neuron for `NeuronUpdate`, or of function for `Elementwise`.
    stateful : bool
        Whether neurons keep a state between timesteps; if not, they are elementwise functions.
    single : bool
        Whether a neuron emits at most one spike in a timestep, of one fixed value.
    """

    name: str
    stateful: bool = True
    single: bool = False


KINDS: dict[type, Kind] = {
    nengo.LIF: Kind("lif", single=True),
    nengo.AdaptiveLIF: Kind("adaptive-lif", single=True),
    nengo.Izhikevich: Kind("izhikevich", single=True),
    nengo.SpikingRectifiedLinear: Kind("integrate-and-fire"),
    nengo.RegularSpiking: Kind("integrate-and-fire"),
    nengo.StochasticSpiking: Kind("stochastic-spiking"),
    nengo.PoissonSpiking: Kind("poisson-spiking"),
    nengo.AdaptiveLIFRate: Kind("adaptive-lif-rate"),
    nengo.LIFRate: Kind("lif-rate", stateful=False),
    nengo.RectifiedLinear: Kind("relu", stateful=False),
    nengo.Sigmoid: Kind("sigmoid", stateful=False),
    nengo.Tanh: Kind("tanh", stateful=False),
}


def neuron_kind(neuron_type: Any) -> Kind:
    """Find the kind of a neuron type.

    A type that is not in the table is named after its class. A subclass of one that is in the table has
    its name, but is not trusted to emit single spikes: it may override how they are made.
    """
    for base in type(neuron_type).__mro__:
        if base in KINDS:
            kind = KINDS[base]
            exact = base is type(neuron_type)
            stateful = kind.stateful or bool(neuron_type.spiking)
            return Kind(kind.name, stateful, kind.single and exact)
    return Kind(type(neuron_type).__name__, stateful=True)


def spike_value(neuron_type: Any, dt: float) -> float | None:
    """Give the output of a neuron in a timestep in which it spikes once; None for rate types.

    Nengo scales spikes to an area of ``amplitude`` over one timestep (``amplitude`` is 1 where the type
    has none).
    """
    if not neuron_type.spiking:
        return None
    return float(getattr(neuron_type, "amplitude", 1.0)) / dt
