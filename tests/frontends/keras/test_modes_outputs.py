"""Outputs bit for bit as without a probe, where TensorFlow fuses operations, whatever the weights."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

SAMPLES, BATCH = 13, 5  # batches of 5, 5 and 3


def convolutional(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 8, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.BatchNormalization(),
            layers.Activation("swish"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.SeparableConv2D(7, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def residual(keras):
    layers = keras.layers
    inputs = keras.Input((9, 8, 3))
    hidden = layers.Conv2D(3, 3, padding="same")(inputs)
    hidden = layers.Activation("relu")(layers.Add()([inputs, layers.BatchNormalization()(hidden)]))
    hidden = layers.LeakyReLU()(layers.Conv2D(5, 3, strides=2)(layers.ZeroPadding2D()(hidden)))
    return keras.Model(inputs, layers.Dense(3, activation="elu")(layers.Flatten()(hidden)))


def recurrent(keras):
    layers = keras.layers
    hidden = [layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.GRU(3), layers.Dense(3)]
    return keras.Sequential([keras.Input((6, 5)), *hidden])


def attending(keras):
    inputs = keras.Input((6, 5))
    hidden = keras.layers.LayerNormalization()(inputs)
    hidden = keras.layers.MultiHeadAttention(2, 4)(hidden, hidden)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Add()([inputs, hidden])))


def assert_identical(model, random, shape, **options):
    model.set_weights([value + random.uniform(0.1, 0.4, value.shape) for value in model.get_weights()])
    x = random.standard_normal((SAMPLES, *shape)).astype("float32")
    plain = model.predict(x, batch_size=BATCH, verbose=0)
    probe = ep.KerasProbe(**options)
    assert np.array_equal(model.predict(x, batch_size=BATCH, verbose=0, callbacks=[probe]), plain)
    assert probe.trace.samples == SAMPLES
    assert np.array_equal(model.predict(x, batch_size=BATCH, verbose=0), plain)


@pytest.mark.oldest
@pytest.mark.parametrize(
    "build", [convolutional, residual, recurrent, attending], ids=lambda build: build.__name__
)
def test_without_xla(keras, random, build):
    model = build(keras)
    model.compile(jit_compile=False)
    assert_identical(model, random, model.inputs[0].shape[1:])


def test_with_xla(keras, random):
    model = residual(keras)
    model.compile(jit_compile=True)
    assert_identical(model, random, (9, 8, 3))


@pytest.mark.parametrize("detail", ["neurons", "values"])
def test_with_more_detail(keras, random, detail):
    model = convolutional(keras)
    model.compile(jit_compile=False)
    assert_identical(model, random, (9, 8, 3), detail=detail)


def test_with_sizes_that_the_graph_does_not_know(keras, random):
    """Their sizes must be asked for without asking a tensor that is fused away."""
    layers = keras.layers
    hidden = [layers.Conv2D(4, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    model = keras.Sequential([keras.Input((None, None, 3)), *hidden, layers.GlobalAveragePooling2D()])
    model.compile(jit_compile=False)
    assert_identical(model, random, (9, 8, 3))
