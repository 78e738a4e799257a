"""Recurrent layers against their own cells, run step by step in NumPy: states are read one step late.

The counts by hand: the input operation reads ``x``, the recurrent one the state of the step before, each
non-zero element through every weight of its row (one for each unit and gate).
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Dense, Elementwise, NeuronUpdate

SAMPLES, STEPS, INPUTS, UNITS = 3, 5, 4, 2
GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
# Elementwise operations for each unit and step: biases, sums of the two products, gates.
ARITHMETIC = {"SimpleRNN": 1 + 1 + 1, "GRU": 6 + 3 + 8, "GRU before": 3 + 3 + 8, "LSTM": 4 + 4 + 9}


def sequences(random, *shape):
    return random.choice([0.0, 1.0, -2.0], shape or (SAMPLES, STEPS, INPUTS)).astype("float32")


def sparse_weights(random, model):
    """Small whole weights with zeros, so that some states are exactly zero."""
    model.set_weights([random.choice([-2.0, -1.0, 0.0, 0.0, 1.0], w.shape) for w in model.get_weights()])


def states_before(layer, x, mask=None, initial=None, backwards=False):
    """The state that each step reads, by the layer's own cell; ``(samples, steps, units)``."""
    import tensorflow as tf

    cell = layer.cell
    tensors = 2 if type(cell).__name__ == "LSTMCell" else 1
    state = [np.zeros((len(x), UNITS), "float32") for _ in range(tensors)] if initial is None else initial
    order = range(x.shape[1] - 1, -1, -1) if backwards else range(x.shape[1])
    read = []
    for step in order:
        read.append(np.asarray(state[0]))
        _, new = cell(x[:, step], [tf.constant(each) for each in state])
        new = new if isinstance(new, (list, tuple)) else [new]
        if mask is not None:
            new = [np.where(mask[:, step, None], each, old) for each, old in zip(new, state, strict=True)]
        state = [np.asarray(each) for each in new]
    return np.stack(read, 1)


def expected(layer, x, states):
    """Events and effective events of the input and of the recurrent operation."""
    kernel, recurrent = (np.asarray(each) for each in (layer.cell.kernel, layer.cell.recurrent_kernel))
    return [
        (
            np.count_nonzero(data) * weights.shape[1],
            int(np.sum(np.count_nonzero(data.reshape(-1, len(weights)), 0) * np.count_nonzero(weights, 1))),
        )
        for data, weights in ((x, kernel), (states, recurrent))
    ]


def found(call):
    uses = [step.use for step in call.steps if isinstance(step.operation, Dense)]
    return [(use.fanout_events, use.effective_events) for use in uses]


@pytest.mark.oldest
def test_each_layer(keras, random, record):
    inputs = keras.Input((STEPS, INPUTS))
    layers = {
        f"{kind}_{unroll}_{whole}": getattr(keras.layers, kind)(
            UNITS, activation="relu", unroll=unroll, return_sequences=whole, name=f"{kind}_{unroll}_{whole}"
        )
        for kind in GATES
        for unroll, whole in ((False, False), (False, True), (True, False))
    }
    model = keras.Model(inputs, {name: layer(inputs) for name, layer in layers.items()})
    model.compile(jit_compile=False)
    sparse_weights(random, model)
    x = sequences(random)
    calls = {call.layer: call for call in record(model, x, batch_size=2).calls}
    for name, layer in layers.items():
        call, kind = calls[name], name.partition("_")[0]
        states = states_before(layer, x)
        assert found(call) == expected(layer, x, states), name
        gates = GATES[kind]
        operations = [step.operation for step in call.steps]
        assert operations[0] == Dense(inputs=INPUTS, units=gates * UNITS)
        assert operations[1] == Dense(inputs=UNITS, units=gates * UNITS)
        kinds = {"SimpleRNN": "simple_rnn", "GRU": "gru", "LSTM": "lstm"}
        assert operations[-1] == NeuronUpdate(neuron=kinds[kind], neurons=UNITS)
        arithmetic = sum(o.elements * o.ops_per_element for o in operations if isinstance(o, Elementwise))
        assert arithmetic == ARITHMETIC[kind] * UNITS
        assert {step.executions for step in call.steps} == {SAMPLES * STEPS}
        assert (call.samples, call.timesteps, call.foldable_over_time) == (SAMPLES, STEPS, False)
        assert call.steps[1].state_bytes == 4 * UNITS * (2 if kind == "LSTM" else 1)
        of_input, of_state = (step.use.activity for step in call.steps[:2])
        assert of_input.events_by_step == tuple(np.count_nonzero(x, (0, 2)))
        assert of_state.events_by_step == tuple(np.count_nonzero(states, (0, 2)))
        assert of_state.sum_sq_events_per_sample == sum(np.count_nonzero(states, (1, 2)) ** 2)
        assert of_input.samples_by_step == (SAMPLES,) * STEPS
        assert call.out_shape == ((STEPS, UNITS) if layer.return_sequences else (UNITS,))


@pytest.mark.oldest
@pytest.mark.parametrize(
    "masking, given_state", [("layer", False), ("embedding", False), ("layer", True), (None, True)]
)
def test_masks_directions_and_first_states(keras, generation, random, record, masking, given_state):
    """A masked step is computed and dropped: the state stays as it was, also before the first step."""
    x, mask = sequences(random), None
    inputs = keras.Input((STEPS, INPUTS))
    read = inputs
    if masking == "layer":
        x[0, :2] = x[1, 2] = x[2, -1] = 7.0
        read = keras.layers.Masking(7.0, name="masking")(inputs)
        mask = ~np.all(x == 7.0, -1)
    if masking == "embedding":
        inputs = keras.Input((STEPS,), dtype="int32")
        read = keras.layers.Embedding(6, INPUTS, mask_zero=True, name="rows")(inputs)
    first = [keras.Input((UNITS,), name=f"state_{number}") for number in range(2 if given_state else 0)]
    layers, outputs = {}, {}
    for kind, backwards in (("SimpleRNN", False), ("GRU", True), ("LSTM", False), ("LSTM", True)):
        name = f"{kind}_{backwards}"
        layers[name] = getattr(keras.layers, kind)(
            UNITS, activation="relu", go_backwards=backwards, return_state=True, name=name
        )
        state = first if kind == "LSTM" else first[:1]
        outputs[name] = layers[name](read, **({"initial_state": state} if given_state else {}))[0]
    model = keras.Model([inputs, *first], outputs)
    model.compile(jit_compile=False)
    sparse_weights(random, model)
    start = [random.choice([0.0, 1.0], (SAMPLES, UNITS)).astype("float32") for _ in first]
    given = x
    if masking == "embedding":
        given = random.randint(0, 3, (SAMPLES, STEPS))
        given[:, 0] = 0
        # The row of the masked index is read and multiplied like any other.
        mask, x = given != 0, np.asarray(model.get_layer("rows").get_weights()[0])[given]
    if masking == "layer":
        x = x * mask[..., None]
    if generation > 2 and given_state:
        # Keras 3 hands the mask on only to layers that are given one tensor.
        mask = None
    calls = {call.layer: call for call in record(model, [given, *start], batch_size=2).calls}
    for name, layer in layers.items():
        tensors = (start if name.startswith("LSTM") else start[:1]) or None
        states = states_before(layer, x, mask, tensors, layer.go_backwards)
        assert found(calls[name]) == expected(layer, x, states), name
    if masking == "layer":
        # A comparison and a product for each element.
        (step,) = calls["masking"].steps
        assert step.operation.ops_per_element * step.operation.elements * step.executions == 2 * x.size


@pytest.mark.oldest
@pytest.mark.parametrize("unroll, eager", [(False, False), (True, False), (False, True)])
def test_a_gru_that_resets_before_its_product(keras, random, record, unroll, eager):
    """The product for the candidate reads reset x state, which no layer shows."""
    inputs = keras.Input((STEPS, INPUTS))
    layer = keras.layers.GRU(
        UNITS, reset_after=False, recurrent_activation="relu", unroll=unroll, name="layer"
    )
    model = keras.Model(inputs, layer(inputs))
    sparse_weights(random, model)
    model.compile(run_eagerly=eager)
    x = sequences(random)
    states = states_before(layer, x)
    kernel, recurrent, bias = model.get_weights()
    reset = np.maximum(
        (x @ kernel + bias + 0)[..., UNITS : 2 * UNITS] + states @ recurrent[:, UNITS : 2 * UNITS], 0
    )
    hidden = reset * states
    assert np.count_nonzero(hidden) < np.count_nonzero(states)
    (call,) = record(model, x, batch_size=2).calls
    assert (call.path, call.timesteps) == ("layer/" + layer.cell.name, STEPS)
    uses = [step.use for step in call.steps[:3]]
    assert [use.activity.events for use in uses] == [np.count_nonzero(each) for each in (x, states, hidden)]
    assert [use.fanout_events for use in uses] == [
        np.count_nonzero(x) * 3 * UNITS,
        np.count_nonzero(states) * 2 * UNITS,
        np.count_nonzero(hidden) * UNITS,
    ]
    by_unit = np.count_nonzero(hidden.reshape(-1, UNITS), 0)
    assert uses[2].effective_events == np.sum(by_unit * np.count_nonzero(recurrent[:, 2 * UNITS :], 1))
    row = ep.counts(record(model, x)).iloc[0]
    assert row.elementwise_ops == SAMPLES * STEPS * UNITS * ARITHMETIC["GRU before"]
    assert row.dense_synops == SAMPLES * STEPS * 3 * UNITS * (INPUTS + UNITS)


def test_a_layer_that_keeps_its_state(keras, random, record):
    """The second batch goes on where the first one ended: it adds timesteps, not samples."""
    inputs = keras.Input(batch_shape=(SAMPLES, STEPS, INPUTS))
    layer = keras.layers.LSTM(UNITS, activation="relu", stateful=True, name="layer")
    model = keras.Model(inputs, layer(inputs))
    sparse_weights(random, model)
    x = sequences(random, 2 * SAMPLES, STEPS, INPUTS)
    (call,) = record(model, x, batch_size=SAMPLES).calls
    both = np.concatenate([x[:SAMPLES], x[SAMPLES:]], 1)
    states = states_before(layer, both)
    assert found(call) == expected(layer, both, states)
    assert (call.samples, call.timesteps) == (SAMPLES, 2 * STEPS)


@pytest.mark.oldest
def test_time_before_the_batch(keras, generation, random, record):
    if generation > 2:
        pytest.skip("Keras 3 has no time_major")
    inputs = keras.Input((STEPS, INPUTS))
    turned = keras.layers.Lambda(_swap)(inputs)
    layer = keras.layers.LSTM(UNITS, activation="relu", time_major=True, return_sequences=True, name="layer")
    model = keras.Model(inputs, keras.layers.Lambda(_swap)(layer(turned)))
    sparse_weights(random, model)
    x = sequences(random)
    calls = {call.path: call for call in record(model, x, batch_size=2).calls}
    assert found(calls["layer"]) == expected(layer, x, states_before(layer, x))
    assert (calls["layer"].samples, calls["layer"].timesteps) == (SAMPLES, STEPS)
    assert calls["layer"].steps[0].use.activity.events_by_step == tuple(np.count_nonzero(x, (0, 2)))


def _swap(each):
    import tensorflow as tf

    return tf.transpose(each, [1, 0, 2])


MERGES = ("concat", "sum", "mul", "ave", None)


@pytest.mark.oldest
def test_both_directions(keras, random, record):
    inputs = keras.Input((STEPS, INPUTS))
    wrappers, outputs = {}, {}
    for merge in MERGES:
        inner = keras.layers.LSTM(UNITS, activation="relu", return_sequences=True, name=f"{merge}_cells")
        wrappers[merge] = keras.layers.Bidirectional(inner, merge_mode=merge, name=f"{merge}")
        made = wrappers[merge](inputs)
        read = keras.layers.Concatenate(name="joined")(list(made)) if merge is None else made
        outputs[f"{merge}"] = keras.layers.Dense(3, name=f"{merge}_dense")(read)
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    sparse_weights(random, model)
    x = sequences(random)
    calls = {call.path: call for call in record(model, x, batch_size=2).calls}
    for merge, wrapper in wrappers.items():
        forward, backward = wrapper.forward_layer, wrapper.backward_layer
        halves = {f"{merge}/forward_{merge}_cells", f"{merge}/backward_{merge}_cells"}
        assert found(calls[f"{merge}/forward_{merge}_cells"]) == expected(
            forward, x, states_before(forward, x)
        )
        turned = states_before(backward, x, backwards=True)
        assert found(calls[f"{merge}/backward_{merge}_cells"]) == expected(backward, x, turned)
        # A sum or a product is 1 for each element, an average a sum and a division.
        merging = {"sum": 1, "mul": 1, "ave": 2}.get(merge, 0)
        own = calls[f"{merge}"].steps if merging else ()
        arithmetic = sum(step.operation.elements * step.executions for step in own)
        assert arithmetic == merging * SAMPLES * STEPS * UNITS
        assert merging or f"{merge}" not in calls, "it only moves data"
        dense = calls[f"{merge}_dense"]
        width = 2 * UNITS if merge in ("concat", None) else UNITS
        assert dense.steps[0].operation == Dense(inputs=width, units=3)
        assert dense.timesteps == STEPS, "time is followed through the merge"
        reads = calls["joined"].inputs if merge is None else dense.inputs
        assert set(reads) == ({f"{merge}"} if merging else halves)
