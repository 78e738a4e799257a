"""KerasSpiking's layers: spikes, events and the synops that they drive, against what the layers gave out."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Filter, NeuronUpdate

SAMPLES, STEPS, INPUTS, NEURONS, UNITS = 5, 7, 3, 11, 4
DT = 0.1


@pytest.fixture(scope="module")
def keras():
    """The Keras that KerasSpiking works with: tf.keras of the second generation."""
    tf = pytest.importorskip("tensorflow")
    pytest.importorskip("keras_spiking")
    return tf.keras


def recorded(keras, activation, scale, **options):
    """A spiking layer between two dense ones: its trace, and what the spiking layer gave out."""
    import keras_spiking

    keras.utils.set_random_seed(3)
    spiking = keras_spiking.SpikingActivation(activation, dt=DT, seed=5, name="spikes")
    inputs = keras.Input((STEPS, INPUTS))
    sent = spiking(keras.layers.Dense(NEURONS, name="first")(inputs))
    outputs = keras.layers.Dense(UNITS, name="second")(sent)
    model = keras.Model(inputs, [outputs, sent])
    data = scale * np.random.RandomState(4).randn(SAMPLES, STEPS, INPUTS).astype("float32")
    probe = ep.KerasProbe(**options)
    _, sent = model.predict(data, batch_size=2, verbose=0, callbacks=[probe])
    return probe.trace, sent


@pytest.mark.oldest
@pytest.mark.parametrize("activation, scale", [("relu", 4), ("relu", 60), ("tanh", 9)])
def test_spikes_and_what_they_drive(keras, activation, scale):
    trace, sent = recorded(keras, activation, scale)
    spikes = np.rint(np.abs(sent) * DT)
    events = sent != 0
    if scale == 60:
        assert spikes.max() > 1  # several spikes in a timestep
    if activation == "tanh":
        assert sent.min() < 0  # spikes of either sign
    first, neurons, second = trace.calls
    seen = neurons.output
    assert (seen.spikes, seen.events) == (spikes.sum(), events.sum())
    assert list(seen.events_by_step) == list(events.sum(axis=(0, 2)))
    assert seen.sum_sq_events_per_sample == (events.sum(axis=(1, 2)) ** 2).sum()
    fired = np.unpackbits(np.frombuffer(seen.fired, np.uint8), bitorder="little")[:NEURONS]
    assert list(fired) == list(events.any(axis=(0, 1)))
    assert (neurons.dt, neurons.samples, neurons.timesteps) == (DT, SAMPLES, STEPS)
    assert (first.steps[0].use.spiking, second.steps[0].use.spiking) == (False, True)

    rows = ep.counts(trace).set_index("layer")
    assert rows.loc["second", "event_synops"] == events.sum() * UNITS
    assert rows.loc["second", "spike_synops"] == spikes.sum() * UNITS
    assert rows.loc["second", "dense_acs"] == SAMPLES * STEPS * NEURONS * UNITS
    assert rows.loc["first", "dense_macs"] == SAMPLES * STEPS * INPUTS * NEURONS
    assert rows.loc["spikes", "neuron_updates"] == SAMPLES * STEPS * NEURONS
    rate_hz = spikes.sum() / (SAMPLES * NEURONS * STEPS * DT)
    assert rows.loc["spikes", "output_firing_rate_hz"] == pytest.approx(rate_hz)
    assert rows.loc["spikes", "silent_fraction"] == pytest.approx(1 - events.any(axis=(0, 1)).mean())


def test_every_step_counts_where_only_the_last_is_returned(keras):
    import keras_spiking

    keras.utils.set_random_seed(3)

    def net(return_sequences):
        layer = keras_spiking.SpikingActivation("relu", dt=DT, seed=5, return_sequences=return_sequences)
        model = keras.Sequential([keras.Input((STEPS, INPUTS)), keras.layers.Dense(NEURONS), layer])
        model.set_weights([np.ones(weight.shape, "float32") for weight in model.get_weights()])
        return model

    data = 4 * np.random.RandomState(4).rand(SAMPLES, STEPS, INPUTS).astype("float32")
    every = net(True).predict(data, batch_size=SAMPLES, verbose=0)
    probe = ep.KerasProbe()
    last = net(False).predict(data, batch_size=SAMPLES, verbose=0, callbacks=[probe])
    assert np.array_equal(last, every[:, -1])
    assert probe.trace.calls[-1].output.events == np.count_nonzero(every)
    assert probe.trace.calls[-1].out_shape == (NEURONS,)


def test_filters_make_spikes_graded(keras):
    import keras_spiking

    model = keras.Sequential(
        [
            keras.Input((STEPS, INPUTS)),
            keras_spiking.SpikingActivation("relu", dt=DT, seed=5, name="spikes"),
            keras_spiking.Lowpass(0.2, dt=DT, name="lowpass"),
            keras_spiking.Alpha(0.2, dt=DT, name="alpha"),
            keras.layers.Dense(UNITS, name="dense"),
        ]
    )
    probe = ep.KerasProbe()
    model.predict(np.ones((SAMPLES, STEPS, INPUTS), "float32"), verbose=0, callbacks=[probe])
    rows = ep.counts(probe.trace).set_index("layer")
    # One state update for each order of the filter.
    assert rows.loc["lowpass", "elementwise_ops"] == SAMPLES * STEPS * INPUTS
    assert rows.loc["alpha", "elementwise_ops"] == 2 * SAMPLES * STEPS * INPUTS
    assert rows.loc["dense", "dense_macs"] == SAMPLES * STEPS * INPUTS * UNITS
    assert rows.loc["dense", "dense_acs"] == 0


@pytest.mark.oldest
@pytest.mark.parametrize("stacked", [False, True], ids=["a layer each", "in one layer"])
def test_cells_in_layers_of_keras(keras, stacked):
    import keras_spiking

    keras.utils.set_random_seed(3)
    cells = [
        keras_spiking.SpikingActivationCell((INPUTS,), "relu", dt=DT, seed=5, name="spikes"),
        keras_spiking.LowpassCell((INPUTS,), 0.2, dt=DT, name="lowpass"),
        keras_spiking.AlphaCell((INPUTS,), 0.2, dt=DT, name="alpha"),
    ]
    layers = [keras.layers.RNN(cell, return_sequences=True) for cell in ([cells] if stacked else cells)]
    inputs = keras.Input((STEPS, INPUTS))
    sent = made = layers[0](inputs)
    for layer in layers[1:]:
        made = layer(made)
    model = keras.Model(inputs, [keras.layers.Dense(UNITS, name="dense")(made), sent])
    model.compile(jit_compile=False)
    data = 4 * np.random.RandomState(4).rand(SAMPLES, STEPS, INPUTS).astype("float32")
    probe = ep.KerasProbe()
    _, sent = model.predict(data, batch_size=2, verbose=0, callbacks=[probe])
    steps = [step for call in probe.trace.calls for step in call.steps]
    updates = [step for step in steps if isinstance(step.operation, NeuronUpdate)]
    assert [step.operation for step in updates] == [NeuronUpdate(neuron="integrate-and-fire", neurons=INPUTS)]
    filters = [step.operation for step in steps if isinstance(step.operation, Filter)]
    assert filters == [
        Filter(function="lowpass", elements=INPUTS, order=1),
        Filter(function="alpha", elements=INPUTS, order=2),
    ]
    assert all(step.executions == SAMPLES * STEPS for step in steps)
    spiking = [call.output for call in probe.trace.calls if call.output_spiking]
    assert len(spiking) == 1
    if not stacked:
        assert spiking[0].events == np.count_nonzero(sent) > 0
        assert spiking[0].spikes == np.rint(sent * DT).sum()
    assert probe.trace.calls[-1].layer == "dense" and not probe.trace.calls[-1].steps[0].use.spiking
