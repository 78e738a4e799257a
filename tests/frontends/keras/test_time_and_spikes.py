"""The time axis: which tensors have one, what happened in each timestep, and layers run once for each.

Also what must not depend on how the data were cut into batches, and activity that is not a number.
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.histograms import RATE_EDGES
from energyprobe.trace.operations import Conv, Dense

SAMPLES, STEPS, SIZE = 5, 4, 3


def some(random, *shape):
    return random.choice([0.0, 0.0, 1.0, -2.0], shape).astype("float32")


def by_layer(trace):
    return {call.layer: call for call in trace.calls}


def fired(activity):
    bits = np.unpackbits(np.frombuffer(activity.fired, "uint8"), bitorder="little")
    return bits[: activity.neurons].astype(bool)


@pytest.mark.oldest
def test_time_is_followed_through_layers_that_keep_it(keras, random, record):
    layers, inputs = keras.layers, keras.Input((STEPS, SIZE))
    made = layers.Dense(7, name="before")(inputs)
    made = layers.Dropout(0.5)(layers.LayerNormalization(name="norm")(layers.ReLU(name="relu")(made)))
    made = layers.Concatenate()([made, layers.Reshape((STEPS, 7))(layers.Reshape((STEPS, 7, 1))(made))])
    made = layers.LSTM(4, return_sequences=True, name="lstm")(made)
    made = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both")(made)
    timed = layers.Dense(5, name="after")(made)
    turned = layers.Dense(3, name="turned")(layers.Permute((2, 1))(timed))
    whole = layers.Dense(3, name="whole")(layers.Flatten()(timed))
    line = layers.Conv1D(3, 2, name="conv")(timed)
    model = keras.Model(inputs, [turned, whole, line])
    model.compile(jit_compile=False)
    x = some(random, SAMPLES, STEPS, SIZE)
    calls = by_layer(record(model, x, batch_size=2))
    timesteps = {name: calls[name].timesteps for name in ("before", "relu", "norm", "lstm", "after")}
    assert set(timesteps.values()) == {STEPS}
    assert calls["before"].steps[0].operation == Dense(inputs=SIZE, units=7)
    assert calls["before"].steps[0].executions == SAMPLES * STEPS
    assert calls["before"].steps[0].use.activity.events_by_step == tuple(np.count_nonzero(x, (0, 2)))
    assert calls["relu"].output.events_by_step is not None
    # What turns, folds or slides over the axis has no time any more.
    assert {calls[name].timesteps for name in ("turned", "whole", "conv")} == {1}
    assert calls["turned"].steps[0].operation == Dense(inputs=STEPS, units=3, positions=5)
    assert isinstance(calls["conv"].steps[0].operation, Conv)
    assert calls["conv"].steps[0].use.activity.events_by_step is None


def test_time_is_not_taken_for_granted(keras, random, record):
    """A Dense on a sequence works at positions, unless somebody says that they are timesteps."""
    inputs = keras.Input((STEPS, SIZE))
    model = keras.Model(inputs, keras.layers.Dense(7, name="dense")(inputs))
    x = some(random, SAMPLES, STEPS, SIZE)
    for axis, operation, timesteps in (
        ("auto", Dense(inputs=SIZE, units=7, positions=STEPS), 1),
        (None, Dense(inputs=SIZE, units=7, positions=STEPS), 1),
        (1, Dense(inputs=SIZE, units=7), STEPS),
    ):
        (call,) = record(model, x, time_axis=axis).calls
        assert (call.steps[0].operation, call.timesteps) == (operation, timesteps)
        assert call.steps[0].use.fanout_events == 7 * np.count_nonzero(x)


def test_layers_that_run_over_time_do_so_whatever_is_declared(keras, random, record):
    inputs = keras.Input((STEPS, SIZE))
    each = keras.layers.TimeDistributed(keras.layers.Dense(7), name="each")(inputs)
    model = keras.Model(inputs, keras.layers.LSTM(2, name="lstm")(each))
    x = some(random, SAMPLES, STEPS, SIZE)
    for call in record(model, x, time_axis=None).calls:
        assert call.steps[0].executions == SAMPLES * STEPS == call.sample_steps


def inner_model(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, SIZE)),
            layers.Conv1D(5, 3, activation="relu", name="conv"),
            layers.SeparableConv1D(4, 2, name="separable"),
            layers.Flatten(name="flatten"),
            layers.Dense(2, name="dense"),
        ],
        name="inner",
    )


@pytest.mark.oldest
@pytest.mark.parametrize("way", ["graph", "eager", "steps unknown", "batch known"])
def test_a_model_in_each_timestep(keras, random, record, way):
    """Folded, unrolled, in a loop or vectorised, as each Keras does it: one call with its timesteps."""
    import tensorflow as tf

    inner = inner_model(keras)
    inputs = keras.Input((None if way == "steps unknown" else STEPS, 6, SIZE))
    model = keras.Model(inputs, keras.layers.TimeDistributed(inner, name="each")(inputs))
    model.set_weights([some(random, *weight.shape) for weight in model.get_weights()])
    model.compile(run_eagerly=way == "eager", jit_compile=False)
    x = some(random, 6, STEPS, 6, SIZE)
    hidden = inner.layers[0](x.reshape(-1, 6, SIZE)).numpy().reshape(6, STEPS, -1)
    plain = by_layer(record(inner, x.reshape(-1, 6, SIZE)))
    data = x
    if way == "steps unknown":
        spec = tf.TensorSpec((None, None, 6, SIZE))
        data = tf.data.Dataset.from_generator(lambda: [x[:3], x[3:]], output_signature=spec)
        data = data.apply(tf.data.experimental.assert_cardinality(2))
    if way == "batch known":
        data = tf.data.Dataset.from_tensor_slices(x).batch(3, drop_remainder=True)
    calls = by_layer(record(model, data, batch_size=None if data is not x else 4, detail="neurons"))
    assert set(calls) == {"conv", "separable", "flatten", "dense"}
    assert calls["conv"].path == "each/inner/conv"
    for name, call in calls.items():
        assert (call.samples, call.timesteps, call.call_index) == (6, STEPS, 0)
        for step, alone in zip(call.steps, plain[name].steps, strict=True):
            assert (step.operation, step.executions) == (alone.operation, alone.executions)
            if step.use is not None:
                assert step.use.fanout_events == alone.use.fanout_events
                assert step.use.effective_events == alone.use.effective_events
                assert step.use.activity.events == alone.use.activity.events
    assert calls["dense"].inputs == ("each/inner/flatten",)
    output = calls["conv"].output
    assert output.events == np.count_nonzero(hidden)
    if way != "steps unknown":
        assert output.events_by_step == tuple(np.count_nonzero(hidden, (0, 2)))
        assert output.samples_by_step == (6,) * STEPS
    assert output.sum_sq_events_per_sample == sum(np.count_nonzero(hidden, (1, 2)) ** 2)
    assert np.array_equal(fired(output), np.any(hidden != 0, (0, 1)))
    rates = np.count_nonzero(hidden, (0, 1)) / (6 * STEPS)
    assert output.rate_histogram == tuple(np.histogram(rates, RATE_EDGES)[0])


@pytest.mark.oldest
def test_layers_within_timesteps_that_run_over_time_themselves(keras, random, record):
    layers = keras.layers
    inputs = keras.Input((STEPS, 6, SIZE))
    outputs = {
        "lstm": layers.TimeDistributed(layers.LSTM(2, name="lstm"), name="a")(inputs),
        "both": layers.TimeDistributed(layers.Bidirectional(layers.GRU(2), name="both"), name="b")(inputs),
        "twice": layers.TimeDistributed(layers.TimeDistributed(layers.Dense(7)), name="c")(inputs),
        "heads": layers.TimeDistributed(TwoHeads(keras), name="d")(inputs),
    }
    model = keras.Model(inputs, outputs)
    model.compile(jit_compile=False)
    x = some(random, SAMPLES, STEPS, 6, SIZE)
    calls = {call.path: call for call in record(model, x, batch_size=2).calls}
    lstm = calls["a/lstm"]
    assert lstm.sample_steps == lstm.steps[0].executions == SAMPLES * STEPS * 6
    assert lstm.steps[0].use.fanout_events == np.count_nonzero(x) * 4 * 2
    assert lstm.steps[0].use.activity.sum_sq_events_per_sample == sum(np.count_nonzero(x, (1, 2, 3)) ** 2)
    assert lstm.steps[0].use.activity.events_by_step is None, "timesteps within timesteps"
    for half in ("forward", "backward"):
        (call,) = (call for path, call in calls.items() if path.startswith(f"b/both/{half}"))
        assert call.steps[0].executions == SAMPLES * STEPS * 6
        assert call.steps[0].use.activity.events == np.count_nonzero(x)
    assert calls["c"].steps[0].operation == Dense(inputs=SIZE, units=7, positions=6)
    assert calls["c"].steps[0].executions == SAMPLES * STEPS
    assert calls["c"].type == "TimeDistributed(TimeDistributed(Dense))"
    queries = next(call for path, call in calls.items() if path.endswith("/query"))
    assert queries.steps[0].executions == SAMPLES * STEPS
    assert queries.steps[0].use.activity.events == np.count_nonzero(x)


def TwoHeads(keras):
    class Both(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="heads")
            self.inner = keras.layers.MultiHeadAttention(2, 3, name="inner")

        def build(self, shape):
            (self.inner.build(shape, shape) if keras.__version__ > "3" else None)
            super().build(shape)

        def call(self, x):
            return self.inner(x, x)

        def compute_output_shape(self, shape):
            return shape

    return Both()


@pytest.mark.oldest
def test_batches_make_no_difference(keras, random, record):
    """Batches of 1, of 7, of 32 with a rest, and all at once."""
    layers, inputs = keras.layers, keras.Input((STEPS, SIZE), name="data")
    made = layers.TimeDistributed(layers.Dense(6, activation="relu"), name="each")(inputs)
    made = layers.LSTM(4, return_sequences=True, activation="relu", name="lstm")(made)
    made = layers.MultiHeadAttention(2, 3, name="heads")(made, made)
    made = layers.Conv1D(5, 2, activation="relu", name="conv")(made)
    model = keras.Model(inputs, layers.Lambda(lambda y: y * 2.0, name="lambda")(made))
    model.set_weights([some(random, *weight.shape) for weight in model.get_weights()])
    model.compile(jit_compile=False)
    x = some(random, 39, STEPS, SIZE)
    traces = [record(model, x, size, detail="neurons") for size in (1, 7, 32, 39)]
    for trace in traces[1:]:
        assert trace.calls == traces[0].calls
    assert traces[0].calls[0].output.rate_histogram is not None


@pytest.mark.oldest
def test_values_that_are_not_numbers_are_reported_where_they_are(keras, random, record):
    inputs = keras.Input((SIZE,))
    # No ReLU: what becomes of a NaN in one is up to TensorFlow.
    hidden = keras.layers.Dense(6, name="first")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="second")(hidden))
    x = some(random, SAMPLES, SIZE)
    x[1, 0], x[3, 1], x[3, 2] = np.nan, np.inf, 0.0
    trace = record(model, x, batch_size=2, observe="all")
    calls = by_layer(trace)
    seen = calls["first"].steps[0].use.activity
    assert (seen.nonfinite, seen.events) == (2, np.count_nonzero(x)), "they count as events"
    assert calls["first"].steps[0].use.fanout_events == 6 * np.count_nonzero(x)
    # One such input makes every unit of its sample so.
    assert calls["second"].steps[0].use.activity.nonfinite == 2 * 6
    assert ep.counts(trace).nonfinite.tolist() == [12, 4]


@pytest.mark.oldest
def test_all_outputs_on_request(keras, random, record):
    layers, inputs = keras.layers, keras.Input((6, SIZE))
    made = layers.Conv1D(5, 3, name="conv")(inputs)
    made = layers.BatchNormalization(name="norm")(made)
    made = layers.Flatten(name="flatten")(layers.ReLU(name="relu")(made))
    model = keras.Model(inputs, layers.Dense(2, name="dense")(made))
    names = ("conv", "norm", "flatten", "relu", "dense")
    inner = keras.Model(inputs, [model.get_layer(name).output for name in names])
    x = some(random, SAMPLES, 6, SIZE)
    lean, full = (by_layer(record(model, x, observe=what)) for what in ("lean", "all"))
    assert [name for name in names if lean[name].output is not None] == ["relu"]
    for name, made in zip(names, inner.predict(x, verbose=0), strict=True):
        assert full[name].output.events == np.count_nonzero(made)
        assert full[name].output.elements == made.size
    assert full["conv"].steps == lean["conv"].steps
