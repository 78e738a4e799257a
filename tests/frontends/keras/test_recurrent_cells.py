"""``RNN`` over cells of the user's own and over several cells: each counts on its own, however it runs."""

from __future__ import annotations

import numpy as np
import pytest

from energyprobe.trace.operations import Dense, Elementwise, NeuronUpdate

SAMPLES, STEPS, INPUTS, UNITS = 3, 5, 4, 2
WAYS = pytest.mark.parametrize("unroll, eager", [(False, False), (True, False), (False, True), (True, True)])


@pytest.fixture(scope="module")
def cell_class(keras):
    """A cell that calls a layer and multiplies by a weight of its own."""
    import tensorflow as tf

    class Cell(keras.layers.Layer):
        def __init__(self, units, **arguments):
            super().__init__(**arguments)
            self.units = self.state_size = self.output_size = units
            self.inner = keras.layers.Dense(units, name="inner")

        def build(self, shape):
            self.inner.build(shape)
            self.own = self.add_weight(shape=(self.units, self.units), name="own")
            super().build(shape)

        def call(self, inputs, states):
            made = tf.nn.relu(self.inner(inputs) + tf.matmul(states[0], self.own))
            return made, [made]

    return Cell


def whole_numbers(random, *shape):
    return random.choice([-2.0, -1.0, 0.0, 0.0, 1.0], shape).astype("float32")


def by_weights(data, weights):
    """Events of `data` through the weights that are not zero."""
    return int(np.sum(np.count_nonzero(data.reshape(-1, len(weights)), 0) * np.count_nonzero(weights, 1)))


@pytest.mark.oldest
@WAYS
def test_a_cell_of_the_users_own(keras, random, record, cell_class, unroll, eager):
    inputs = keras.Input((STEPS, INPUTS))
    rnn = keras.layers.RNN(cell_class(UNITS, name="cell"), unroll=unroll, return_sequences=True, name="rnn")
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(rnn(inputs)))
    model.set_weights([whole_numbers(random, *weight.shape) for weight in model.get_weights()])
    model.compile(run_eagerly=eager)
    inner = model.get_layer("rnn").cell.inner
    kernel, bias = (np.asarray(each) for each in inner.get_weights())
    own = np.asarray(model.get_layer("rnn").cell.own)
    x = whole_numbers(random, SAMPLES, STEPS, INPUTS)
    state, states = np.zeros((SAMPLES, UNITS), "float32"), []
    for step in range(STEPS):
        states.append(state)
        state = np.maximum(x[:, step] @ kernel + bias + state @ own, 0)
    outputs = np.stack([*states[1:], state], 1)
    states = np.stack(states, 1)

    calls = {call.path: call for call in record(model, x, batch_size=2).calls}
    assert set(calls) == {"rnn/cell", "rnn/cell/inner", "dense"}
    inward, recurrent = calls["rnn/cell/inner"].steps[0], calls["rnn/cell"].steps[0]
    for step, data, weights in ((inward, x, kernel), (recurrent, states, own)):
        assert step.operation == Dense(inputs=len(weights), units=UNITS)
        assert step.executions == SAMPLES * STEPS
        assert step.use.fanout_events == np.count_nonzero(data) * UNITS
        assert step.use.effective_events == by_weights(data, weights)
        assert (step.weights, step.weight_nonzeros) == (weights.size, np.count_nonzero(weights))
    arithmetic = [step.operation for step in calls["rnn/cell"].steps[1:]]
    assert arithmetic == [
        Elementwise(function="addv2", elements=UNITS),
        Elementwise(function="relu", elements=UNITS),
    ]
    assert {call.timesteps for call in calls.values()} == {STEPS}, "after the loop, too"
    assert {call.samples for call in calls.values()} == {SAMPLES}
    assert calls["dense"].steps[0].use.activity.events == np.count_nonzero(outputs)
    assert calls["rnn/cell"].parameters == UNITS**2, "those of the layer within are its own"
    assert calls["rnn/cell/inner"].inputs == calls["rnn/cell"].inputs
    # A loop of the graph is observed in its body, where no one knows the whole sample.
    in_body = not (unroll or eager)
    assert (inward.use.activity.events_by_step is None) == in_body
    if not in_body:
        assert inward.use.activity.events_by_step == tuple(np.count_nonzero(x, (0, 2)))
        squares = sum(np.count_nonzero(states, (1, 2)) ** 2)
        assert recurrent.use.activity.sum_sq_events_per_sample == squares


@WAYS
def test_several_cells(keras, random, record, unroll, eager):
    inputs = keras.Input((STEPS, INPUTS))
    cells = [
        keras.layers.LSTMCell(UNITS, activation="relu", dropout=0.5, recurrent_dropout=0.5, name="first"),
        keras.layers.SimpleRNNCell(3, activation="relu", name="second"),
    ]
    model = keras.Model(inputs, keras.layers.RNN(cells, unroll=unroll, name="rnn")(inputs))
    model.set_weights([whole_numbers(random, *weight.shape) for weight in model.get_weights()])
    model.compile(run_eagerly=eager)
    x = whole_numbers(random, SAMPLES, STEPS, INPUTS)
    first = [np.asarray(weight) for weight in cells[0].get_weights()]
    second = [np.asarray(weight) for weight in cells[1].get_weights()]
    hidden, memory, last = (np.zeros((SAMPLES, units), "float32") for units in (UNITS, UNITS, 3))
    read = {"x": [], "hidden": [], "made": [], "last": []}
    for step in range(STEPS):
        for name, tensor in (("x", x[:, step]), ("hidden", hidden), ("last", last)):
            read[name].append(tensor)
        gates = np.split(x[:, step] @ first[0] + hidden @ first[1] + first[2], 4, -1)
        enter, forget, leave = (1 / (1 + np.exp(-gates[place])) for place in (0, 1, 3))
        memory = forget * memory + enter * np.maximum(gates[2], 0)
        hidden = leave * np.maximum(memory, 0)
        read["made"].append(hidden)
        last = np.maximum(hidden @ second[0] + last @ second[1] + second[2], 0)
    data = {name: np.stack(tensors, 1) for name, tensors in read.items()}
    calls = {call.layer: call for call in record(model, x, batch_size=2).calls}
    places = {"first": ("x", "hidden", first), "second": ("made", "last", second)}
    for name, (inward, recurrent, weights) in places.items():
        call = calls[name]
        assert call.path == "rnn/" + model.get_layer("rnn").cell.name + "/" + name
        uses = [step.use for step in call.steps[:2]]
        assert [use.activity.events for use in uses] == [
            np.count_nonzero(data[inward]),
            np.count_nonzero(data[recurrent]),
        ]
        assert [use.effective_events for use in uses] == [
            by_weights(data[inward], weights[0]),
            by_weights(data[recurrent], weights[1]),
        ]
        assert call.timesteps == STEPS
    assert calls["second"].steps[-1].operation == NeuronUpdate(neuron="simple_rnn", neurons=3)
    assert calls["first"].key in calls["second"].inputs


def test_a_cell_with_a_rule_of_the_users_own(keras, random, record, cell_class):
    """The rule counts the whole cell, in its loop."""

    def rule(call):
        return [
            call.synaptic(Dense(inputs=INPUTS, units=UNITS), call.layer.inner.kernel),
            call.synaptic(Dense(inputs=UNITS, units=UNITS), call.layer.own, call.inputs[1]),
            NeuronUpdate(neuron="mine", neurons=UNITS),
        ]

    inputs = keras.Input((STEPS, INPUTS))
    rnn = keras.layers.RNN(cell_class(UNITS, name="cell"), name="rnn")
    model = keras.Model(inputs, rnn(inputs))
    x = whole_numbers(random, SAMPLES, STEPS, INPUTS)
    plain = {call.path: call for call in record(model, x).calls}
    (call,) = record(model, x, layers={cell_class: rule}).calls
    assert call.path == "rnn/cell"
    assert call.steps[0].use == plain["rnn/cell/inner"].steps[0].use
    assert call.steps[1].use == plain["rnn/cell"].steps[0].use
    assert call.steps[2].executions == SAMPLES * STEPS
