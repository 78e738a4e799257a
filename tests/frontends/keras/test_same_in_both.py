"""One network with the same weights through both generations of Keras gives the same trace."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import energyprobe as ep

COLUMNS = (
    "layer call kind samples timesteps connections dense_synops event_synops effective_synops dense_macs "
    "elementwise_ops neuron_updates parameter_bytes activation_bytes input_sparsity fate"
).split()


def images(keras):
    layers = keras.layers
    inputs = keras.Input((11, 9, 3), name="images")
    hidden = layers.Conv2D(5, 3, padding="same", activation="relu", name="conv")(inputs)
    hidden = layers.BatchNormalization(name="norm")(hidden)
    hidden = layers.DepthwiseConv2D(3, strides=2, activation="relu", name="depthwise")(hidden)
    hidden = layers.MaxPooling2D(name="pool")(hidden)
    twice = layers.Dense(5, activation="relu", name="twice")
    hidden = layers.Add(name="add")([twice(twice(hidden)), hidden])
    hidden = layers.GlobalAveragePooling2D(name="mean")(hidden)
    return keras.Model(inputs, layers.Dense(4, activation="softmax", name="classes")(hidden), name="net")


def series(keras):
    layers = keras.layers
    inputs = keras.Input((7, 3), name="series")
    hidden = layers.TimeDistributed(layers.Dense(5, activation="relu"), name="each")(inputs)
    hidden = layers.LSTM(6, return_sequences=True, name="lstm")(hidden)
    hidden = layers.Conv1D(4, 3, padding="causal", name="conv")(hidden)
    return keras.Model(inputs, layers.GRU(3, name="gru")(hidden), name="net")


@pytest.mark.parametrize("build", [images, series])
def test_both_generations_count_the_same(build):
    pytest.importorskip("tf_keras")
    frames, weights = [], None
    for name in ("tf_keras", "keras"):
        keras = importlib.import_module(name)
        model = build(keras)
        random = np.random.RandomState(6)
        # Integers, so that no rounding of either Keras decides what is zero.
        shapes = [weight.shape for weight in model.get_weights()]
        weights = [random.randint(-1, 2, shape).astype("float32") for shape in shapes]
        if build is images:
            weights[5] = np.ones_like(weights[5])  # variances
        model.set_weights(weights)
        data = random.randint(-1, 2, (5, *model.input_shape[1:])).astype("float32")
        probe = ep.KerasProbe()
        model.predict(data, batch_size=2, verbose=0, callbacks=[probe])
        frames.append(ep.counts(probe.trace)[COLUMNS])
    assert frames[0].to_dict("list") == frames[1].to_dict("list")
    assert weights and frames[0].event_synops.sum() > 0
