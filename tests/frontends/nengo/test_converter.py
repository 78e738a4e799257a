"""Converted Keras models: the counts that they have in Keras, under the names of their layers."""

from __future__ import annotations

import keras_spiking
import nengo
import nengo_dl
import numpy as np
import pytest
import tensorflow as tf

from energyprobe import KerasProbe, NengoProbe, report
from energyprobe.counting.table import count
from energyprobe.trace.operations import Conv, Elementwise, Filter, Free, Pool, Uncounted

layers = tf.keras.layers

FILTERS, CLASSES, STEPS = 3, 4, 15


@pytest.fixture
def images(random):
    return (random.uniform(0, 1, (4, 7, 5, 2)) * random.randint(0, 2, (4, 7, 5, 2))).astype(np.float32)


def cnn(pooling: bool):
    """Layers whose activation is tf.nn.relu: Converter swaps the function, and not its name."""
    tf.keras.utils.set_random_seed(1)
    image = tf.keras.Input((7, 5, 2), name="image")
    x = layers.Conv2D(FILTERS, (3, 2), strides=(2, 1), activation=tf.nn.relu, name="conv")(image)
    if pooling:
        x = layers.AveragePooling2D((1, 2), name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return tf.keras.Model(image, layers.Dense(CLASSES, activation=tf.nn.relu, name="dense")(x), name="cnn")


def synops(trace, reading="literal"):
    """Dense, event and effective synops, MACs and ACs apart, of each layer that has any."""
    rows = count(trace, reading).rows
    return {
        row.call.origin or row.call.layer: (
            row.counts.dense_synops,
            row.counts.event_macs,
            row.counts.event_acs,
            row.counts.effective_synops,
        )
        for row in rows
        if row.counts.dense_synops
    }


def over_time(images, steps=1):
    return np.repeat(images.reshape(len(images), 1, -1), steps, axis=1)


def test_rates_count_as_in_keras_and_as_written_in_nengo(images, simulator) -> None:
    model = cnn(pooling=False)
    keras_probe = KerasProbe()
    model.predict(images, callbacks=[keras_probe], verbose=0)

    converter = nengo_dl.Converter(model)
    sim = simulator(converter.net, minibatch_size=2)
    with NengoProbe(sim) as converted:
        sim.predict({converter.inputs[model.input]: over_time(images)}, verbose=0)

    kernel, bias = model.get_layer("conv").get_weights()
    weights, offsets = model.get_layer("dense").get_weights()
    rate = nengo.RectifiedLinear()
    with nengo.Network(seed=0) as net:
        pixels = nengo.Node(np.zeros(70))
        transform = nengo.Convolution(FILTERS, (7, 5, 2), kernel_size=(3, 2), strides=(2, 1), init=kernel)
        conv = nengo.Ensemble(
            36, 1, neuron_type=rate, gain=np.ones(36), bias=np.tile(bias, 12), label="conv"
        ).neurons
        dense = nengo.Ensemble(
            CLASSES, 1, neuron_type=rate, gain=np.ones(CLASSES), bias=offsets, label="dense"
        ).neurons
        nengo.Connection(pixels, conv, transform=transform, synapse=None, label="conv weights")
        nengo.Connection(conv, dense, transform=weights.T, synapse=None, label="dense weights")
    sim = simulator(net, minibatch_size=2)
    with NengoProbe(sim) as written:
        sim.predict({pixels: over_time(images)}, verbose=0)

    in_keras = synops(keras_probe.trace)
    # 3 x 4 positions, 3 filters, 3 x 2 x 2 taps; and 36 x 4 weights; for 4 images.
    assert {name: counts[0] for name, counts in in_keras.items()} == {
        "conv": 4 * 12 * 3 * 12,
        "dense": 4 * 36 * 4,
    }
    assert 0 < in_keras["dense"][1] < in_keras["dense"][0]
    assert synops(converted.trace) == in_keras
    assert synops(written.trace) == {f"{name} weights": counts for name, counts in in_keras.items()}


def test_spikes_count_as_in_keras_spiking(random, simulator) -> None:
    """Each sample of a batch of one starts from the same state, as converted samples do."""
    steps = 20
    values = tf.keras.Input((steps, 5), name="values")
    x = layers.Dense(7, name="first")(values)
    x = keras_spiking.SpikingActivation("relu", spiking_aware_training=False, seed=0, name="spikes")(x)
    model = tf.keras.Model(values, layers.Dense(3, name="second")(x))
    model.get_layer("first").set_weights([random.uniform(-300, 900, (5, 7)), np.ones(7)])
    x = random.uniform(0, 1, (4, steps, 5)).astype(np.float32)
    keras_probe = KerasProbe()
    model.predict(x, batch_size=1, callbacks=[keras_probe], verbose=0)

    converter = nengo_dl.Converter(model, temporal_model=True, inference_only=True)
    sim = simulator(converter.net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        sim.predict({converter.inputs[values]: x}, verbose=0)

    def spiking(trace):
        (call,) = [each for each in trace.calls if each.output_spiking and each.reading == "literal"]
        return call

    in_keras, converted = spiking(keras_probe.trace), spiking(probe.trace)
    assert converted.origin == "spikes"
    assert in_keras.output.spikes > in_keras.output.events > 0
    for fact in ("elements", "events", "spikes", "samples", "sum_sq_events_per_sample", "amplitude", "fired"):
        assert getattr(converted.output, fact) == pytest.approx(getattr(in_keras.output, fact)), fact
    assert converted.timesteps == in_keras.timesteps == steps
    assert synops(probe.trace) == synops(probe.trace, "folded") == synops(keras_probe.trace)
    assert count(probe.trace).total("neuron_updates") == count(keras_probe.trace).total("neuron_updates")


def test_a_spiking_cnn_with_scaled_rates_and_pooling(images, simulator, find) -> None:
    model = cnn(pooling=True)
    converter = nengo_dl.Converter(
        model,
        swap_activations={tf.nn.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=5000,
        synapse=0.005,
        inference_only=True,
    )
    with converter.net:
        spikes = nengo.Probe(converter.layers[model.get_layer("conv")])
        pooled = nengo.Probe(converter.layers[model.get_layer("pool")])
    sim = simulator(converter.net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        output = sim.predict({converter.inputs[model.input]: over_time(images, STEPS)}, verbose=0)
    trace = probe.trace

    # A spike has the value amplitude / dt = (1 / 5000) / 0.001.
    fired = np.rint(output[spikes] / 0.2)
    activity = find(trace, "conv.0").output
    assert activity.amplitude == pytest.approx(0.2)
    assert activity.spikes == fired.sum() > activity.events == np.count_nonzero(fired) > 0

    runs = len(images) * STEPS
    literal, folded = (
        {
            row.call.origin: row
            for row in count(trace, reading).rows
            if row.counts.dense_synops and row.call.type == "Connection"
        }
        for reading in ("literal", "folded")
    )
    assert set(literal) == {"conv", "pool", "dense"}
    # 3 x 4 x 3 neurons, each in one pooling window of 1 x 2; 3 x 2 x 3 pooled values, 4 classes.
    pool, dense = literal["pool"], literal["dense"]
    assert isinstance(pool.call.steps[0].operation, Conv)
    assert pool.counts.dense_acs == runs * 36
    assert (pool.counts.event_acs, pool.counts.spike_synops) == (activity.events, activity.spikes)
    assert Filter(function="lowpass", elements=18, order=1) in [step.operation for step in pool.call.steps]
    assert (dense.counts.dense_macs, dense.counts.dense_acs) == (runs * 18 * 4, 0)
    assert dense.counts.event_macs == 4 * np.count_nonzero(output[pooled])
    # Composed, each neuron feeds all classes.
    assert set(folded) == {"conv", "dense"}
    assert folded["dense"].call.path == "conv.0 -> dense.0"
    assert folded["dense"].counts.connections == 36 * 4
    assert folded["dense"].counts.event_acs == 4 * activity.events
    assert folded["dense"].counts.spike_synops == 4 * activity.spikes


def test_every_call_of_a_converted_network_has_an_origin(images, simulator) -> None:
    model = cnn(pooling=True)
    converter = nengo_dl.Converter(model, inference_only=True)
    sim = simulator(converter.net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        sim.predict({converter.inputs[model.input]: over_time(images)}, verbose=0)
    origins = {call.path: call.origin for call in probe.trace.calls if call.reading == "literal"}
    assert origins == {
        "conv.0.bias -> conv.0.bias_relay": "conv",
        "conv.0.bias_relay": "conv",
        "conv.0.bias_relay -> conv.0": "conv",
        "image -> conv.0": "conv",
        "conv.0": "conv",
        "conv.0 -> pool.0": "pool",
        "pool.0": "pool",
        "pool.0 -> dense.0": "dense",
        "dense.0": "dense",
    }
    lines = [line.split() for line in str(report(probe.trace, "cpu")).splitlines()]
    assert ["layer", "type", "origin", "calls", "output", "params"] in lines
    for row in (["conv.0", "Ensemble", "conv"], ["pool.0", "Node", "pool"], ["dense.0", "Ensemble", "dense"]):
        assert any(line[:3] == row for line in lines)
    operations = {
        call.path: [step.operation for step in call.steps]
        for call in probe.trace.calls
        if call.reading == "literal"
    }
    assert operations["conv.0.bias -> conv.0.bias_relay"] == [Free(reason="constant: a part of a bias")]
    assert operations["conv.0.bias_relay -> conv.0"] == [Elementwise(function="bias", elements=36)]
    assert not any(isinstance(each, Pool) for steps in operations.values() for each in steps)


def test_layers_that_stay_keras_layers_are_counted_by_their_rule(images, simulator, find) -> None:
    image = tf.keras.Input((7, 5, 2))
    x = layers.Conv2D(3, 3, activation=tf.nn.relu, name="conv")(image)
    model = tf.keras.Model(image, layers.MaxPool2D(2, name="max")(x))
    with pytest.warns(UserWarning, match="Falling back to TensorNode"):
        converter = nengo_dl.Converter(model)
    sim = simulator(converter.net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        sim.predict({converter.inputs[image]: over_time(images)}, verbose=0)
    call = find(probe.trace, "max")
    assert (call.fate, call.origin, call.type) == ("counted", "max", "TensorNode")
    # 5 x 3 x 3 values: 2 x 1 windows of 2 x 2 in each of 3 channels.
    assert [step.operation for step in call.steps] == [
        Pool(method="max", taps=2 * 1 * 4 * 3, outputs=2 * 1 * 3)
    ]


def inside(layer):
    """A layer in a TensorNode that is given one value after another."""
    with nengo.Network(seed=0) as net:
        net.source = nengo.Node(np.zeros(24))
        nengo.Ensemble(1, 1)
        net.node = nengo_dl.Layer(layer)(net.source, shape_in=(4, 3, 2), synapse=None)
        net.node.label = "inside"
        nengo.Probe(net.node)
    return net


def test_synops_of_layers_inside_of_tensor_nodes(simulator, random) -> None:
    """Brute force: each non-zero input on its own, through the same layer with all its weights 1."""
    x = random.uniform(-1, 1, (2, 6, 24)) * random.randint(0, 2, (2, 6, 24))
    for layer, bias in (
        (layers.Conv2D(5, (2, 3), strides=(2, 1), padding="same", name="conv"), 2 * 3 * 5),
        (layers.Dense(5, use_bias=False), 0),
    ):
        net = inside(layer)
        sim = simulator(net, minibatch_size=2)
        with NengoProbe(sim) as probe:
            sim.predict({net.source: x}, verbose=0)
        ones = layer.__class__.from_config(
            {**layer.get_config(), "use_bias": False, "kernel_initializer": "ones"}
        )
        fanout = np.count_nonzero(ones(np.eye(24).reshape(24, 4, 3, 2)), axis=(1, 2, 3))
        (row,) = [each for each in count(probe.trace).rows if each.call.path == "inside"]
        assert row.counts.connections == fanout.sum()
        assert row.counts.event_macs == row.counts.effective_macs == np.count_nonzero(x, axis=(0, 1)) @ fanout
        assert row.counts.elementwise_ops == 2 * 6 * bias
        assert row.call.parameters == sum(each.size for each in layer.get_weights())
        assert row.call.parameter_bytes == 4 * row.call.parameters


def test_tensor_nodes_without_a_rule_are_listed_as_uncounted(simulator, find) -> None:
    class MyLayer(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(4, 3, 2))

        def call(self, inputs):
            return inputs * self.scale

    net = inside(MyLayer())
    sim = simulator(net)
    listed = pytest.warns(UserWarning, match="inside is not counted: a TensorNode of MyLayer")
    with listed, NengoProbe(sim) as probe:
        sim.run_steps(3)
    call = find(probe.trace, "inside")
    assert (call.fate, call.parameters) == ("uncounted", 24)
    assert isinstance(call.steps[0].operation, Uncounted)
