"""Padding and output shapes by hand, and settings that do not fit."""

import pytest

from energyprobe.errors import CountingError
from energyprobe.trace.padding import conv, conv_transpose

pytestmark = pytest.mark.oldest


@pytest.mark.parametrize(
    "size, taps, stride, dilation, outputs, before",
    [
        # outputs = ceil(size / stride); total = (outputs - 1) * stride + span - size; before = total // 2
        (7, 3, 1, 1, 7, 1),  # total 6 + 3 - 7 = 2
        (8, 4, 1, 1, 8, 1),  # total 7 + 4 - 8 = 3
        (8, 3, 2, 1, 4, 0),  # total 6 + 3 - 8 = 1
        (7, 3, 2, 1, 4, 1),  # total 6 + 3 - 7 = 2
        (7, 1, 3, 1, 3, 0),  # total 6 + 1 - 7 = 0
        (11, 1, 5, 1, 3, 0),  # total 10 + 1 - 11 = 0
        (12, 1, 5, 1, 3, 0),  # total 10 + 1 - 12 = -1, so nothing
        (7, 3, 1, 3, 7, 3),  # span 7: total 6 + 7 - 7 = 6
    ],
)
def test_same(size, taps, stride, dilation, outputs, before):
    made = conv(
        (size,),
        channels=1,
        filters=1,
        kernel=(taps,),
        strides=(stride,),
        dilation=(dilation,),
        padding="SAME",
    )
    assert (made.output_shape, made.padding) == ((outputs,), (before,))


def test_valid_and_causal():
    # Kernel 3 with dilation 2 spans 5 inputs: (11 - 5) // 2 + 1 = 4 outputs; causal pads 4 before: 6 outputs.
    settings = {"channels": 1, "filters": 1, "kernel": (3,), "strides": (2,), "dilation": (2,)}
    valid = conv((11,), **settings)
    assert (valid.output_shape, valid.padding) == ((4,), (0,))
    causal = conv((11,), **settings, padding="causal")
    assert (causal.output_shape, causal.padding) == ((6,), (4,))


@pytest.mark.parametrize(
    "taps, stride, padding, output_padding, outputs, crop",
    [
        # full extent of 5 inputs: 4 * stride + taps; SAME crops full - outputs, half of it before
        (3, 1, "valid", None, 7, 0),  # 4 + 3
        (3, 2, "valid", None, 11, 0),  # 8 + 3
        (2, 3, "valid", None, 15, 0),  # 12 + 2, and the stride reaches one further than the kernel
        (3, 2, "valid", 1, 12, 0),  # 8 + 3 + 1
        (3, 2, "same", None, 10, 0),  # 5 * 2; full 11, crop 1
        (5, 2, "same", None, 10, 1),  # 5 * 2; full 13, crop 3
        (5, 3, "same", 1, 14, 1),  # 12 + 1 + 1; full 17, crop 3
        (4, 3, "same", 2, 14, 1),  # 12 + 0 + 2; full 16, crop 2
    ],
)
def test_transposed(taps, stride, padding, output_padding, outputs, crop):
    made = conv_transpose(
        (5,),
        channels=1,
        filters=1,
        kernel=(taps,),
        strides=(stride,),
        padding=padding,
        output_padding=None if output_padding is None else (output_padding,),
    )
    assert (made.output_shape, made.padding) == ((outputs,), (crop,))


def test_given_output_shape():
    made = conv_transpose(
        (5, 3),
        channels=1,
        filters=1,
        kernel=(5, 3),
        strides=(2, 2),
        padding="same",
        output_shape=(9, 5),
    )
    # Full extents 4 * 2 + 5 = 13 and 2 * 2 + 3 = 7: crops of 4 and 2.
    assert (made.output_shape, made.padding) == ((9, 5), (2, 1))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"padding": "full"}, "unknown padding 'full': known are valid, same, causal"),
        (
            {"kernel": (3,)},
            r"kernel \(3,\) needs one figure for each dimension of the input \(5, 7\)",
        ),
        ({"strides": (1, 1, 1)}, r"strides \(1, 1, 1\) needs one figure for each dimension"),
        ({"padding": "causal"}, r"padding 'causal' is for one spatial dimension, got input_shape \(5, 7\)"),
        (
            {"dilation": (3, 1)},
            r"kernel \(3, 3\) with dilation \(3, 1\) is larger than the input \(5, 7\)",
        ),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(CountingError, match=message):
        conv((5, 7), **{"channels": 2, "filters": 3, "kernel": (3, 3)} | settings)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"padding": "causal"}, "unknown padding 'causal': known are valid, same"),
        ({"output_padding": (1,)}, r"output_padding \(1,\) needs one figure for each dimension"),
        ({"output_shape": (9,)}, r"output_shape \(9,\) needs one figure for each dimension"),
    ],
)
def test_transposed_settings_that_do_not_fit(settings, message):
    with pytest.raises(CountingError, match=message):
        conv_transpose((5, 7), channels=2, filters=3, kernel=(3, 3), **settings)
