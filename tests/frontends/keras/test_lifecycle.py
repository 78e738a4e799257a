"""After a run with a probe, and during it, the model is what it was."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import energyprobe as ep

RUNS = ("predict", "evaluate")


@pytest.fixture
def data(random):
    """Inputs ``(11, 7)`` and targets ``(11, 3)``."""
    return random.standard_normal((11, 7)).astype("float32"), random.randint(0, 2, (11, 3)).astype("float32")


@pytest.fixture
def network(keras):
    """A compiled model, and a list that grows whenever Keras traces (or runs) its layers in Python."""

    def build():
        traced = []

        class Watched(keras.layers.Dense):
            def call(self, inputs):
                traced.append(inputs.shape)
                return super().call(inputs)

        keras.utils.set_random_seed(3)
        inputs = keras.Input((7,))
        hidden = Watched(5, activation="relu", name="watched")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3, name="last")(hidden), name="net")
        model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
        traced.clear()
        return model, traced

    return build


def run(model, data, mode, *callbacks):
    arguments = {"batch_size": 4, "verbose": 0, "callbacks": list(callbacks)}
    return model.predict(data[0], **arguments) if mode == "predict" else model.evaluate(*data, **arguments)


def belongings(model):
    """Everything that a model holds; Keras makes a new history in each run."""
    return {name: id(value) for name, value in vars(model).items() if name != "history"}


@pytest.mark.oldest
@pytest.mark.parametrize("mode", RUNS)
def test_the_model_holds_what_it_held(network, data, mode):
    model, _ = network()
    run(model, data, mode)
    before = belongings(model)
    counts = len(getattr(model, "_obj_reference_counts", ()))
    run(model, data, mode, ep.KerasProbe())
    assert belongings(model) == before
    assert len(getattr(model, "_obj_reference_counts", ())) == counts


@pytest.mark.parametrize("mode", RUNS)
def test_a_model_that_never_ran_holds_no_function(network, data, mode):
    model, _ = network()
    run(model, data, mode, ep.KerasProbe())
    assert model.predict_function is None
    assert model.test_function is None
    assert not [name for name in vars(model) if name.startswith("make_")]


@pytest.mark.oldest
@pytest.mark.parametrize("mode", RUNS)
def test_nothing_is_traced_twice(network, data, mode):
    model, traced = network()
    plain = run(model, data, mode)
    probe = ep.KerasProbe()
    run(model, data, mode, probe)
    first = probe.trace
    traced.clear()
    assert np.array_equal(run(model, data, mode), plain)
    assert np.array_equal(run(model, data, mode, probe), plain)
    assert traced == []
    assert probe.trace == first


@pytest.mark.oldest
def test_classes_are_as_before(keras, network, data):
    classes = [keras.layers.Layer, *([keras.Operation] if hasattr(keras, "Operation") else [])]
    before = [vars(cls)["__call__"] for cls in classes]
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            seen.append([vars(cls)["__call__"] for cls in classes])

    model, _ = network()
    run(model, data, "predict", ep.KerasProbe(), Watch())
    assert [vars(cls)["__call__"] for cls in classes] == before
    assert seen == [before] * 3, "between batches the classes are untouched too"


@pytest.mark.parametrize("mode", RUNS)
def test_training_goes_on_as_without(network, data, mode):
    weights = []
    for callbacks in ([], [ep.KerasProbe()]):
        model, _ = network()
        model.fit(*data, epochs=2, batch_size=4, shuffle=False, verbose=0)
        run(model, data, mode, *callbacks)
        model.fit(*data, epochs=2, batch_size=4, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    assert all(map(np.array_equal, *weights))


def test_compiling_goes_on_as_without(network, data):
    model, _ = network()
    probe = ep.KerasProbe()
    run(model, data, "evaluate", probe)
    before = probe.trace
    model.compile(loss="mae")
    plain = run(model, data, "evaluate")
    assert run(model, data, "evaluate", probe) == plain, "the new loss, not the one that was traced"
    assert probe.trace == before


def test_other_layers_are_seen(keras, data):
    """A model that got another layer is not recorded with the function of the old one."""
    layers = [keras.layers.Dense(5, name="first"), keras.layers.Dense(3, name="last")]
    model = keras.Sequential([keras.Input((7,)), *layers])
    probe = ep.KerasProbe()
    model.predict(data[0], verbose=0, callbacks=[probe])
    model.pop()
    model.add(keras.layers.Dense(2, name="last"))
    model.compile()
    plain = model.predict(data[0], verbose=0)
    assert np.array_equal(model.predict(data[0], verbose=0, callbacks=[probe]), plain)
    assert [call.steps[0].operation.units for call in probe.trace.calls] == [5, 2]


class Saving:
    """Saves and copies a model, in every way that its Keras knows."""

    def __init__(self, keras, folder):
        self.keras = keras
        self.names = ["model.keras", "model.h5", "weights.weights.h5"]
        self.names += [] if hasattr(keras, "Operation") else ["saved_model"]
        self.folder = folder

    def __call__(self, model):
        made = {"copy": copy.deepcopy(model)}
        for name in self.names:
            path = str(self.folder / name)
            if "weights" in name:
                model.save_weights(path)
            else:
                model.save(path)
                made[name] = self.keras.models.load_model(path, compile=False)
        return made


# Keras says that HDF5 is old, and its variables that they know no copies (NumPy 2).
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("when", ["after", "during"])
def test_saving_and_copying(keras, tmp_path, data, when):
    layers = [keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((7,)), *layers])
    model.compile(loss="mse")
    plain = run(model, data, "predict")
    save, made = Saving(keras, tmp_path), {}

    class During(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            made.update(made or save(self.model))

    probe = ep.KerasProbe()
    outputs = run(model, data, "predict", probe, *([During()] if when == "during" else []))
    assert np.array_equal(outputs, plain)
    assert probe.trace.samples == 11
    for name, loaded in (made or save(model)).items():
        assert np.array_equal(run(loaded, data, "predict"), plain), name
        again = ep.KerasProbe()
        assert np.array_equal(run(loaded, data, "predict", again), plain), name
        assert [call.steps for call in again.trace.calls] == [call.steps for call in probe.trace.calls], name
    assert np.array_equal(run(model, data, "predict"), plain)
