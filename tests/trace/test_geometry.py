"""Fan-out maps against plain loops over every output, tap and weight."""

import itertools
import math

import numpy as np
import pytest

from energyprobe.errors import CountingError
from energyprobe.trace.geometry import (
    axis_fanout,
    axis_taps,
    connections,
    effective_fanout,
    fanout,
    sparse_fanout,
)
from energyprobe.trace.operations import (
    Conv,
    Decode,
    Dense,
    Elementwise,
    Encode,
    Filter,
    Free,
    Learning,
    Lookup,
    NeuronUpdate,
    Pool,
    Product,
    Sparse,
    Uncounted,
)
from energyprobe.trace.padding import conv, conv_transpose

pytestmark = pytest.mark.oldest


def loop_over_weights(operation, mask):
    """Visit every position, tap, channel and filter of a convolution, and count at the input it reads."""
    counts = np.zeros((*operation.input_shape, operation.channels), np.int64)
    axes = range(len(operation.input_shape))
    # A convolution is walked from its outputs, a transposed one from its inputs, as they are defined.
    walked, found = operation.output_shape, operation.input_shape
    if operation.transposed:
        walked, found = found, walked
    for start in itertools.product(*map(range, walked)):
        for tap in itertools.product(*map(range, operation.kernel)):
            end = tuple(
                start[a] * operation.strides[a] + tap[a] * operation.dilation[a] - operation.padding[a]
                for a in axes
            )
            if not all(0 <= end[a] < found[a] for a in axes):
                continue
            position = start if operation.transposed else end
            for f in range(operation.filters):
                group = f // (operation.filters // operation.groups)
                inner = operation.channels // operation.groups
                for c in range(inner):
                    counts[(*position, group * inner + c)] += mask[(*tap, c, f)]
    return counts


def mask_shape(operation):
    return (*operation.kernel, operation.channels // operation.groups, operation.filters)


def assert_exact(operation):
    """Hold every public function against the loop, with all weights and with a third of them zero."""
    ones = np.ones(mask_shape(operation), bool)
    expected = loop_over_weights(operation, ones)
    np.testing.assert_array_equal(fanout(operation), expected)
    np.testing.assert_array_equal(effective_fanout(operation, ones), expected)
    assert fanout(operation).shape == effective_fanout(operation, ones).shape == expected.shape
    assert fanout(operation).dtype == effective_fanout(operation, ones).dtype == np.int64
    assert connections(operation) == expected.sum()
    pruned = np.random.default_rng(7).random(ones.shape) > 1 / 3
    np.testing.assert_array_equal(effective_fanout(operation, pruned), loop_over_weights(operation, pruned))
    none = np.zeros_like(ones)
    assert not effective_fanout(operation, none).any()


ONE_AXIS = [(7, 3), (8, 4), (5, 5), (11, 1), (2, 3)]


@pytest.mark.parametrize("stride, dilation", [(1, 1), (2, 1), (3, 1), (5, 1), (1, 2), (1, 3), (2, 2), (3, 2)])
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize("size, taps", ONE_AXIS)
def test_convolution_along_one_axis(size, taps, padding, stride, dilation):
    if padding == "valid" and (taps - 1) * dilation + 1 > size:
        with pytest.raises(CountingError, match="is larger than the input"):
            conv((size,), channels=1, filters=1, kernel=(taps,), dilation=(dilation,))
        return
    assert_exact(
        conv(
            (size,),
            channels=2,
            filters=3,
            kernel=(taps,),
            strides=(stride,),
            dilation=(dilation,),
            padding=padding,
        )
    )


@pytest.mark.parametrize("output_padding", [None, (0,), (1,)])
@pytest.mark.parametrize("stride, dilation", [(1, 1), (2, 1), (3, 1), (5, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size, taps", ONE_AXIS)
def test_transposed_convolution_along_one_axis(size, taps, padding, stride, dilation, output_padding):
    assert_exact(
        conv_transpose(
            (size,),
            channels=2,
            filters=3,
            kernel=(taps,),
            strides=(stride,),
            dilation=(dilation,),
            padding=padding,
            output_padding=output_padding,
        )
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("groups, channels, filters", [(1, 3, 5), (3, 6, 9), (2, 4, 2), (5, 5, 5), (3, 3, 6)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_groups_and_depthwise(groups, channels, filters, strides, padding):
    assert_exact(
        conv(
            (5, 7),
            channels=channels,
            filters=filters,
            kernel=(3, 2),
            strides=strides,
            padding=padding,
            groups=groups,
        )
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("build", [conv, conv_transpose])
def test_axes_do_not_mix(build, padding):
    assert_exact(
        build((4, 5, 7), channels=2, filters=3, kernel=(1, 2, 3), strides=(1, 2, 3), padding=padding)
    )


def test_grouped_transposed_convolution():
    assert_exact(
        conv_transpose((3, 5), channels=4, filters=6, kernel=(3, 2), strides=(2, 1), padding="same", groups=2)
    )


def test_one_spike_of_a_3x3_same_convolution_on_4x4():
    # A tool that multiplies the mean rate by the padded connections says 9 everywhere.
    map_ = fanout(conv((4, 4), channels=1, filters=1, kernel=(3, 3), padding="same"))[..., 0]
    corner, edge, centre = 2 * 2, 2 * 3, 3 * 3
    assert (map_[0, 0], map_[0, 1], map_[1, 1]) == (corner, edge, centre)


@pytest.mark.parametrize(
    "size, taps, overcount", [(4, 3, 1.44), (8, 3, 1.19), (16, 3, 1.089), (32, 3, 1.043), (4, 5, 2.04)]
)
def test_padding_taps_are_no_connections(size, taps, overcount):
    operation = conv((size, size), channels=1, filters=1, kernel=(taps, taps), padding="same")
    # Along one axis: taps * size, less the padding 1 + 2 + … + taps // 2 at each of the two ends.
    along_axis = taps * size - (taps // 2) * (taps // 2 + 1)
    assert connections(operation) == along_axis**2
    padded = size**2 * taps**2
    assert padded / connections(operation) == pytest.approx(overcount, abs=0.005)


def test_stride_2_reads_an_input_once_or_four_times():
    # 4 -> 2 outputs with SAME: total padding max((2 - 1) * 2 + 3 - 4, 0) = 1, before 0.
    # Output 0 reads inputs 0 1 2, output 1 reads 2 3: along one axis input 2 is read twice.
    operation = conv((4, 4), channels=1, filters=1, kernel=(3, 3), strides=(2, 2), padding="same")
    (rows, columns) = axis_fanout(operation)
    assert rows.tolist() == columns.tolist() == [1, 1, 2, 1]
    map_ = fanout(operation)[..., 0]
    assert map_[3, 3] == 1 * 1
    assert map_[2, 2] == 2 * 2
    assert map_.sum() == (1 + 1 + 2 + 1) ** 2


def test_transposed_convolution_before_cropping():
    # Nothing is cropped, so every tap of every input lands on an output.
    size, taps, channels, filters = 8, 3, 16, 8
    operation = conv_transpose(
        (size, size), channels=channels, filters=filters, kernel=(taps, taps), strides=(2, 2)
    )
    assert connections(operation) == size**2 * taps**2 * channels * filters == 73_728


def test_transposed_convolution_cropped_by_same():
    # 8 -> 16, full extent (8 - 1) * 2 + 3 = 17: one output is cropped, before 1 // 2 = 0, so after.
    # It is reached by the last tap of the last input: 8 * 3 - 1 pairs along each axis.
    operation = conv_transpose((8, 8), channels=16, filters=8, kernel=(3, 3), strides=(2, 2), padding="same")
    assert operation.output_shape == (16, 16)
    assert connections(operation) == (8 * 3 - 1) ** 2 * 16 * 8


@pytest.mark.parametrize("groups, expected", [(1, 73_728), (4, 18_432)])
def test_groups_divide_the_connections(groups, expected):
    # 16 -> 8 filters, 3x3, valid on 10x10: 8x8 outputs, each reads 9 taps of 16 / groups channels.
    operation = conv((10, 10), channels=16, filters=8, kernel=(3, 3), groups=groups)
    assert connections(operation) == 8 * 8 * 3 * 3 * 16 * 8 // groups == expected


def test_depthwise_multiplier_counts_every_filter():
    operation = conv((10, 10), channels=16, filters=16 * 2, kernel=(3, 3), groups=16)
    assert connections(operation) == 8 * 8 * 3 * 3 * 16 * 2 == 18_432


def test_depthwise_mask_layout():
    # Filter f belongs to channel f // multiplier; only the kernel of channel 1, filter 0 is not zero.
    operation = conv((5,), channels=3, filters=3 * 2, kernel=(3,), groups=3)
    depthwise = np.zeros((3, 3, 2), bool)
    depthwise[:, 1, 0] = True
    counted = effective_fanout(operation, depthwise.reshape(3, 1, 3 * 2))
    assert counted[:, 1].tolist() == [1, 2, 3, 2, 1]
    assert not counted[:, [0, 2]].any()


def test_tap_orientation():
    # Only tap 0 is not zero. With stride 2 and no padding output o reads input 2 o with it: 0, 2 and 4 of 7.
    forward = conv((7,), channels=1, filters=1, kernel=(3,), strides=(2,))
    only_first = np.array([1, 0, 0], bool).reshape(3, 1, 1)
    assert effective_fanout(forward, only_first)[:, 0].tolist() == [1, 0, 1, 0, 1, 0, 0]
    # Causal: output o reads input o - 2 with tap 0, so the last two inputs feed nothing through it.
    causal = conv((5,), channels=1, filters=1, kernel=(3,), padding="causal")
    assert effective_fanout(causal, only_first)[:, 0].tolist() == [1, 1, 1, 0, 0]


def test_a_large_convolution_stays_an_exact_integer():
    side, channels = 100_001, 4_099
    operation = Conv(
        input_shape=(side, side),
        output_shape=(side, side),
        channels=channels,
        filters=channels,
        kernel=(1, 1),
        strides=(1, 1),
        dilation=(1, 1),
        padding=(0, 0),
    )
    assert connections(operation) == side**2 * channels**2
    assert connections(operation) > 2**53
    assert connections(operation) % 2 == 1  # a float64 sum of this size could not be odd


def test_count_that_float32_misses():
    # 20101 * 201001 inputs x units = 4,040,321,101 needs more than the 24 bits of a float32.
    inputs, units = 20_101, 201_001
    exact = connections(Dense(inputs=inputs, units=units))
    assert exact == inputs * units == 4_040_321_101
    assert int(np.float32(exact)) != exact


@pytest.mark.parametrize(
    "operation, expected",
    [
        (Dense(inputs=7, units=37), 7 * 37),
        (Dense(inputs=16, units=4, positions=20), 20 * 16 * 4),
        (Product(rows=5, shared=7, columns=11, copies=3), 3 * 5 * 7 * 11),
        (Sparse(inputs=91, units=23, entries=41), 41),
        (Decode(neurons=91, dimensions=3), 91 * 3),
        (Encode(dimensions=3, neurons=91), 3 * 91),
        (Lookup(rows=23, width=7, lookups=5), 0),
        (Pool(method="max", taps=36, outputs=9), 0),
        (Elementwise(function="relu", elements=9), 0),
        (NeuronUpdate(neuron="lif", neurons=9), 0),
        (Filter(function="lowpass", elements=9), 0),
        (Learning(rule="PES", macs=9), 0),
        (Free(reason="reshapes"), 0),
    ],
)
def test_connections_of_every_kind(operation, expected):
    assert connections(operation) == expected


def test_connections_of_an_uncounted_operation_are_unknown():
    with pytest.raises(CountingError, match=r"connections of an uncounted operation are unknown \(no rule\)"):
        connections(Uncounted(reason="no rule"))


@pytest.mark.parametrize(
    "operation, inputs, units",
    [
        (Dense(inputs=7, units=37, positions=5), 7, 37),
        (Decode(neurons=91, dimensions=3), 91, 3),
        (Encode(dimensions=3, neurons=91), 3, 91),
    ],
)
def test_matrices_fan_out_to_their_units(operation, inputs, units):
    assert fanout(operation).tolist() == [units] * inputs
    mask = np.random.default_rng(3).random((inputs, units)) > 0.5
    by_hand = [sum(bool(mask[i, u]) for u in range(units)) for i in range(inputs)]
    assert effective_fanout(operation, mask).tolist() == by_hand
    assert fanout(operation).dtype == effective_fanout(operation, mask).dtype == np.int64
    with pytest.raises(
        CountingError, match=rf"must have shape \({inputs}, {units}\), got \({units}, {inputs}\)"
    ):
        effective_fanout(operation, mask.T)


def test_sparse_matrix_counts_its_entries():
    operation = Sparse(inputs=5, units=7, entries=6)
    rows = np.array([0, 0, 2, 2, 2, 4])
    nonzero = np.array([1, 0, 1, 1, 0, 1], bool)
    assert sparse_fanout(operation, rows).tolist() == [2, 0, 3, 0, 1]
    assert sparse_fanout(operation, rows, nonzero).tolist() == [1, 0, 2, 0, 1]
    assert sparse_fanout(operation, rows).sum() == connections(operation)
    assert sparse_fanout(operation, rows).dtype == np.int64


def test_sparse_matrix_without_entries():
    operation = Sparse(inputs=3, units=7, entries=0)
    assert sparse_fanout(operation, np.array([], np.int64)).tolist() == [0, 0, 0]


def test_sparse_matrix_refuses_indices_that_do_not_fit():
    operation = Sparse(inputs=5, units=7, entries=2)
    with pytest.raises(CountingError, match=r"weights of Sparse must have shape \(2,\), got \(3,\)"):
        sparse_fanout(operation, np.array([0, 1, 2]))
    with pytest.raises(CountingError, match="must be input indices from 0 to 4, got 0 to 5"):
        sparse_fanout(operation, np.array([0, 5]))
    with pytest.raises(CountingError, match="must be input indices from 0 to 4, got -1 to 0"):
        sparse_fanout(operation, np.array([0, -1]))


@pytest.mark.parametrize(
    "operation, message",
    [
        (Sparse(inputs=5, units=7, entries=2), "use sparse_fanout"),
        (Product(rows=5, shared=7, columns=11), "pairs of events of both operands"),
        (
            Pool(method="max", taps=36, outputs=9),
            "Pool has no fan-out map: only Dense, Conv, Decode",
        ),
        (Uncounted(reason="no rule"), "Uncounted has no fan-out map"),
    ],
)
def test_kinds_without_a_fanout_map(operation, message):
    with pytest.raises(CountingError, match=message):
        fanout(operation)
    with pytest.raises(CountingError, match=message):
        effective_fanout(operation, np.ones((1, 1), bool))


def test_convolution_whose_figures_do_not_fit():
    good = conv((5, 7), channels=4, filters=6, kernel=(3, 3))
    figures = {name: getattr(good, name) for name in good.__struct_fields__}
    with pytest.raises(CountingError, match="Conv with 2 spatial dimensions needs 2 figures of kernel"):
        connections(Conv(**figures | {"kernel": (3,)}))
    with pytest.raises(
        CountingError, match=r"channels \(4\) and filters \(6\) that are multiples of groups \(4\)"
    ):
        fanout(Conv(**figures | {"groups": 4}))
    with pytest.raises(CountingError, match=r"must have shape \(3, 3, 4, 6\), got \(3, 3, 6, 4\)"):
        effective_fanout(good, np.ones((3, 3, 6, 4), bool))


def test_axis_taps_are_the_factors_of_the_map():
    operation = conv((5, 7), channels=2, filters=6, kernel=(3, 4), strides=(2, 1), padding="same", groups=2)
    rows, columns = axis_taps(operation)
    assert (rows.shape, columns.shape) == ((5, 3), (7, 4))
    by_rows, by_columns = axis_fanout(operation)
    assert by_rows.tolist() == [sum(row) for row in rows.tolist()]
    product = [[[r * c * (6 // 2)] * 2 for c in by_columns] for r in by_rows]
    assert fanout(operation).tolist() == product
    assert math.prod(axis.sum() for axis in (by_rows, by_columns)) * 2 * 3 == connections(operation)


def test_maps_are_not_writable_where_they_share_memory():
    with pytest.raises(ValueError, match="read-only"):
        fanout(Dense(inputs=7, units=37))[0] = 1
