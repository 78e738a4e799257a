"""Learning rules of Nengo that run during inference: multiply-accumulates of one timestep."""

from __future__ import annotations

from typing import Any

import nengo

from energyprobe.frontends.nengo.synapses import synapse_operation
from energyprobe.trace.operations import Filter, Learning, Uncounted


def learning_operations(
    rule: Any, weights: tuple[int, int], encoders: tuple[int, int], to_neurons: bool, dt: float
) -> list[Learning | Filter | Uncounted]:
    """Give the operations by which a rule changes weights in one timestep.

    Parameters
    ----------
    rule : nengo.learning_rules.LearningRuleType
        The rule.
    weights : tuple of int
        Inputs and outputs of the weights of its connection.
    encoders : tuple of int
        Neurons and dimensions of the ensemble that the connection feeds; zeros where it feeds none.
    to_neurons : bool
        Whether the connection adds to the current of neurons, not to a value.
    dt : float
        Length of a timestep in seconds.

    Returns
    -------
    list
        The rule, and its filters.

    Notes
    -----
    From the rules as Nengo documents them (``nengo.learning_rules``), with pre the filtered activities of
    the neurons before, post those after, and one multiply-accumulate for each weight and product of a
    weight change:

    - PES: error x pre; the error of neurons is encoders x error.
    - BCM: post (post - theta) x pre.
    - Oja: post x pre, and post^2 x weight.
    - Voja: post x input, and post x encoder.
    - RLS: error x (P pre), and P, of one row and column for each neuron before, is updated twice.
    """
    inputs, outputs = weights
    neurons, dimensions = encoders
    match rule:
        case nengo.PES():
            macs = inputs * outputs + (neurons * dimensions if to_neurons else 0)
            filters = [(rule.pre_synapse, inputs)]
        case nengo.BCM():
            macs = inputs * outputs
            filters = [
                (rule.pre_synapse, inputs),
                (rule.post_synapse, outputs),
                (rule.theta_synapse, outputs),
            ]
        case nengo.Oja():
            macs = 2 * inputs * outputs
            filters = [(rule.pre_synapse, inputs), (rule.post_synapse, outputs)]
        case nengo.Voja():
            macs = 2 * neurons * dimensions
            filters = [(rule.post_synapse, neurons)]
        case nengo.learning_rules.RLS():
            macs = inputs * outputs + 2 * inputs**2
            filters = [(rule.pre_synapse, inputs)]
        case _:
            return [Uncounted(reason=f"learning rule of unknown type {type(rule).__name__}")]
    filtered = [
        synapse_operation(synapse, elements, dt) for synapse, elements in filters if synapse is not None
    ]
    return [Learning(rule=type(rule).__name__, macs=macs), *filtered]
