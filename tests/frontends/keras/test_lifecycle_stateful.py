"""Stateful layers: what continues adds timesteps, not samples; what was reset starts new samples."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

SAMPLES, STEPS = 4, 3


@pytest.fixture
def data(random):
    """Three parts of the same sequences, ``(parts, samples, timesteps, inputs)``."""
    return random.randint(-2, 3, (3, SAMPLES, STEPS, 5)).astype("float32")


@pytest.fixture
def network(keras):
    def build(steps=STEPS, eagerly=False):
        inputs = keras.Input(batch_shape=(SAMPLES, steps, 5))
        hidden = keras.layers.LSTM(6, stateful=True, name="lstm")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(2, name="last")(hidden), name="net")
        model.compile(loss="mse", run_eagerly=eagerly)
        return model

    return build


def reset(model):
    layer = model.get_layer("lstm")
    (layer.reset_state if hasattr(layer, "reset_state") else layer.reset_states)()


def run(model, x, *callbacks):
    return model.predict(x, batch_size=SAMPLES, verbose=0, callbacks=list(callbacks))


def assert_continued(trace, parts, samples):
    """All the timesteps and events of some parts, of so many samples."""
    lstm, last = trace.calls
    events = int(sum((part != 0).sum() for part in parts))
    runs = sum(part.shape[0] for part in parts)
    timesteps = sum(part.shape[0] * part.shape[1] for part in parts)
    assert trace.samples == lstm.samples == last.samples == samples
    assert lstm.sample_steps == timesteps
    assert last.sample_steps == runs
    read = lstm.steps[0].use
    assert read.activity.events == events
    assert read.activity.samples == samples
    assert read.fanout_events == events * 4 * 6
    if samples < runs:
        assert read.activity.sum_sq_events_per_sample is None
    elif len(parts) == 1:
        assert read.activity.sum_sq_events_per_sample == ((parts[0] != 0).sum(axis=(1, 2)) ** 2).sum()
    if read.activity.events_by_step is not None:
        assert sum(read.activity.events_by_step) == events
        assert sum(read.activity.samples_by_step) == timesteps


@pytest.mark.oldest
@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_batches_of_one_run_continue(network, data, eagerly):
    model, probe = network(eagerly=eagerly), ep.KerasProbe()
    reset(model)
    plain = run(model, np.concatenate(data))
    reset(model)
    assert np.array_equal(run(model, np.concatenate(data), probe), plain)
    assert_continued(probe.trace, data, SAMPLES)
    assert probe.trace.calls[0].timesteps == 3 * STEPS


@pytest.mark.parametrize("eagerly", [False, True], ids=["graph", "eager"])
def test_batches_that_a_callback_resets_do_not(keras, network, data, eagerly):
    class Reset(keras.callbacks.Callback):
        at = ()

        def on_predict_batch_begin(self, batch, logs=None):
            if batch in self.at:
                reset(self.model)

    model, probe, resetting = network(eagerly=eagerly), ep.KerasProbe(), Reset()
    for at, samples in (((0, 1, 2), 3 * SAMPLES), ((0, 2), 2 * SAMPLES), ((0,), SAMPLES), ((), SAMPLES)):
        resetting.at = at
        run(model, np.concatenate(data), resetting, probe)
        assert_continued(probe.trace, data, samples)


@pytest.mark.oldest
def test_runs_continue_where_they_accumulate(network, data):
    model, probe, anew = network(), ep.KerasProbe(accumulate=True), ep.KerasProbe()
    reset(model)
    for number, part in enumerate(data, 1):
        run(model, part, probe, anew)
        assert_continued(probe.trace, data[:number], SAMPLES)
        assert_continued(anew.trace, [part], SAMPLES)


def test_runs_that_were_reset_add_samples(network, data):
    model, probe = network(), ep.KerasProbe(accumulate=True)
    for number, part in enumerate(data, 1):
        reset(model)
        run(model, part, probe)
        assert_continued(probe.trace, data[:number], number * SAMPLES)
    run(model, data[0], probe)
    assert_continued(probe.trace, [*data, data[0]], 3 * SAMPLES)


def test_evaluating_continues_what_was_predicted(network, data):
    model, probe = network(), ep.KerasProbe(accumulate=True)
    reset(model)
    run(model, data[0], probe)
    targets = np.zeros((SAMPLES, 2), "float32")
    model.evaluate(data[1], targets, batch_size=SAMPLES, verbose=0, callbacks=[probe])
    assert_continued(probe.trace, data[:2], SAMPLES)


def test_parts_of_different_lengths(network, data):
    """The function is traced for each length, or for any: the samples are the same all the same."""
    model, probe = network(steps=None), ep.KerasProbe(accumulate=True)
    parts = [data[0], data[1][:, :1], data[2][:, :2]]
    reset(model)
    for part in parts:
        run(model, part, probe)
    assert_continued(probe.trace, parts, SAMPLES)
    again = ep.KerasProbe()
    reset(model)
    model.predict(((part,) for part in parts), steps=3, verbose=0, callbacks=[again])
    assert_continued(again.trace, parts, SAMPLES)


def test_both_directions(keras, data):
    inputs = keras.Input(batch_shape=(SAMPLES, STEPS, 5))
    hidden = keras.layers.Bidirectional(keras.layers.GRU(6, stateful=True))(inputs)
    model, probe = keras.Model(inputs, hidden), ep.KerasProbe()
    run(model, np.concatenate(data), probe)
    assert probe.trace.samples == SAMPLES


def test_layers_without_state_count_every_batch(keras, data):
    inputs = keras.Input(batch_shape=(SAMPLES, STEPS, 5))
    model, probe = (
        keras.Model(inputs, keras.layers.LSTM(6, name="lstm")(inputs)),
        ep.KerasProbe(accumulate=True),
    )
    for number in (1, 2):
        run(model, np.concatenate(data), probe)
        assert probe.trace.samples == probe.trace.calls[0].samples == number * 3 * SAMPLES
