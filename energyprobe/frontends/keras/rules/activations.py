"""Activations, as a layer or as an argument: elementwise arithmetic of a conventional layer.

Convention: one evaluation of a function of one element (tanh, exp, max with 0) is one operation. A softmax is
three for each element: exponential, sum, division.
"""

from __future__ import annotations

from typing import Any

from energyprobe.frontends.keras.rules.base import Rule, always
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import SpikeCode, same
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps
from energyprobe.trace.operations import Free

OPS_PER_ELEMENT = {"softmax": 3, "log_softmax": 3, "gelu": 4, "silu": 2, "mish": 3, "glu": 2}
"""Operations for each output element, where it is not 1."""

_OTHER_NAMES = {"swish": "silu", "softmax_v2": "softmax", "relu_v2": "relu"}


def activation_name(activation: Any) -> str:
    """Name of an activation function or layer; ``"linear"`` for none."""
    if activation is None:
        return "linear"
    name = str(getattr(activation, "__name__", None) or type(activation).__name__).lower()
    return _OTHER_NAMES.get(name, name)


def has_activation(layer: Any) -> bool:
    """Whether a layer applies an activation to its output."""
    return activation_name(getattr(layer, "activation", None)) != "linear"


def activation_steps(call: Call) -> Steps:
    """What the ``activation`` argument of a layer computes."""
    name = activation_name(getattr(call.layer, "activation", None))
    return [] if name == "linear" else call.elementwise(name, OPS_PER_ELEMENT.get(name, 1))


def activation_layer(call: Call) -> Steps:
    """Layers that are an activation, such as ``Activation``, ``ReLU`` or ``Softmax``."""
    name = _layer_name(call.layer)
    if name == "linear":
        return [StepDraft(Free(reason="hands its input on"))]
    return call.elementwise(name, OPS_PER_ELEMENT.get(name, 1))


def _layer_name(layer: Any) -> str:
    """Name of the function that an activation layer applies."""
    return activation_name(layer.activation if hasattr(layer, "activation") else layer)


def _spikes(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode | None:
    return same(layer, codes) if _layer_name(layer) == "linear" else None


_LAYER = Rule(
    activation_layer,
    spikes=_spikes,
    keeps_time=always,
    activation=lambda layer: _layer_name(layer) != "linear",
)

RULES: dict[str, Rule] = {
    name: _LAYER for name in ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU", "Softmax")
}
