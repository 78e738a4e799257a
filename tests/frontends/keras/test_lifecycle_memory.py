"""A probe keeps no model alive, a model keeps no probe, and neither keeps what it traced."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.frontends.keras.recorder import Recorder

X = np.ones((5, 7), "float32")


def sequential(keras):
    layers = [keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((7,)), *layers])


def nested(keras):
    inputs = keras.Input((7,))
    return keras.Model(inputs, keras.layers.Dense(3)(sequential(keras)(inputs)))


def subclassed(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(3)

        def call(self, inputs):
            return self.inner(inputs) @ np.ones((3, 2), "float32")

    model = Net()
    model(X)
    return model


def looped(keras):
    cell = keras.layers.RNN([keras.layers.LSTMCell(3), keras.layers.GRUCell(2)])
    shaped = keras.layers.Reshape((7, 1))
    einsum = keras.layers.EinsumDense("abc,cd->abd", output_shape=(None, 4))
    return keras.Sequential([keras.Input((7,)), shaped, einsum, cell])


def with_a_layer_that_knows_its_model(keras):
    known = []
    model = keras.Sequential(
        [keras.Input((7,)), keras.layers.Lambda(lambda x: x * len(known)), *sequential(keras).layers]
    )
    known.append(model)
    return model


def use(model, *probes, eagerly=False):
    model.compile(loss="mse", run_eagerly=eagerly, jit_compile=False)
    model.predict(X, verbose=0, callbacks=list(probes))
    targets = np.zeros((5, *model.output_shape[1:]), "float32") if hasattr(model, "output_shape") else None
    if targets is not None:
        model.evaluate(X, targets, verbose=0, callbacks=list(probes))


BUILDERS = [sequential, nested, subclassed, looped, with_a_layer_that_knows_its_model]


@pytest.mark.oldest
@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_a_used_probe_keeps_no_model_alive(keras, build):
    probe, model = ep.KerasProbe(), build(keras)
    use(model, probe)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert probe.trace.samples == 5


def test_an_eager_run_keeps_no_model_alive(keras):
    probe, model = ep.KerasProbe(), sequential(keras)
    use(model, probe, eagerly=True)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.oldest
def test_a_run_that_broke_off_keeps_no_model_alive(keras):
    class Broken(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            raise RuntimeError("in a callback")

    probe, model = ep.KerasProbe(), sequential(keras)
    with pytest.raises(RuntimeError, match="in a callback"):
        model.predict(X, verbose=0, callbacks=[probe, Broken()])
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def recorders():
    # Twice: what goes with a probe or a model is in circles of its own.
    gc.collect()
    gc.collect()
    return [weakref.ref(each) for each in gc.get_objects() if type(each) is Recorder]


@pytest.mark.oldest
@pytest.mark.parametrize("dropped", ["probe", "model"])
def test_what_was_traced_goes_with_the_probe_or_the_model(keras, dropped):
    before = recorders()
    held = {"probe": ep.KerasProbe(), "model": sequential(keras)}
    use(held["model"], held["probe"])
    made = [each for each in recorders() if each not in before]
    functions = [weakref.ref(each()._function) for each in made]
    assert len(functions) == 2, "one for predict, one for evaluate"
    del held[dropped]
    assert recorders() == before
    assert [each() for each in functions] == [None, None]
    assert "model" not in held or held["model"].predict(X, verbose=0).shape == (5, 3)
    assert "probe" not in held or held["probe"].trace.samples == 5
