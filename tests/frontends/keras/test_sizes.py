"""Sizes worked out from other tensors against the sizes that the tensors have when the graph runs."""

from __future__ import annotations

import numpy as np
import pytest

from energyprobe.frontends.keras.capture import Capture
from energyprobe.frontends.keras.framework import framework_of
from energyprobe.frontends.keras.sizes import Sizes

pytestmark = pytest.mark.oldest

SHAPES = [(2, 7, 6, 3), (1, 12, 5, 3), (4, 8, 8, 3)]


def sizes_and_shapes(keras, function, shapes=SHAPES, spec=(None, None, None, 3)):
    """What `Sizes` says of the function's result, what it has, and the types of what reads it."""
    import tensorflow as tf

    framework = framework_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    read = []

    @tf.function(input_signature=[tf.TensorSpec(spec)])
    def sized(x):
        capture = Capture(framework, lambda layer: None, lambda capture, frame: None)
        with capture():
            made = function(tf, x)
        sizes = Sizes(capture)
        found = [sizes.axis(made, axis) for axis in range(len(made.shape))]
        nbytes = sizes.nbytes([made])
        read.extend(op.type for op in made.consumers())
        return found, nbytes, tf.shape(made)

    results = [sized(np.ones(shape, "float32")) for shape in shapes]
    return [
        (list(map(int, found)), int(nbytes), shape.numpy().tolist()) for found, nbytes, shape in results
    ], read


def normalised(tf, x):
    ones = tf.ones(4)
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=ones, offset=ones, mean=ones, variance=ones, is_training=False
    ).y


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (3, 1), (1, 2)])
@pytest.mark.parametrize("depthwise", [False, True], ids=["", "depthwise"])
def test_convolutions(keras, padding, strides, dilation, depthwise):
    def function(tf, x):
        if depthwise:
            kernel, pace = tf.ones((3, 2, 3, 4)), (1, strides, strides, 1)
            return tf.nn.depthwise_conv2d(x, kernel, pace, padding, dilations=(dilation, dilation))
        made = tf.nn.conv2d(x, tf.ones((3, 2, 3, 4)), strides, padding, dilations=dilation)
        return tf.nn.relu(normalised(tf, tf.nn.bias_add(made, tf.ones(4))))

    results, read = sizes_and_shapes(keras, function)
    for found, nbytes, shape in results:
        assert found == shape
        assert nbytes == 4 * np.prod(shape)
    if not (depthwise and dilation > 1):
        assert not read


def test_explicit_padding_is_asked_for(keras):
    def function(tf, x):
        return tf.nn.conv2d(x, tf.ones((3, 2, 3, 4)), 1, [[0, 0], [2, 1], [0, 3], [0, 0]])

    for found, _, shape in sizes_and_shapes(keras, function)[0]:
        assert found == shape


@pytest.mark.parametrize("transpose", [False, True])
def test_matrix_products(keras, transpose):
    def function(tf, x):
        return tf.nn.relu(tf.matmul(x, tf.ones((3, 5)), transpose_a=transpose) + 1.0)

    shapes = [(3, 4), (3, 2)] if transpose else [(4, 3), (2, 3)]
    results, read = sizes_and_shapes(keras, function, shapes, (3, None) if transpose else (None, 3))
    assert [found for found, *_ in results] == [shape for *_, shape in results] == [[4, 5], [2, 5]]
    assert not read


def test_timesteps_multiply_samples(keras):
    import tensorflow as tf

    framework = framework_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    sizes = Sizes(Capture(framework, lambda layer: None, lambda capture, frame: None))
    tensor = tf.ones((3, 5, 7))
    assert (sizes.leading(tensor, time=False), sizes.leading(tensor, time=True)) == (3, 15)
