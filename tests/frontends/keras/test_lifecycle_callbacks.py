"""Other callbacks, or other uses of the model, break off a run: the probe says so, and the model heals."""

from __future__ import annotations

import signal

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


@pytest.fixture(scope="module")
def model(keras):
    """One for all tests: each leaves it as it was."""
    layers = [keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((7,)), *layers])
    model.compile(loss="mse", jit_compile=False)
    return model


HOOKS = ["set_model", "on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end"]


def broken_callback(keras, hook, error):
    def fail(self, *args, **kwargs):
        raise error

    return type("Broken", (keras.callbacks.Callback,), {hook: fail})()


@pytest.mark.oldest
@pytest.mark.parametrize("first", [True, False], ids=["before the probe", "after the probe"])
@pytest.mark.parametrize("hook", HOOKS)
def test_error_in_another_callback(keras, model, data, hook, first, predict, healthy_of, assert_aborted):
    healthy, probe = healthy_of(model, data), ep.KerasProbe()
    callbacks = [probe, broken_callback(keras, hook, RuntimeError("in a callback"))]
    with pytest.raises(RuntimeError, match="in a callback"):
        predict(model, data, *(reversed(callbacks) if first else callbacks))
    if hook == "on_predict_end" and not first:
        assert probe.trace == healthy.trace, "the run had come to its end before"
    elif hook == "set_model" or (hook == "on_predict_begin" and first):
        with pytest.raises(ep.RecordingError, match="has recorded no run"):
            _ = probe.trace
    else:
        assert_aborted(probe)
    healthy.assert_again(probe)


@pytest.mark.parametrize("hook", ["on_predict_begin", "on_predict_batch_end"])
def test_a_probed_run_heals_as_well(keras, model, data, hook, predict, healthy_of, assert_aborted):
    """Directly after the run that broke off, with the same probes, with others, and in another order."""
    healthy, one, two = healthy_of(model, data), ep.KerasProbe(), ep.KerasProbe(detail="values")
    for probes in ([one, two], [two, one], [one], [ep.KerasProbe(), one]):
        with pytest.raises(RuntimeError, match="in a callback"):
            predict(model, data, one, two, broken_callback(keras, hook, RuntimeError("in a callback")))
        assert_aborted(one, two)
        assert np.array_equal(predict(model, data, *probes), healthy.outputs)
        for probe in probes:
            if probe is two:
                assert probe.trace.options["detail"] == "values"
                assert [each.key for each in probe.trace.calls] == [each.key for each in healthy.trace.calls]
            else:
                assert probe.trace == healthy.trace
        for probe in {one, two} - set(probes):
            assert_aborted(probe)
    healthy.assert_again(one)


@pytest.mark.parametrize("use", ["evaluate", "predict_on_batch", "test_on_batch", "fit", "compile"])
def test_any_next_use_heals(keras, model, data, targets, use, predict, healthy_of, assert_aborted):
    healthy, probe = healthy_of(model, data), ep.KerasProbe()
    with pytest.raises(RuntimeError, match="in a callback"):
        predict(
            model, data, probe, broken_callback(keras, "on_predict_batch_end", RuntimeError("in a callback"))
        )
    if use == "predict_on_batch":
        assert np.array_equal(model.predict_on_batch(data[:BATCH]), healthy.outputs[:BATCH])
    elif use == "fit":
        model.fit(data, targets, validation_data=(data, targets), verbose=0)
        healthy = healthy_of(model, data)
    elif use == "compile":
        model.compile(loss="mae")
        healthy = healthy_of(model, data)
    else:
        getattr(model, use)(data, targets, verbose=0) if use == "evaluate" else model.test_on_batch(
            data, targets
        )
        healthy.held = (healthy.held[0], vars(model)["test_function"], [])
        assert healthy.held[1] is not None
    assert_aborted(probe)
    healthy.assert_again(probe)


def test_control_c(keras, model, data, predict, healthy_of, assert_aborted):
    class Interrupt(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            signal.raise_signal(signal.SIGINT)

    healthy = healthy_of(model, data)
    with pytest.raises(KeyboardInterrupt):
        predict(model, data, Interrupt(), healthy.probe)
    assert_aborted(healthy.probe)
    healthy.assert_again()


def test_a_run_within_a_run(keras, model, data, predict, healthy_of, assert_aborted):
    """Another use of the model while it is recorded: never the trace of a part."""

    class Within(keras.callbacks.Callback):
        outputs = None

        def on_predict_batch_end(self, batch, logs=None):
            if self.outputs is None:
                self.outputs = self.model.predict_on_batch(data[:BATCH])

    healthy, within = healthy_of(model, data), Within()
    assert np.array_equal(predict(model, data, healthy.probe, within), healthy.outputs)
    assert np.array_equal(within.outputs, healthy.outputs[:BATCH])
    assert_aborted(healthy.probe)
    healthy.assert_again(healed=True)


def test_a_recorded_run_within_a_recorded_run(
    keras, model, data, targets, predict, healthy_of, assert_aborted
):
    inner = ep.KerasProbe()

    class Within(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            predict(self.model, data, inner)

    healthy, outer = healthy_of(model, data), ep.KerasProbe()
    loss = model.evaluate(data, targets, batch_size=BATCH, verbose=0)
    held = vars(model)["test_function"]
    arguments = {"batch_size": BATCH, "verbose": 0, "callbacks": [outer, Within()]}
    assert model.evaluate(data, targets, **arguments) == loss
    assert_aborted(outer)
    assert inner.trace == healthy.trace
    assert vars(model)["test_function"] is held
