"""A run that a layer, the data or a probe breaks off: the probe says so, and the model heals."""

from __future__ import annotations

import _thread
import threading

import numpy as np
import pytest

import energyprobe as ep

SAMPLES, BATCH = 12, 4


@pytest.fixture
def data(random):
    return random.standard_normal((SAMPLES, 7)).astype("float32")


@pytest.fixture
def targets(random):
    return random.randint(0, 2, (SAMPLES, 3)).astype("float32")


@pytest.fixture
def model(keras):
    """Its first layer raises what `raising` holds, in Python; its second one refuses what is not finite."""
    import tensorflow as tf

    class Raising(keras.layers.Layer):
        raising = None

        def call(self, inputs):
            if self.raising is not None:
                raise self.raising
            return inputs

    class Finite(keras.layers.Layer):
        def call(self, inputs):
            return tf.debugging.check_numerics(inputs, "not finite")

    layers = [
        Raising(name="raising"),
        Finite(),
        keras.layers.Dense(5, activation="relu"),
        keras.layers.Dense(3),
    ]
    model = keras.Sequential([keras.Input((7,)), *layers])
    model.compile(loss="mse", jit_compile=False)
    return model


@pytest.mark.oldest
def test_error_in_a_layer_at_run_time(model, data, predict, healthy_of, assert_aborted):
    import tensorflow as tf

    healthy = healthy_of(model, data)
    broken = data.copy()
    broken[-1, 2] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="not finite"):
        predict(model, broken, healthy.probe)
    assert_aborted(healthy.probe)
    healthy.assert_again(healed=True)


@pytest.mark.parametrize(
    "error", [RuntimeError("in a layer"), KeyboardInterrupt()], ids=["error", "interrupt"]
)
def test_error_in_a_layer_that_runs_eagerly(model, data, error, predict, healthy_of, assert_aborted):
    model.compile(run_eagerly=True)
    healthy, probe = healthy_of(model, data), ep.KerasProbe()
    model.layers[0].raising = error
    with pytest.raises(type(error)):
        predict(model, data, healthy.probe, probe)
    model.layers[0].raising = None
    assert_aborted(healthy.probe, probe)
    healthy.assert_again(probe, healed=True)


@pytest.mark.parametrize(
    "error", [RuntimeError("in a layer"), KeyboardInterrupt()], ids=["error", "interrupt"]
)
def test_error_in_a_layer_while_it_is_traced(keras, model, data, error, predict, assert_aborted):
    before = vars(keras.layers.Layer)["__call__"]
    model.layers[0].raising = error
    probe = ep.KerasProbe()
    with pytest.raises(type(error)):
        predict(model, data, probe)
    assert vars(keras.layers.Layer)["__call__"] is before
    assert_aborted(probe)
    model.layers[0].raising = None
    assert not [name for name in vars(model) if name.startswith("make_")]
    outputs = predict(model, data, probe)
    assert probe.trace.samples == SAMPLES
    assert np.array_equal(predict(model, data), outputs)


@pytest.mark.oldest
@pytest.mark.parametrize("mode", ["predict", "evaluate"])
def test_error_in_the_data(model, data, targets, mode, healthy_of, assert_aborted):
    """Keras 3 fetches them outside of the function that a probe stands in."""

    def batches():
        for start in range(0, SAMPLES, BATCH):
            yield data[start : start + BATCH], targets[start : start + BATCH]
        raise ValueError("no more data, for no good reason")

    healthy = healthy_of(model, data)
    with pytest.raises(Exception, match="for no good reason"):
        getattr(model, mode)(batches(), steps=5, verbose=0, callbacks=[healthy.probe])
    assert_aborted(healthy.probe)
    healthy.assert_again()


def test_control_c_while_the_data_are_made(keras, model, data, targets, healthy_of, assert_aborted):
    """Once a batch has run: before, there is nothing to break off."""
    running = threading.Event()

    class Running(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            running.set()

    def batches():
        for start in range(0, SAMPLES, BATCH):
            yield data[start : start + BATCH], targets[start : start + BATCH]
        while True:
            if running.wait(timeout=0.01):
                _thread.interrupt_main()
                running.clear()
            yield data[:BATCH], targets[:BATCH]

    healthy = healthy_of(model, data)
    with pytest.raises(KeyboardInterrupt):
        model.predict(batches(), steps=3000, verbose=0, callbacks=[healthy.probe, Running()])
    assert_aborted(healthy.probe)
    healthy.assert_again()


def test_two_probes_of_which_one_refuses(keras, model, data, predict, healthy_of, assert_aborted):
    healthy = healthy_of(model, data)
    one, two = ep.KerasProbe(), ep.KerasProbe(layers={keras.layers.Dense: lambda call: []})
    with pytest.raises(ep.RecordingError, match="must have the same layers= rules"):
        predict(model, data, one, two)
    assert_aborted(one, two)
    healthy.assert_again(one, healed=True)
