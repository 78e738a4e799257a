"""Fan-out maps against what the layers of both Keras generations do to one-hot inputs.

All weights are 1, so an input of one 1 makes outputs whose sum is the number of its connections.
"""

import math
import os

import numpy as np
import pytest

from energyprobe.trace.geometry import connections, effective_fanout, fanout
from energyprobe.trace.padding import conv, conv_transpose

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("tensorflow")


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def framework(request):
    return pytest.importorskip(request.param)


@pytest.fixture(scope="module")
def layers(framework):
    return framework.layers


def one_hot_sums(layer, shape, channels, kernel=None):
    """Sum of the outputs of a layer for each one-hot input; all its weights are 1, or `kernel`."""
    inputs = math.prod(shape) * channels
    eye = np.eye(inputs, dtype="float32").reshape(inputs, *shape, channels)
    layer.build((None, *shape, channels))
    layer.set_weights([np.ones_like(w) if kernel is None else kernel for w in layer.get_weights()])
    outputs = np.asarray(layer(eye))
    return outputs.reshape(inputs, -1).sum(axis=1).reshape(*shape, channels), outputs.shape[1:-1]


def assert_like_layer(operation, layer):
    sums, output_shape = one_hot_sums(layer, operation.input_shape, operation.channels)
    assert operation.output_shape == output_shape
    np.testing.assert_array_equal(fanout(operation), sums)
    assert connections(operation) == sums.sum()


SHAPES = {1: ((7,), (3,)), 2: ((7, 6), (3, 2)), 3: ((3, 4, 5), (3, 1, 2))}
STRIDES_DILATION = [(1, 1), (2, 1), (3, 1), (1, 2)]
EVERY = [
    (rank, padding, stride, dilation)
    for rank in SHAPES
    for padding in ("valid", "same", "causal")
    for stride, dilation in STRIDES_DILATION
    if (rank == 1 or padding != "causal") and (rank, padding, dilation) != (3, "valid", 2)
]


@pytest.mark.parametrize("rank, padding, stride, dilation", EVERY)
def test_convolution(layers, rank, padding, stride, dilation):
    shape, kernel = SHAPES[rank]
    make = getattr(layers, f"Conv{rank}D")
    layer = make(5, kernel, strides=stride, padding=padding, dilation_rate=dilation, use_bias=False)
    operation = conv(
        shape,
        channels=2,
        filters=5,
        kernel=kernel,
        strides=(stride,) * rank,
        dilation=(dilation,) * rank,
        padding=padding,
    )
    assert_like_layer(operation, layer)


@pytest.mark.parametrize("groups, stride, padding", [(2, 1, "same"), (2, 2, "same"), (4, 1, "valid")])
@pytest.mark.parametrize("rank", [1, 2])
def test_groups(layers, rank, groups, stride, padding):
    shape, kernel = SHAPES[rank]
    make = getattr(layers, f"Conv{rank}D")
    layer = make(8, kernel, strides=stride, padding=padding, groups=groups, use_bias=False)
    operation = conv(
        shape,
        channels=4,
        filters=8,
        kernel=kernel,
        strides=(stride,) * rank,
        padding=padding,
        groups=groups,
    )
    assert_like_layer(operation, layer)


@pytest.mark.parametrize("padding, stride, dilation", [("valid", 1, 1), ("same", 2, 1), ("same", 1, 2)])
@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise(layers, rank, padding, stride, dilation):
    shape, kernel = SHAPES[rank]
    make = getattr(layers, f"DepthwiseConv{rank}D")
    layer = make(
        kernel,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        depth_multiplier=2,
        use_bias=False,
    )
    operation = conv(
        shape,
        channels=3,
        filters=3 * 2,
        kernel=kernel,
        strides=(stride,) * rank,
        dilation=(dilation,) * rank,
        padding=padding,
        groups=3,
    )
    assert_like_layer(operation, layer)


EVERY_TRANSPOSED = [
    (rank, padding, stride, dilation, output_padding)
    for rank in SHAPES
    for padding, stride, dilation, output_padding in [
        ("valid", 1, 1, None),
        ("valid", 3, 1, None),
        ("valid", 2, 1, 1),
        ("valid", 1, 2, None),
        ("same", 1, 1, None),
        ("same", 2, 1, None),
        ("same", 3, 1, None),
        ("same", 3, 1, 2),
        ("same", 1, 2, None),
    ]
    if (rank, dilation) != (3, 2)
]


@pytest.mark.parametrize("rank, padding, stride, dilation, output_padding", EVERY_TRANSPOSED)
def test_transposed_convolution(layers, rank, padding, stride, dilation, output_padding):
    shape, kernel = SHAPES[rank]
    make = getattr(layers, f"Conv{rank}DTranspose")
    layer = make(
        3,
        kernel,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        output_padding=output_padding,
        use_bias=False,
    )
    operation = conv_transpose(
        shape,
        channels=2,
        filters=3,
        kernel=kernel,
        strides=(stride,) * rank,
        dilation=(dilation,) * rank,
        padding=padding,
        output_padding=None if output_padding is None else (output_padding,) * rank,
    )
    assert_like_layer(operation, layer)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_dilation_of_a_transposed_convolution_in_3d(framework, padding):
    shape, kernel = SHAPES[3]
    # Conv3DTranspose of Keras 2 takes a dilation rate and runs without it.
    dilation = (2, 2, 2) if framework.__version__.startswith("3.") else (1, 1, 1)
    layer = framework.layers.Conv3DTranspose(3, kernel, padding=padding, dilation_rate=2, use_bias=False)
    operation = conv_transpose(
        shape,
        channels=2,
        filters=3,
        kernel=kernel,
        dilation=dilation,
        padding=padding,
    )
    assert_like_layer(operation, layer)


def pruned(shape):
    return np.random.default_rng(11).random(shape) > 0.4


def test_zero_weights_of_a_grouped_convolution(layers):
    operation = conv((7, 6), channels=4, filters=6, kernel=(3, 2), strides=(2, 2), padding="same", groups=2)
    mask = pruned((3, 2, 4 // 2, 6))
    layer = layers.Conv2D(6, (3, 2), strides=2, padding="same", groups=2, use_bias=False)
    sums, _ = one_hot_sums(layer, (7, 6), 4, mask.astype("float32"))
    np.testing.assert_array_equal(effective_fanout(operation, mask), sums)


def test_zero_weights_of_a_depthwise_convolution(layers):
    operation = conv((7, 6), channels=3, filters=3 * 2, kernel=(3, 2), padding="same", groups=3)
    mask = pruned((3, 2, 3, 2))
    layer = layers.DepthwiseConv2D((3, 2), padding="same", depth_multiplier=2, use_bias=False)
    sums, _ = one_hot_sums(layer, (7, 6), 3, mask.astype("float32"))
    np.testing.assert_array_equal(effective_fanout(operation, mask.reshape(3, 2, 1, 6)), sums)


def test_zero_weights_of_a_transposed_convolution(layers):
    operation = conv_transpose((7, 6), channels=2, filters=3, kernel=(3, 2), strides=(2, 2), padding="same")
    mask = pruned((3, 2, 3, 2))
    layer = layers.Conv2DTranspose(3, (3, 2), strides=2, padding="same", use_bias=False)
    sums, _ = one_hot_sums(layer, (7, 6), 2, mask.astype("float32"))
    np.testing.assert_array_equal(effective_fanout(operation, mask.swapaxes(-1, -2)), sums)
