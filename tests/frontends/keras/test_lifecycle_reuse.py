"""One probe for several runs and models, several probes for one run, and weights that change in between."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep


@pytest.fixture
def data(random):
    return random.randint(-2, 3, (12, 7)).astype("float32")


@pytest.fixture
def network(keras, random):
    def build(units=5):
        layers = [
            keras.layers.Dense(units, activation="relu", name="first"),
            keras.layers.Dense(3, name="last"),
        ]
        model = keras.Sequential([keras.Input((7,)), *layers])
        model.compile(loss="mse", jit_compile=False)
        model.set_weights([random.randint(1, 4, each.shape) for each in model.get_weights()])
        return model

    return build


@pytest.fixture
def recorded(predict):
    """Trace of one run with a new probe."""

    def run(model, x, **options):
        probe = ep.KerasProbe(**options)
        predict(model, x, probe)
        return probe.trace

    return run


@pytest.mark.oldest
def test_a_probe_starts_anew(network, data, predict, recorded):
    model, probe = network(), ep.KerasProbe()
    for x in (data, data[:5], data[3:]):
        predict(model, x, probe)
        assert probe.trace == recorded(model, x)
        assert probe.trace.samples == len(x)


@pytest.mark.oldest
def test_a_probe_accumulates(network, data, predict, recorded):
    model, probe = network(), ep.KerasProbe(accumulate=True)
    predict(model, data[:4], probe)
    predict(model, data[4:], probe)
    assert probe.trace == recorded(model, data)
    model.evaluate(data, np.zeros((12, 3), "float32"), batch_size=4, verbose=0, callbacks=[probe])
    assert probe.trace == recorded(model, np.concatenate([data, data]))


def test_what_is_accumulated_outlives_a_run_that_broke_off(
    keras, network, data, predict, recorded, assert_aborted
):
    class Broken(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            raise RuntimeError("in a callback")

    model, probe = network(), ep.KerasProbe(accumulate=True)
    predict(model, data[:4], probe)
    with pytest.raises(RuntimeError, match="in a callback"):
        predict(model, data, probe, Broken())
    assert_aborted(probe)
    predict(model, data[4:], probe)
    assert probe.trace == recorded(model, data)


def test_accumulating_refuses_other_weights_and_keeps_what_it_has(network, data, predict):
    model, probe = network(), ep.KerasProbe(accumulate=True)
    predict(model, data, probe)
    before = probe.trace
    model.set_weights([each + 1 for each in model.get_weights()])
    with pytest.raises(ep.RecordingError, match="is another one or has other weights since; use a new probe"):
        predict(model, data, probe)
    assert probe.trace == before
    assert len(predict(model, data)) == 12
    with pytest.raises(ep.RecordingError, match="is another one or has other weights since; use a new probe"):
        predict(network(4), data, probe)


def test_evaluate_after_predict(network, data, predict):
    model, probe = network(), ep.KerasProbe()
    predict(model, data, probe)
    predicted = probe.trace
    for _ in range(2):
        model.evaluate(data, np.zeros((12, 3), "float32"), batch_size=4, verbose=0, callbacks=[probe])
        assert probe.trace == predicted
        predict(model, data, probe)
        assert probe.trace == predicted


@pytest.mark.oldest
@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_two_probes_on_one_model(network, data, predict, recorded, eagerly):
    model = network()
    model.compile(run_eagerly=eagerly)
    options = [{}, {}, {"detail": "neurons"}, {"detail": ["neurons", "values"], "notes": "second"}]
    probes = [ep.KerasProbe(**each) for each in options]
    plain = predict(model, data)
    for number in (1, 2, 3):
        assert np.array_equal(predict(model, data, probes[0], probes[number]), plain)
        assert probes[0].trace == recorded(model, data)
        assert probes[number].trace == recorded(model, data, **options[number])
    assert probes[3].trace.notes == ("second",)


@pytest.mark.oldest
def test_one_probe_on_two_models(network, data, predict, recorded):
    models, probe = [network(5), network(4)], ep.KerasProbe()
    for model in models * 2:
        predict(model, data, probe)
        assert probe.trace == recorded(model, data)


def test_functions_are_traced_once_for_each_model_and_way(keras, data, predict):
    traced = []

    class Watched(keras.layers.Dense):
        def call(self, inputs):
            traced.append(self.name)
            return super().call(inputs)

    models = [keras.Sequential([keras.Input((7,)), Watched(3, name=name)]) for name in ("one", "two")]
    for model in models:
        model.compile(loss="mse", jit_compile=False)
    traced.clear()
    probe = ep.KerasProbe()
    for _ in range(3):
        for model in models:
            predict(model, data, probe)
    assert traced == ["one", "two"]
    for _ in range(2):
        models[0].evaluate(data, data[:, :3], batch_size=4, verbose=0, callbacks=[probe])
    assert traced == ["one", "two", "one"]
    for _ in range(2):
        predict(models[1], data, probe, ep.KerasProbe(detail="neurons"))
        predict(models[0], data, probe)
    assert traced == ["one", "two", "one", "two"]


@pytest.mark.oldest
def test_weights_pruned_and_grown_between_two_runs(network, data, predict):
    model, probe = network(), ep.KerasProbe()
    kernel, bias = model.get_layer("first").get_weights()
    for zeroed in ((), ((0, 1), (3, 4), (6, 2)), ((0, 1), (0, 2)), ()):
        pruned = kernel.copy()
        for place in zeroed:
            pruned[place] = 0
        model.get_layer("first").set_weights([pruned, bias])
        predict(model, data, probe)
        step = probe.trace.calls[0].steps[0]
        assert step.weight_nonzeros == 35 - len(zeroed)
        # one connection for each event and unit, and for each event and unit of non-zero weight
        assert step.use.fanout_events == (data != 0).sum() * 5
        assert step.use.effective_events == ((data != 0) @ (pruned != 0).astype(int)).sum()
