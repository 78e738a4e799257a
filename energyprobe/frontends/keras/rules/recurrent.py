"""Recurrent layers: two synaptic operations (input and recurrent), gates, and a state update.

The recurrent operation reads the state of the step before. Layers that return only the last step are asked
for all of them while they are captured, and the caller gets the last one: the state is then observed once,
after the loop, instead of in every step. A masked step counts like any other, because Keras computes it and
then drops the result. Layers around other cells are loops: their cells count on their own, in the loop.

Conventions, for each unit and step: an LSTM adds 4 biases and 4 sums of the two products, evaluates 3
sigmoids and 2 tanh, and makes 3 products and 1 sum (9); a GRU has 3 biases (6 where ``reset_after``), 3 sums,
2 sigmoids and 1 tanh, 3 products, 1 difference and 1 sum (8); a simple cell 1, 1 and its activation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.frames import Frame
from energyprobe.frontends.keras.rules.base import Rule, always, attribute, batch_first, last
from energyprobe.frontends.keras.rules.call import Call
from energyprobe.frontends.keras.rules.draft import StepDraft, Steps, Weight, count
from energyprobe.trace.operations import Conv, Dense, Elementwise, NeuronUpdate
from energyprobe.trace.padding import conv

# (gates, elementwise operations beside biases and sums, state tensors, name) of each cell.
CELLS = {
    "SimpleRNNCell": (1, 1, 1, "simple_rnn"),
    "GRUCell": (3, 8, 1, "gru"),
    "LSTMCell": (4, 9, 2, "lstm"),
}


def is_known_cell(keras: Any, cell: Any) -> bool:
    """Whether all that a cell computes shows in its inputs and outputs.

    It does in Keras' own three cells, with their own ``call``; but for a GRU that resets its state before
    the product, whose product reads what no one else sees.
    """
    known = [getattr(keras.layers, name) for name in CELLS]
    own = any(isinstance(cell, cls) and type(cell).call is cls.call for cls in known)
    return own and getattr(cell, "reset_after", True)


def cell_steps(call: Call, cell: Any, inputs: Any, state: Any, hidden: Any = None) -> Steps:
    """Operations of a cell that reads `inputs`, `state`, and `hidden` where it resets before its product."""
    gates, ops, states, name = _cell_facts(call.capture.framework.keras, cell)
    units = cell.units
    inward = Dense(inputs=count(inputs.shape[-1:]), units=gates * units)
    steps = [
        StepDraft(inward, inputs, Weight.of(cell, "kernel")),
        *_recurrent(cell, state, hidden, gates, units),
    ]
    steps[-1].state_elements = states * units
    if cell.use_bias:
        biases = 2 * gates if getattr(cell, "reset_after", False) else gates
        steps.append(StepDraft(Elementwise(function="bias", elements=biases * units)))
    steps.append(StepDraft(Elementwise(function="add", elements=gates * units)))
    steps.append(StepDraft(Elementwise(function="gates", elements=units, ops_per_element=ops)))
    steps.append(StepDraft(NeuronUpdate(neuron=name, neurons=units)))
    return steps


def _cell_facts(keras: Any, cell: Any) -> tuple[int, int, int, str]:
    return next(facts for name, facts in CELLS.items() if isinstance(cell, getattr(keras.layers, name)))


def _recurrent(cell: Any, state: Any, hidden: Any, gates: int, units: int) -> list[StepDraft]:
    """The recurrent operation; that of a GRU that resets before its product reads two tensors."""
    if getattr(cell, "reset_after", True):
        whole = Dense(inputs=units, units=gates * units)
        return [StepDraft(whole, state, Weight.of(cell, "recurrent_kernel"))]
    of_state = Weight.of(cell, "recurrent_kernel", lambda value: value[:, : 2 * units])
    of_hidden = Weight.of(cell, "recurrent_kernel", lambda value: value[:, 2 * units :])
    return [
        StepDraft(Dense(inputs=units, units=2 * units), state, of_state),
        StepDraft(Dense(inputs=units, units=units), hidden, of_hidden),
    ]


def layer_steps(call: Call) -> Steps:
    """``SimpleRNN``, ``GRU``, ``LSTM``, and ``RNN`` around one of their cells."""
    inputs = batch_first(call.tf, call.layer, call.input)
    states, first = previous_states(call)
    steps = over_time(cell_steps(call, call.layer.cell, inputs, states))
    for step in steps:
        step.first = first if step.source is states else None
    return steps


def over_time(steps: Steps) -> Steps:
    """Operations that run in every timestep, whose sources have time as axis 1."""
    for step in steps:
        step.time = True
    return steps


def single_cell(call: Call) -> Steps:
    """``SimpleRNNCell``, ``GRUCell`` and ``LSTMCell`` on their own, one timestep."""
    hidden = None
    if not getattr(call.layer, "reset_after", True):
        # The last product that it makes is that with the state after the reset.
        hidden = [op for op in call.frame.ops if op.type == "MatMul"][-1].inputs[0]
    return cell_steps(call, call.layer, call.input, call.inputs[1], hidden)


def previous_states(call: Call) -> tuple[Any, Any]:
    """The states, one timestep late: the `source` and the `first` of a `StepDraft` that reads them."""
    tf, facts = call.tf, call.frame.facts
    sequence = batch_first(tf, call.layer, call.output)
    initial = facts["initial"]
    if facts["mask"] is None:
        return sequence, 0 if initial is None else initial
    first = tf.zeros_like(sequence[:, 0]) if initial is None else tf.cast(initial, sequence.dtype)
    with_first = tf.concat([first[:, tf.newaxis], sequence], 1)
    # A masked step leaves the state as it was, whatever it gives out: that of the last step without a mask.
    valid = tf.cast(batch_first(tf, call.layer, facts["mask"]), tf.int32)
    if call.layer.go_backwards:
        valid = tf.reverse(valid, [1])
    places = tf.pad(tf.argsort(1 - valid, 1, stable=True) + 1, [[0, 0], [1, 0]])
    before = tf.cumsum(valid, 1, exclusive=True)
    return tf.gather(with_first, tf.gather(places, before, batch_dims=1), batch_dims=1), None


def conv_lstm(call: Call) -> Steps:
    """``ConvLSTM1D`` to ``ConvLSTM3D``: an LSTM whose two products are convolutions."""
    layer, cell = call.layer, call.layer.cell
    first = layer.data_format == "channels_first"
    core = list(call.input.shape[2:])
    channels = count((core.pop(0 if first else -1),))
    count(tuple(core))
    inward = conv(
        core,
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
    states, before = previous_states(call)
    again = _convolution(backward, states, Weight.of(cell, "recurrent_kernel"), first, 2 * outputs)
    again.first = before
    return over_time(
        [
            _convolution(inward, call.input, Weight.of(cell, "kernel"), first),
            again,
            *([StepDraft(Elementwise(function="bias", elements=4 * outputs))] if cell.use_bias else []),
            StepDraft(Elementwise(function="add", elements=4 * outputs)),
            StepDraft(Elementwise(function="gates", elements=outputs, ops_per_element=9)),
            StepDraft(NeuronUpdate(neuron="lstm", neurons=outputs)),
        ]
    )


def _convolution(operation: Conv, source: Any, weight: Weight, first: bool, state: int = 0) -> StepDraft:
    layout: Any = "first" if first else "last"
    return StepDraft(operation, source, weight, layout=layout, state_elements=state)


@contextlib.contextmanager
def all_steps(frame: Frame, capture: Capture) -> Iterator[None]:
    """Have the layer return every timestep, and keep the state it starts from."""
    layer = frame.layer
    frame.facts["initial"] = _initial_state(frame)
    frame.facts["mask"] = _mask(frame, capture)
    frame.facts["last_only"] = not layer.return_sequences
    with attribute(layer, "return_sequences", True):
        yield


def _initial_state(frame: Frame) -> Any:
    layer = frame.layer
    if len(frame.inputs) > 1:
        return frame.inputs[1]
    if not getattr(layer, "stateful", False) or getattr(layer, "states", None) is None:
        return None
    state = layer.states[0]
    # A copy: the variable changes when the step ends.
    return None if state is None else state + 0.0


def _mask(frame: Frame, capture: Capture) -> Any:
    given = frame.keywords.get("mask")
    # Keras 3 takes the mask of the sequence only where the sequence is the one tensor that a layer is given.
    if given is None and (capture.framework.generation < 3 or len(frame.inputs) == 1):
        given = getattr(frame.inputs[0], "_keras_mask", None)
    return given[0] if isinstance(given, (list, tuple)) else given


def last_step(frame: Frame, result: Any) -> tuple[Any, Any]:
    """Give the caller what the layer was asked for."""
    return last(frame.layer, result) if frame.facts["last_only"] else result, result


def around_cell(cell: Any, inner: Rule) -> Rule:
    """Make the rule of an ``RNN`` around a cell that has a rule and no state worth observing.

    Parameters
    ----------
    cell : object
        The cell.
    inner : Rule
        Its rule.
    """
    return Rule(
        lambda call: inner.steps(call.of(cell, time=True)),
        spikes=lambda layer, codes: inner.spikes(cell, codes),
        times=always,
        keeps_time=always,
        activation=lambda layer: inner.activation(cell),
        around=all_steps,
        narrow=last_step,
        plain=False,
    )


def _layer(steps: Any) -> Rule:
    return Rule(steps, times=always, keeps_time=always, around=all_steps, narrow=last_step, plain=False)


LOOP = Rule(
    lambda call: [],
    times=always,
    keeps_time=lambda frame: frame.layer.return_sequences,
    inside=lambda frame: frame.children,
    plain=False,
    loops=True,
)
"""An ``RNN`` around cells that count on their own; what it does itself moves data."""

KNOWN_CELL_LAYER = _layer(layer_steps)

RULES: dict[str, Rule] = {
    **{name: KNOWN_CELL_LAYER for name in ("SimpleRNN", "LSTM")},
    **{f"ConvLSTM{axes}D": _layer(conv_lstm) for axes in (1, 2, 3)},
    **{name: Rule(single_cell, plain=False) for name in CELLS},
}
