"""KerasSpiking's layers and cells: neurons that spike, and filters of what they send."""

from __future__ import annotations

from typing import Any

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.activations import activation_name
from energyprobe.frontends.keras.rules.base import Rule, always, attribute, last
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.codes import SpikeCode
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, count
from energyprobe.trace.operations import Filter, NeuronUpdate


def spike_code(layer: Any, codes: list[SpikeCode | None]) -> SpikeCode:
    """KerasSpiking sends n spikes of a step as n / dt."""
    dt = float(layer.dt)
    return SpikeCode(amplitude=1.0 / dt, dt=dt, whole=True)


def spiking_activation(call: Call) -> Steps:
    """``SpikingActivation``: integrates the activation's output, and fires at each whole number."""
    neurons = count(call.input_shape)
    name = activation_name(call.layer.activation)
    activation = call.elementwise(name, tensor=call.input) if name != "linear" else []
    update = StepDraft(NeuronUpdate(neuron="integrate-and-fire", neurons=neurons), state_elements=neurons)
    return [*activation, update]


def _filter(function: str, order: int) -> Any:
    def steps(call: Call) -> Steps:
        elements = count(call.input_shape)
        operation = Filter(function=function, elements=elements, order=order)
        return [StepDraft(operation, state_elements=order * elements)]

    return steps


def _all_steps(frame: Frame, capture: Capture) -> Any:
    """Have the wrapped RNN return every timestep, so that every spike is counted."""
    return attribute(frame.layer.layer, "return_sequences", True)


def _last_step(frame: Frame, result: Any) -> tuple[Any, Any]:
    return result if frame.layer.return_sequences else last(frame.layer, result), result


def _wrapping(steps: Any, **facts: Any) -> Rule:
    return Rule(
        steps, keeps_time=always, times=always, around=_all_steps, narrow=_last_step, plain=False, **facts
    )


RULES: dict[str, Rule] = {
    "SpikingActivation": _wrapping(spiking_activation, spikes=spike_code, activation=always),
    "Lowpass": _wrapping(_filter("lowpass", 1)),
    "Alpha": _wrapping(_filter("alpha", 2)),
    "SpikingActivationCell": Rule(spiking_activation, spikes=spike_code, activation=always),
    "LowpassCell": Rule(_filter("lowpass", 1)),
    "AlphaCell": Rule(_filter("alpha", 2)),
}
