"""Fan-out of every transform against one-hot inputs that NengoDL itself runs through it."""

from __future__ import annotations

import nengo
import numpy as np
import pytest
import scipy.sparse
from nengo.transforms import ChannelShape, ConvolutionTranspose

from energyprobe.frontends.nengo.weights import encoder_weights, identity_weights, transform_weights
from energyprobe.trace.operations import Conv, Decode, Dense, Encode, Sparse


def shape(spatial, channels, channels_last):
    return ChannelShape.from_space_and_channels(spatial, channels, channels_last=channels_last)


def convolution(kind, spatial, channels, filters, kernel, strides, padding, channels_last=True, **settings):
    """A transform whose kernel has zeros and is positive elsewhere, so that nothing cancels."""
    kernel_shape = (*kernel, channels // settings.get("groups", 1), filters)
    init = np.random.RandomState(3).uniform(1, 2, kernel_shape) * np.random.RandomState(4).randint(
        0, 2, kernel_shape
    )
    return kind(
        filters,
        shape(spatial, channels, channels_last),
        kernel_size=kernel,
        strides=strides,
        padding=padding,
        channels_last=channels_last,
        init=init,
        **settings,
    )


TRANSFORMS = {
    "conv 1D": convolution(nengo.Convolution, (11,), 2, 3, (4,), (3,), "same"),
    "conv 1D valid": convolution(nengo.Convolution, (9,), 3, 2, (2,), (2,), "valid", False),
    "conv 2D": convolution(nengo.Convolution, (7, 5), 2, 3, (3, 2), (2, 1), "same"),
    "conv 2D first": convolution(nengo.Convolution, (5, 7), 3, 2, (2, 3), (1, 3), "valid", False),
    "conv 3D": convolution(nengo.Convolution, (4, 3, 5), 2, 3, (2, 2, 3), (1, 2, 2), "same"),
    "transposed 1D": convolution(ConvolutionTranspose, (5,), 2, 3, (4,), (3,), "same"),
    "transposed 2D": convolution(ConvolutionTranspose, (3, 4), 2, 3, (3, 2), (2, 3), "valid"),
    "transposed 2D first": convolution(ConvolutionTranspose, (4, 3), 3, 2, (3, 3), (2, 1), "same", False),
    "transposed 3D": convolution(ConvolutionTranspose, (2, 3, 2), 2, 3, (2, 3, 2), (2, 1, 2), "same"),
    "transposed to a given shape": convolution(
        ConvolutionTranspose, (3, 3), 2, 3, (3, 3), (2, 2), "same", output_shape=shape((6, 5), 3, True)
    ),
    "dense": nengo.Dense((4, 7), init=np.arange(28).reshape(4, 7) % 3),
    "scalar": nengo.Dense((6, 6), init=0.5),
    "vector": nengo.Dense((5, 5), init=np.array([1.0, 0.0, 2.0, 0.0, 3.0])),
    "sparse": nengo.Sparse((5, 7), indices=[(0, 1), (4, 1), (2, 6), (3, 0)], init=[1.0, 2.0, 0.0, 3.0]),
    "sparse of scipy": nengo.Sparse(
        (3, 4), init=scipy.sparse.csr_matrix(([1.0, 2.0, 3.0], ([0, 2, 2], [3, 0, 3])), shape=(3, 4))
    ),
}
if hasattr(nengo.Convolution, "groups"):  # since nengo 4
    TRANSFORMS["grouped"] = convolution(nengo.Convolution, (5, 3), 4, 6, (2, 3), (1, 2), "same", groups=2)
    TRANSFORMS["depthwise"] = convolution(nengo.Convolution, (7,), 3, 3, (3,), (2,), "same", groups=3)


def simulated_matrix(transform, simulator, filled=False):
    """Run each one-hot input through a connection: the matrix ``(outputs, inputs)``.

    With `filled`, weights that are zero are made 1: every connection shows.
    """
    with nengo.Network(seed=0) as net:
        source, target = nengo.Node(np.zeros(transform.size_in)), nengo.Node(size_in=transform.size_out)
        connection = nengo.Connection(source, target, transform=transform, synapse=None)
        probe = nengo.Probe(target)
    sim = simulator(net, minibatch_size=transform.size_in)
    if filled:
        variable = sim.keras_model.weights[0]
        variable.assign(np.ones(variable.shape))
    output = sim.predict({source: np.eye(transform.size_in)[:, np.newaxis]}, verbose=0)[probe][:, 0]
    return output.T, sim.data[connection].weights


@pytest.mark.filterwarnings("ignore:TensorFlow does not support convolution with channels_last=False")
@pytest.mark.filterwarnings("ignore:.*one timestep, but the network contains")
@pytest.mark.parametrize("name", TRANSFORMS)
def test_fanout_equals_one_hot_runs(name, simulator) -> None:
    transform = TRANSFORMS[name]
    matrix, values = simulated_matrix(transform, simulator)
    connected, _ = simulated_matrix(transform, simulator, filled=name != "sparse of scipy")
    weights = transform_weights(transform, values, decoded=False)
    assert np.array_equal(weights.fanout, np.count_nonzero(connected, axis=0))
    assert np.array_equal(weights.effective, np.count_nonzero(matrix, axis=0))
    np.testing.assert_allclose(weights.matrix().toarray(), matrix, rtol=1e-6)
    assert weights.matrix().nnz == weights.fanout.sum()
    assert weights.effective.sum() < weights.fanout.sum() or name in ("scalar", "sparse of scipy")


def test_kinds_of_operation() -> None:
    def kind(transform, decoded=False):
        values = transform.sample(np.random.RandomState(1))
        return transform_weights(transform, values, decoded).operation

    assert kind(TRANSFORMS["dense"]) == Dense(inputs=7, units=4)
    assert kind(TRANSFORMS["dense"], decoded=True) == Decode(neurons=7, dimensions=4)
    assert kind(TRANSFORMS["scalar"]) == Sparse(inputs=6, units=6, entries=6)
    assert kind(TRANSFORMS["vector"]) == Sparse(inputs=5, units=5, entries=5)
    assert kind(TRANSFORMS["sparse"]) == Sparse(inputs=7, units=5, entries=4)
    # SAME pads (ceil(11 / 3) - 1) * 3 + 4 - 11 = 2 in all, the half of it before.
    assert kind(TRANSFORMS["conv 1D"]) == Conv(
        input_shape=(11,),
        output_shape=(4,),
        channels=2,
        filters=3,
        kernel=(4,),
        strides=(3,),
        dilation=(1,),
        padding=(1,),
    )


def test_a_transform_of_unknown_type_has_no_weights() -> None:
    class MyTransform(nengo.transforms.Transform):
        size_in = size_out = 3

    assert transform_weights(MyTransform(), np.ones((3, 3)), decoded=False) is None


def test_encoders_and_identity() -> None:
    encoders = encoder_weights(np.array([[1.0, 0.0], [2.0, 3.0], [0.0, 0.0]]))
    assert encoders.operation == Encode(dimensions=2, neurons=3)
    assert encoders.fanout.tolist() == [3, 3]
    assert encoders.effective.tolist() == [2, 1]
    assert (encoders.stored, encoders.nonzero) == (6, 3)
    assert np.array_equal(identity_weights(4).matrix().toarray(), np.eye(4))


@pytest.mark.parametrize("channels_last", [True, False])
def test_pooling_as_converter_makes_it_counts_no_zeros(channels_last) -> None:
    """A kernel that joins no two channels is depthwise: 2 x 2 taps for each of 3 x 2 x 5 outputs."""
    channels, pool = 5, (2, 2)
    kernel = np.reshape([np.eye(channels) / 4] * 4, (*pool, channels, channels))
    transform = nengo.Convolution(
        channels,
        shape((6, 5), channels, channels_last),
        kernel_size=pool,
        strides=pool,
        init=kernel,
        channels_last=channels_last,
    )
    weights = transform_weights(transform, kernel, decoded=False)
    assert weights.operation.groups == channels
    assert weights.fanout.sum() == weights.effective.sum() == 4 * 3 * 2 * channels
    # Rows 0 to 5 and columns 0 to 3 are read once; column 4 is left over.
    read = np.zeros((6, 5, channels), int)
    read[:, :4] = 1
    expected = read if channels_last else np.moveaxis(read, -1, 0)
    assert np.array_equal(weights.fanout, expected.ravel())
    assert (weights.stored, weights.nonzero) == (4 * channels, 4 * channels)
