"""Convolution layers count what they would count themselves, with ones for weights.

With every weight 1 and no bias, a convolution gives the number of events that reach each output, so that the
sum of its outputs is the number of event-driven synops; with ones in place of the weights that are not zero,
of effective ones; and with every input 1, of dense ones. Nothing of energyprobe's geometry takes part. All
variants of a kind are branches of one model.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import energyprobe as ep

SAMPLES = 3
SPATIAL = {1: (11,), 2: (9, 7), 3: (5, 7, 6)}
CHANNELS = 4
KERNEL = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}
ORDERS = ("channels_last", "channels_first")


def settings(axes, **figures):
    """Every combination of padding, stride or dilation, and order of the axes."""
    for padding, order, (strides, dilation) in itertools.product(
        ("valid", "same"), ORDERS, ((1, 1), (2, 1), (3, 1), (1, 2))
    ):
        if order == "channels_first" and strides == 3:
            continue
        yield {
            "kernel_size": KERNEL[axes],
            "strides": strides,
            "dilation_rate": dilation,
            "padding": padding,
            "data_format": order,
            **figures,
        }


def cases(kind, axes):
    """Arguments of every variant of a kind of layer."""
    if kind == "conv":
        yield from settings(axes, filters=3)
        yield from (each for each in settings(axes, filters=6, groups=2) if each["data_format"] == ORDERS[0])
        if axes == 1:
            shared = {"filters": 3, "kernel_size": 3, "padding": "causal"}
            yield from ({**shared, "strides": 2}, {**shared, "dilation_rate": 3})
        if axes == 2:
            yield {"filters": 3, "kernel_size": (1, 4), "strides": (3, 2)}
    if kind == "depthwise":
        # Neither Keras strides along one axis alone in a depthwise convolution.
        yield from settings(axes, depth_multiplier=2)
        yield {"kernel_size": KERNEL[axes]}
    if kind == "transposed":
        for each in settings(axes, filters=3):
            yield each
            if each["strides"] == 3:
                yield {**each, "output_padding": 1}


NAMES = {"conv": "Conv{}D", "depthwise": "DepthwiseConv{}D", "transposed": "Conv{}DTranspose"}


def branches(keras, kind, axes):
    """A model of all variants, each on the same input, channels last or moved to the front."""
    inputs = keras.Input((*SPATIAL[axes], CHANNELS))
    moved = keras.layers.Permute((axes + 1, *range(1, axes + 1)))(inputs)
    layer = getattr(keras.layers, NAMES[kind].format(axes))
    outputs = {}
    for number, case in enumerate(cases(kind, axes)):
        source = moved if case.get("data_format") == ORDERS[1] else inputs
        outputs[f"case_{number}"] = layer(**case, use_bias=False, name=f"case_{number}")(source)
    return keras.Model(inputs, outputs)


def sums(model, weights, x):
    """Sum of what each branch gives, for some weights."""
    model.set_weights(weights)
    made = model.predict(x, verbose=0)
    return {name: int(np.sum(each, dtype=np.float64)) for name, each in made.items()}


@pytest.mark.parametrize(
    "kind, axes",
    [
        ("conv", 1),
        pytest.param("conv", 2, marks=pytest.mark.oldest),
        ("conv", 3),
        ("depthwise", 1),
        ("depthwise", 2),
        ("transposed", 1),
        pytest.param("transposed", 2, marks=pytest.mark.oldest),
        ("transposed", 3),
    ],
)
def test_synops_of_every_variant(keras, random, record, kind, axes):
    model = branches(keras, kind, axes)
    model.compile(jit_compile=False)
    shapes = [weight.shape for weight in model.get_weights()]
    kept = [(random.rand(*shape) < 0.6).astype("float32") for shape in shapes]
    events = (random.rand(SAMPLES, *SPATIAL[axes], CHANNELS) < 0.4).astype("float32")
    dense = sums(model, [np.ones(shape) for shape in shapes], np.ones_like(events))
    driven = sums(model, [np.ones(shape) for shape in shapes], events)
    effective = sums(model, kept, events)

    x = events * random.choice([-2.0, 0.5, 3.0], events.shape).astype("float32")
    counts = ep.counts(record(model, x, batch_size=2)).set_index("layer")
    for name in driven:
        row = counts.loc[name]
        assert (row.dense_synops, row.event_synops, row.effective_synops) == (
            dense[name],
            driven[name],
            effective[name],
        ), (name, list(cases(kind, axes))[int(name.removeprefix("case_"))])
    assert len(driven) == len(list(cases(kind, axes))) > 10


@pytest.mark.oldest
def test_events_of_a_convolution_one_by_one(keras, random, record):
    """Every event of the input under every tap, in plain loops."""
    height, width, channels, filters, taps, stride = 7, 5, 2, 3, 3, 2
    inputs = keras.Input((height, width, channels))
    layer = keras.layers.Conv2D(filters, taps, strides=stride, padding="same", name="layer")
    model = keras.Model(inputs, layer(inputs))
    kernel = random.choice([0.0, 0.0, 1.5, -2.0], (taps, taps, channels, filters))
    model.set_weights([kernel, np.ones(filters)])
    x = random.choice([0.0, 0.0, 1.0, -1.0], (SAMPLES, height, width, channels)).astype("float32")

    # SAME: 4 x 3 outputs; (4 - 1) * 2 + 3 - 7 = 2 and (3 - 1) * 2 + 3 - 5 = 2 zeros of padding, 1 before.
    rows, columns, before = 4, 3, 1
    events = effective = dense = 0
    for sample, i, j, c in np.ndindex(*x.shape):
        for ki, kj, f in np.ndindex(taps, taps, filters):
            at = (i + before - ki, j + before - kj)
            if any(each % stride for each in at):
                continue
            if 0 <= at[0] // stride < rows and 0 <= at[1] // stride < columns:
                dense += 1
                events += x[sample, i, j, c] != 0
                effective += x[sample, i, j, c] != 0 and kernel[ki, kj, c, f] != 0
    row = ep.counts(record(model, x)).iloc[0]
    assert (row.dense_synops, row.event_synops, row.effective_synops) == (dense, events, effective)
    assert row.elementwise_ops == SAMPLES * rows * columns * filters, "a bias for each output"
    assert (row.parameters, row.parameter_bytes) == (taps**2 * channels * filters + filters, 4 * 57)
    assert row.weight_sparsity == pytest.approx((kernel == 0).mean())
