"""Recurrent layers: two synaptic operations (input and recurrent), gates, and a state update.

The recurrent operation reads the state of the step before. Layers that return only the last step are asked
for all of them while they are captured, and the caller gets the last one: the state is then observed once,
after the loop, instead of in every step.

Conventions, for each unit and step: an LSTM adds 4 biases and 4 sums of the two products, evaluates 3
sigmoids and 2 tanh, and makes 3 products and 1 sum (9); a GRU has 3 biases (6 where ``reset_after``), 3 sums,
2 sigmoids and 1 tanh, 3 products, 1 difference and 1 sum (8); a simple cell 1, 1 and its activation.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from energyprobe.frontends.keras.capture import Frame
from energyprobe.frontends.keras.rules.base import (
    Call,
    Rule,
    StepDraft,
    Steps,
    Weight,
    always,
    attribute,
    count,
)
from energyprobe.trace.operations import Conv, Dense, Elementwise, NeuronUpdate
from energyprobe.trace.padding import conv

# (gates, elementwise operations beside biases and sums, state tensors, name) of each cell.
_CELLS = {
    "SimpleRNNCell": (1, 1, 1, "simple_rnn"),
    "GRUCell": (3, 8, 1, "gru"),
    "LSTMCell": (4, 9, 2, "lstm"),
}


def is_known_cell(keras: Any, cell: Any) -> bool:
    """Whether a cell is one of Keras' own three, with its own ``call``."""
    for name in _CELLS:
        known = getattr(keras.layers, name)
        if isinstance(cell, known) and type(cell).call is known.call:
            return True
    return False


def _cell_facts(keras: Any, cell: Any) -> tuple[int, int, int, str]:
    for name, facts in _CELLS.items():
        if isinstance(cell, getattr(keras.layers, name)):
            return facts
    raise LookupError(type(cell).__name__)


def cell_steps(call: Call, cell: Any, state: Any) -> Steps:
    """Operations of a cell that reads `call.input` and `state`."""
    gates, ops, states, name = _cell_facts(call.capture.framework.keras, cell)
    units, inputs = cell.units, count(call.input_shape[-1:])
    steps = [
        StepDraft(Dense(inputs=inputs, units=gates * units), call.input, Weight(cell.kernel)),
        *_recurrent(cell, state, gates, units),
    ]
    steps[-1].state_elements = states * units
    if cell.use_bias:
        biases = 2 * gates if getattr(cell, "reset_after", False) else gates
        steps.append(StepDraft(Elementwise(function="bias", elements=biases * units)))
    steps.append(StepDraft(Elementwise(function="add", elements=gates * units)))
    steps.append(StepDraft(Elementwise(function="gates", elements=units, ops_per_element=ops)))
    steps.append(StepDraft(NeuronUpdate(neuron=name, neurons=units)))
    return steps


def _recurrent(cell: Any, state: Any, gates: int, units: int) -> list[StepDraft]:
    """The recurrent operation; a GRU that resets before its product has a part that no one sees."""
    if getattr(cell, "reset_after", True):
        return [StepDraft(Dense(inputs=units, units=gates * units), state, Weight(cell.recurrent_kernel))]
    seen = Weight(cell.recurrent_kernel, lambda value: value[:, : 2 * units])
    hidden = Weight(cell.recurrent_kernel, lambda value: value[:, 2 * units :])
    return [
        StepDraft(Dense(inputs=units, units=2 * units), state, seen),
        StepDraft(Dense(inputs=units, units=units), None, hidden),
    ]


def layer_steps(call: Call) -> Steps:
    """``SimpleRNN``, ``GRU``, ``LSTM``, and ``RNN`` around one of their cells."""
    if getattr(call.layer, "time_major", False):
        return call.uncounted("time_major=True puts time before the batch, which is not followed")
    return cell_steps(call, call.layer.cell, previous_states(call))


def single_cell(call: Call) -> Steps:
    """``SimpleRNNCell``, ``GRUCell`` and ``LSTMCell`` on their own, one timestep."""
    return cell_steps(call, call.layer, call.inputs[1])


def previous_states(call: Call) -> Any:
    """What the recurrent operation reads: the outputs, one step late; None where that is not known."""
    sequence = call.outputs[0]
    masked = call.frame.keywords.get("mask") is not None or _has_mask(call.frame.inputs[0])
    if masked and getattr(call.layer, "zero_output_for_mask", False):
        return None
    tf = call.tf
    earlier = sequence[:, :-1]
    initial = call.frame.facts.get("initial")
    if initial is None:
        return tf.pad(earlier, [[0, 0], [1, 0]] + [[0, 0]] * (len(sequence.shape) - 2))
    return tf.concat([tf.cast(initial, sequence.dtype)[:, tf.newaxis], earlier], 1)


def _has_mask(tensor: Any) -> bool:
    return getattr(tensor, "_keras_mask", None) is not None


def conv_lstm(call: Call) -> Steps:
    """``ConvLSTM1D`` to ``ConvLSTM3D``: an LSTM whose two products are convolutions."""
    layer, cell = call.layer, call.layer.cell
    first = layer.data_format == "channels_first"
    core = list(call.core(call.input, True))
    channels = count((core.pop(0 if first else -1),))
    count(tuple(core))
    inward = conv(
        [size for size in core if size is not None],
        channels=channels,
        filters=4 * cell.filters,
        kernel=cell.kernel_size,
        strides=cell.strides,
        dilation=cell.dilation_rate,
        padding=cell.padding,
    )
    backward = conv(
        inward.output_shape,
        channels=cell.filters,
        filters=4 * cell.filters,
        kernel=cell.kernel_size,
        padding="same",
    )
    outputs = int(np.prod(inward.output_shape)) * cell.filters
    return [
        StepDraft(inward, call.input, Weight(cell.kernel), layout="first" if first else "last"),
        _backward(call, backward, outputs, first),
        *([StepDraft(Elementwise(function="bias", elements=4 * outputs))] if cell.use_bias else []),
        StepDraft(Elementwise(function="add", elements=4 * outputs)),
        StepDraft(Elementwise(function="gates", elements=outputs, ops_per_element=9)),
        StepDraft(NeuronUpdate(neuron="lstm", neurons=outputs)),
    ]


def _backward(call: Call, operation: Conv, outputs: int, first: bool) -> StepDraft:
    return StepDraft(
        operation,
        previous_states(call),
        Weight(call.layer.cell.recurrent_kernel),
        layout="first" if first else "last",
        state_elements=2 * outputs,
    )


@contextlib.contextmanager
def _all_steps(frame: Frame) -> Any:
    """Have the layer return every timestep, and keep the state it starts from."""
    layer = frame.layer
    if getattr(layer, "stateful", False) and getattr(layer, "states", None) is not None:
        state = layer.states[0]
        frame.facts["initial"] = None if state is None else state + 0.0
    elif len(frame.inputs) > 1:
        frame.facts["initial"] = frame.inputs[1]
    frame.facts["last_only"] = not layer.return_sequences
    with attribute(layer, "return_sequences", True):
        yield


def _last_step(frame: Frame, result: Any) -> tuple[Any, Any]:
    """Give the caller what the layer was asked for."""
    if not frame.facts["last_only"]:
        return result, result
    if isinstance(result, (list, tuple)):
        return type(result)([result[0][:, -1], *result[1:]]), result
    return result[:, -1], result


def around_cell(cell: Any, inner: Rule) -> Rule:
    """Make the rule of an ``RNN`` around a cell that has a rule and no state worth observing.

    Parameters
    ----------
    cell : object
        The cell.
    inner : Rule
        Its rule.
    """

    def steps(call: Call) -> Steps:
        if getattr(call.layer, "time_major", False):
            return call.uncounted("time_major=True puts time before the batch, which is not followed")
        return inner.steps(Call(call.frame, call.capture, True, layer=cell))

    return Rule(
        steps,
        spikes=lambda layer, codes: inner.spikes(cell, codes),
        times=True,
        keeps_time=always,
        activation=lambda layer: inner.activation(cell),
        around=_all_steps,
        narrow=_last_step,
    )


def _layer(steps: Any) -> Rule:
    return Rule(steps, times=True, keeps_time=always, activation=_no, around=_all_steps, narrow=_last_step)


def _no(layer: Any) -> bool:
    return False


RULES: dict[str, Rule] = {
    **{name: _layer(layer_steps) for name in ("SimpleRNN", "GRU", "LSTM")},
    **{f"ConvLSTM{axes}D": _layer(conv_lstm) for axes in (1, 2, 3)},
    **{name: Rule(single_cell) for name in _CELLS},
}
KNOWN_CELL_LAYER = _layer(layer_steps)

