"""Bad input to `KerasProbe`: one clear error each, which says what to do, and a model that is as before."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import energyprobe as ep

X, Y = np.ones((6, 7), "float32"), np.zeros((6, 3), "float32")


@pytest.fixture
def model(keras):
    inputs = keras.Input((7,), name="events_in")
    model = keras.Model(inputs, keras.layers.Dense(3, name="last")(inputs), name="net")
    model.compile(loss="mse", jit_compile=False)
    return model


def assert_usable(model):
    """It predicts, with a probe and without, and holds nothing of a probe."""
    probe = ep.KerasProbe()
    plain = model.predict(X, verbose=0)
    assert np.array_equal(model.predict(X, verbose=0, callbacks=[probe]), plain)
    assert probe.trace.samples == 6
    assert not [name for name in vars(model) if name.startswith("make_")]


@pytest.mark.oldest
@pytest.mark.parametrize(
    "options, text",
    [
        ({"detail": "neuron"}, "KerasProbe(detail='neuron'): did you mean 'neurons'?"),
        ({"detail": ["values", "neurones"]}, "KerasProbe(detail='neurones'): did you mean 'neurons'?"),
        ({"detail": "x"}, "KerasProbe(detail='x'): known are neurons, values"),
        ({"detail": 3}, "KerasProbe(detail=3): give 'neurons' or 'values', or both"),
        ({"observe": "al"}, "KerasProbe(observe='al'): did you mean 'all'?"),
        ({"time_axis": 2}, "KerasProbe(time_axis=2): it is 'auto', 1 or None"),
        (
            {"spiking": ["a"]},
            "KerasProbe(spiking=['a']): it is a mapping, such as {'events_in': 1.0, MyLIF: 1.0}",
        ),
        (
            {"spiking": {3: 1.0}},
            "KerasProbe(spiking={3: …}): a key is the name of a model input or a layer class",
        ),
        ({"spiking": {"a": 0}}, "KerasProbe(spiking={a: 0}): the value of one spike is a number above 0"),
        (
            {"spiking": {int: "1"}},
            "KerasProbe(spiking={int: '1'}): the value of one spike is a number above 0",
        ),
        (
            {"spiking": {"a": np.nan}},
            "KerasProbe(spiking={a: nan}): the value of one spike is a number above 0",
        ),
        ({"layers": [int]}, "KerasProbe(layers=[<class 'int'>]): it is a mapping, such as {MyLayer: rule}"),
        ({"layers": {"Dense": print}}, "KerasProbe(layers={'Dense': …}): a key is a layer class"),
        (
            {"layers": {int: 3}},
            "KerasProbe(layers={int: 3}): a rule is a function of the layer's call, which gives operations",
        ),
    ],
)
def test_wrong_options(options, text):
    with pytest.raises(ep.OptionError) as caught:
        ep.KerasProbe(**options)
    assert str(caught.value) == text
    assert isinstance(caught.value, ValueError)


def test_unknown_options():
    with pytest.raises(TypeError, match="unexpected keyword argument 'details'"):
        ep.KerasProbe(details="neurons")


@pytest.mark.oldest
def test_spikes_of_an_input_that_the_model_does_not_have(model):
    probe = ep.KerasProbe(spiking={"event_in": 1.0})
    for _ in range(2):
        with pytest.raises(ep.OptionError) as caught:
            model.predict(X, verbose=0, callbacks=[probe])
        assert str(caught.value) == (
            "KerasProbe(spiking={'event_in': …}): model 'net' has no input 'event_in', "
            "did you mean 'events_in'?"
        )
        assert_usable(model)


@pytest.mark.oldest
def test_no_run():
    with pytest.raises(ep.RecordingError) as caught:
        _ = ep.KerasProbe().trace
    assert str(caught.value) == (
        "this probe has recorded no run; pass it to predict or evaluate: model.predict(x, callbacks=[probe])"
    )


def test_a_run_that_goes_on(keras, model):
    texts = []

    class Reading(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            with pytest.raises(ep.RecordingError) as caught:
                _ = probe.trace
            texts.append(str(caught.value))

    probe = ep.KerasProbe()
    model.predict(X, verbose=0, callbacks=[probe, Reading()])
    assert texts == [
        "the run that this probe records has not come to its end: it still goes on, or an error broke it "
        "off; run predict or evaluate with the probe to the end, and read .trace after it"
    ]
    assert probe.trace.samples == 6


@pytest.mark.oldest
@pytest.mark.parametrize("validation", [None, (X, Y)], ids=["", "with validation"])
def test_fit_is_refused(model, validation):
    probe, before = ep.KerasProbe(), model.get_weights()
    with pytest.raises(ep.RecordingError) as caught:
        model.fit(X, Y, validation_data=validation, verbose=0, callbacks=[probe])
    assert str(caught.value) == (
        "KerasProbe records inference, not training; pass it to predict or evaluate instead of fit"
    )
    assert all(map(np.array_equal, model.get_weights(), before))
    assert_usable(model)
    model.fit(X, Y, validation_data=validation, verbose=0)
    assert_usable(model)
    with pytest.raises(ep.RecordingError, match="has recorded no run"):
        _ = probe.trace


@pytest.mark.oldest
def test_a_callback_list(keras, model):
    """It works once, if it knows the model; Keras tells its callbacks of no second run."""
    probe = ep.KerasProbe()
    callbacks = keras.callbacks.CallbackList([probe], model=model)
    model.predict(X, verbose=0, callbacks=callbacks)
    assert probe.trace.samples == 6
    unknown = keras.callbacks.CallbackList([ep.KerasProbe()])
    for each in (callbacks, unknown):
        with pytest.raises(ep.RecordingError) as caught:
            model.predict(X, verbose=0, callbacks=each)
        assert str(caught.value) == (
            "Keras began a run without having told this probe its model; pass callbacks=[probe], not a "
            "CallbackList that has been used before"
        )
    assert_usable(model)


def test_a_callback_list_made_before_the_model_was_compiled(keras, model):
    callbacks = keras.callbacks.CallbackList([ep.KerasProbe()], model=model)
    model.compile(loss="mae")
    with pytest.raises(ep.RecordingError, match="Keras began a run without having told this probe its model"):
        model.predict(X, verbose=0, callbacks=callbacks)
    assert_usable(model)


@pytest.mark.oldest
def test_not_a_model(keras):
    for wrong in (keras.layers.Dense(3), "model", None):
        with pytest.raises(ep.ModelError, match="KerasProbe records a Keras model, but was given") as caught:
            ep.KerasProbe().set_model(wrong)
        assert isinstance(caught.value, TypeError)
        assert "model.predict(x, callbacks=[ep.KerasProbe()])" in str(caught.value)


@pytest.mark.oldest
def test_a_probe_is_given_no_model(model):
    with pytest.raises(ep.OptionError) as caught:
        ep.KerasProbe(model)
    assert str(caught.value) == (
        f"KerasProbe({type(model).__name__}) takes options by name, no model and no data; make "
        "probe = ep.KerasProbe(), run model.predict(x, callbacks=[probe]), and read probe.trace"
    )


@pytest.mark.oldest
def test_the_class_as_a_callback(model):
    for run in (model.predict, model.evaluate):
        with pytest.raises(ep.OptionError) as caught:
            run(X, verbose=0, callbacks=[ep.KerasProbe])
        assert str(caught.value) == (
            "callbacks=[KerasProbe] hands Keras the class; make a probe of it: probe = ep.KerasProbe(), "
            "then model.predict(x, callbacks=[probe])"
        )
    assert_usable(model)


def unbuilt(keras, kind):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.last = keras.layers.Dense(3)

        def call(self, inputs):
            return self.last(inputs)

    return Net() if kind == "subclassed" else keras.Sequential([keras.layers.Dense(3)])


@pytest.mark.oldest
@pytest.mark.parametrize("kind", ["sequential", "subclassed"])
def test_a_model_that_is_not_built(keras, kind):
    model, probe = unbuilt(keras, kind), ep.KerasProbe()
    with pytest.raises(
        ep.ModelError, match="is not built, so its layers have no weights to count; call it once"
    ):
        model.predict(X, verbose=0, callbacks=[probe])
    with pytest.raises(ep.RecordingError, match="broke off"):
        _ = probe.trace
    assert_usable(model)
    model.predict(X, verbose=0, callbacks=[probe])
    assert probe.trace.samples == 6


def test_ways_to_run_that_cannot_be_recorded(keras):
    """On two processors, which TensorFlow must be told of before it starts; then without eager mode."""
    if keras.__name__ == "tf_keras":
        pytest.skip("a slow one, which runs in one process for each stack")
    script = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import energyprobe as ep, keras, numpy as np
def attempt():
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)], name="net")
    try:
        model.predict(np.ones((6, 7), "float32"), verbose=0, callbacks=[ep.KerasProbe()])
    except ep.RecordingError as error:
        print(error)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    attempt()
tf.compat.v1.disable_eager_execution()
attempt()
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-2:] == [
        "model 'net' runs on 2 replicas, which KerasProbe cannot record exactly; predict on one device",
        "eager execution is disabled in this process (tf.compat.v1.disable_eager_execution), and KerasProbe "
        "cannot record the other way in which Keras then runs a model; predict in another process",
    ]


def test_another_backend(keras, generation, model, monkeypatch):
    """No other one is installed here, so Keras only says that it has another."""
    if generation == 2:
        pytest.skip("Keras 2 has one backend")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ep.RecordingError) as caught:
        model.predict(X, verbose=0, callbacks=[ep.KerasProbe()])
    assert str(caught.value) == (
        "this model runs on Keras' jax backend, which KerasProbe cannot record exactly yet; set "
        "KERAS_BACKEND=tensorflow before Keras is imported and predict again."
    )
    monkeypatch.undo()
    assert_usable(model)


def test_the_public_name(keras):
    from energyprobe.frontends.keras.probe import KerasProbe

    assert issubclass(ep.KerasProbe, KerasProbe)
