"""Every way in which Keras compiles a model: outputs bit for bit as without a probe, and one trace.

Weights, inputs and activations are small integers, exact in every precision, so that NumPy says which
elements are zero.
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

SAMPLES, BATCH = 19, 8  # batches of 8, 8 and 3


@pytest.fixture
def data(random):
    """Inputs ``(samples, 7)`` and targets ``(samples, 3)``."""
    x = random.randint(-2, 3, (SAMPLES, 7)).astype("float32")
    return x, random.randint(0, 2, (SAMPLES, 3)).astype("float32")


@pytest.fixture
def model(keras, random):
    """7 → 5 → 4 → 3 units, with a layer that is called twice."""

    def build(**policy):
        twice = keras.layers.Dense(5, activation="relu", name="twice", **policy)
        inputs = keras.Input((7,))
        hidden = keras.layers.Dense(5, activation="relu", name="first", **policy)(inputs)
        hidden = twice(twice(hidden))
        outputs = keras.layers.Dense(3, name="last", **policy)(hidden)
        model = keras.Model(inputs, outputs, name="net")
        shapes = [weight.shape for weight in model.get_weights()]
        model.set_weights([random.randint(-1, 2, shape) for shape in shapes])
        return model

    return build


def expected_events(model, x):
    """Inputs of each call, in order, from NumPy."""
    inputs = [x]
    for name in ("first", "twice", "twice"):
        kernel, bias = model.get_layer(name).get_weights()
        inputs.append(np.maximum(inputs[-1] @ kernel + bias, 0))
    return dict(zip(("first", "twice", "twice#1", "last"), inputs, strict=True))


def assert_counts(trace, expected, units):
    assert trace.samples == SAMPLES
    assert {call.key for call in trace.calls} == set(expected)
    for call in trace.calls:
        step, mask = call.steps[0], expected[call.key] != 0
        assert call.samples == call.sample_steps == step.executions == SAMPLES
        assert step.use.activity.events == mask.sum() > 0
        assert step.use.activity.elements == mask.size
        assert step.use.activity.sum_sq_events_per_sample == (mask.sum(axis=1) ** 2).sum()
        assert step.use.fanout_events == mask.sum() * units[call.layer]


UNITS = {"first": 5, "twice": 5, "last": 3}
COMPILED = {
    "not compiled": None,
    "default": {},
    "without XLA": {"jit_compile": False},
    "with XLA": {"jit_compile": True},
    "eager": {"run_eagerly": True},
    "three steps at once": {"steps_per_execution": 3},
    "two steps at once, with XLA": {"steps_per_execution": 2, "jit_compile": True},
    "two steps at once, eager": {"steps_per_execution": 2, "run_eagerly": True},
}


def recorded(run):
    """Result and trace of a run to which a probe is given."""
    probe = ep.KerasProbe()
    return run([probe]), probe.trace


@pytest.mark.oldest
@pytest.mark.parametrize("way", COMPILED)
def test_predict_however_compiled(model, data, way):
    model, (x, _) = model(), data
    if COMPILED[way] is not None:
        model.compile(loss="mse", **COMPILED[way])
    plain = model.predict(x, batch_size=BATCH, verbose=0)
    outputs, trace = recorded(lambda probes: model.predict(x, batch_size=BATCH, verbose=0, callbacks=probes))
    assert np.array_equal(outputs, plain)
    assert_counts(trace, expected_events(model, x), UNITS)


@pytest.mark.parametrize("way", [way for way in COMPILED if way != "not compiled"])
def test_evaluate_counts_what_predict_does(model, data, way):
    model, (x, y) = model(), data
    _, reference = recorded(lambda probes: model.predict(x, batch_size=BATCH, verbose=0, callbacks=probes))
    model.compile(loss="mse", metrics=["mae"], **COMPILED[way])
    plain = model.evaluate(x, y, batch_size=BATCH, verbose=0)
    result, trace = recorded(
        lambda probes: model.evaluate(x, y, batch_size=BATCH, verbose=0, callbacks=probes)
    )
    assert result == plain
    assert trace == reference


def test_strategies_of_one_replica(model, data):
    import tensorflow as tf

    x, y = data
    for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"), tf.distribute.MirroredStrategy(["CPU:0"])):
        with strategy.scope():
            net = model()
            net.compile(loss="mse")
        plain = net.predict(x, batch_size=BATCH, verbose=0)
        outputs, trace = recorded(
            lambda probes, net=net: net.predict(x, batch_size=BATCH, verbose=0, callbacks=probes)
        )
        assert np.array_equal(outputs, plain)
        assert_counts(trace, expected_events(net, x), UNITS)
        _, evaluated = recorded(
            lambda probes, net=net: net.evaluate(x, y, batch_size=BATCH, verbose=0, callbacks=probes)
        )
        assert evaluated == trace


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
def test_precisions(model, data, policy):
    model, (x, _) = model(dtype=policy), data
    plain = model.predict(x, batch_size=BATCH, verbose=0)
    outputs, trace = recorded(lambda probes: model.predict(x, batch_size=BATCH, verbose=0, callbacks=probes))
    assert np.array_equal(outputs, plain)
    assert_counts(trace, expected_events(model, x), UNITS)
    assert {step.dtype for call in trace.calls for step in call.steps} == {policy.removeprefix("mixed_")}
