"""``ep.verify`` on one layer of each type, against sizes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.operations import Elementwise

LAYERS = {
    "Dense": ((5, 7), dict(units=3), 2 * 5 * 7 * 3),
    # 'valid', kernel 3: 5 outputs, each of 3 taps x 2 channels x 4 filters.
    "Conv1D": ((7, 2), dict(filters=4, kernel_size=3), 2 * 5 * 3 * 2 * 4),
    # 'same', kernel 3 on 5 and on 4: 13 and 10 taps lie inside.
    "Conv2D": ((5, 4, 2), dict(filters=3, kernel_size=3, padding="same"), 2 * 13 * 10 * 2 * 3),
    "Conv3D": ((3, 4, 5, 2), dict(filters=3, kernel_size=2), 2 * (2 * 3 * 4) * 8 * 2 * 3),
    # Each of 3 x 4 inputs feeds 2 x 2 outputs of 3 filters.
    "Conv2DTranspose": ((3, 4, 2), dict(filters=3, kernel_size=2, strides=2), 2 * 3 * 4 * 4 * 2 * 3),
    "DepthwiseConv2D": ((5, 4, 2), dict(kernel_size=3, depth_multiplier=3), 2 * (3 * 2) * 9 * 2 * 3),
    # Depthwise 3 outputs of 2 taps; then 4 channels to 3 filters at each of these.
    "SeparableConv1D": ((4, 2), dict(filters=3, kernel_size=2, depth_multiplier=2), 2 * 3 * 4 * (2 + 3)),
    # 13 x 10 taps inside, as of Conv2D; then 2 channels to 3 filters at 5 x 4 positions.
    "SeparableConv2D": (
        (5, 4, 2),
        dict(filters=3, kernel_size=3, padding="same"),
        2 * (13 * 10 * 2 + 5 * 4 * 2 * 3),
    ),
    # Input and state, at 4 timesteps: (6 + 5) x 4 gates x 5 units.
    "LSTM": ((4, 6), dict(units=5), 2 * 4 * (6 + 5) * 4 * 5),
    "GRU": ((4, 6), dict(units=5, return_sequences=True), 2 * 4 * (6 + 5) * 3 * 5),
    "SimpleRNN": ((4, 6), dict(units=5), 2 * 4 * (6 + 5) * 5),
}


@pytest.mark.parametrize("name", LAYERS)
def test_synaptic_layers_by_hand(package, name: str, network, data, quantities) -> None:
    shape, options, dense_synops = LAYERS[name]
    model = network(shape, getattr(package.layers, name)(**options, name="it"))
    found = ep.verify(model, data(2, *shape))
    counts = quantities(found, "it")
    assert counts["dense_synops"] == dense_synops
    assert 0 < counts["event_synops"] < dense_synops
    assert found.differences == () and found.unchecked == {}


def test_the_hidden_middle_of_a_separable_convolution(package, network, quantities) -> None:
    model = network((4, 1), package.layers.SeparableConv1D(2, 2, activation="relu", name="it"))
    # A difference of neighbours; then the first filter reads it and the second does not.
    model.set_weights([np.array([[[1.0]], [[-1.0]]]), np.array([[[1.0, 0.0]]]), np.zeros(2)])
    found = ep.verify(model, np.array([3, 3, 0, 2], np.float32).reshape(1, 4, 1))
    # Middle: 3 - 3, 3 - 0, 0 - 2. Dense: 3 outputs of 2 taps, 3 positions of 2 filters. Events: the inputs 3,
    # 3 and 2 feed 1, 2 and 1 outputs; 2 of the middle, 2 filters each. Effective: as many, and 1 filter each.
    assert quantities(found, "it") == {
        "dense_synops": 3 * 2 + 3 * 2,
        "event_synops": 4 + 4,
        "effective_synops": 4 + 2,
        "spike_synops": 4 + 4,
        "elementwise_ops": 3 * 2 * 2,
        "parameters": 2 + 2 + 2,
        "events": 1,
    }


def test_separable_convolutions_that_cannot_be_checked(package, network, data) -> None:
    layers = package.layers
    each_step = layers.TimeDistributed(layers.SeparableConv1D(2, 3, name="inner"), name="steps")
    found = ep.verify(network((4, 5, 2), each_step), data(2, 4, 5, 2))
    # Keras 3 runs it in a loop; Keras 2 folds time into the batch.
    in_a_loop = {"steps/inner": "it ran 4 times in 1 recorded call"}
    assert found.unchecked == (in_a_loop if package.__name__ == "keras" else {})
    if package.__name__ == "tf_keras":
        causal = layers.SeparableConv1D(2, 3, padding="causal", name="causal")
        reason = "its padding is causal, which the depthwise layers of Keras do not know"
        assert ep.verify(network((5, 2), causal), data(2, 5, 2)).unchecked == {"causal": reason}


@pytest.mark.parametrize(
    ("name", "options", "taps"),
    [
        # 2 x 2 windows of 2 x 2 on 5 x 4 pixels, 3 channels.
        ("MaxPooling2D", {"pool_size": 2}, 2 * 2 * 2 * 4 * 3),
        # 'same', windows of 3 at strides of 2: on 5 pixels 2 + 3 + 2 lie inside, on 4 pixels 3 + 2.
        ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, 2 * 7 * 5 * 3),
        ("GlobalMaxPooling2D", {}, 2 * 5 * 4 * 3),
    ],
)
def test_pooling_by_hand(package, name: str, options: dict, taps: int, network, data, quantities) -> None:
    model = network((5, 4, 3), getattr(package.layers, name)(**options, name="pool"))
    found = ep.verify(model, data(2, 5, 4, 3))
    assert quantities(found, "pool") == {"elementwise_ops": taps, "parameters": 0}


NORMALISATIONS = {
    "BatchNormalization": ({}, 2),
    "LayerNormalization": ({}, 8),
    "GroupNormalization": ({"groups": 2, "scale": False, "center": False}, 6),
    "UnitNormalization": ({}, 3),
    "RMSNormalization": ({}, 4),
}


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_normalisations_by_hand(package, name: str, network, data, quantities) -> None:
    if not hasattr(package.layers, name):
        pytest.skip("not of this Keras")
    options, operations = NORMALISATIONS[name]
    model = network((5, 4), getattr(package.layers, name)(**options, name="norm"))
    found = ep.verify(model, data(2, 5, 4))
    assert quantities(found, "norm")["elementwise_ops"] == 2 * 5 * 4 * operations
    assert found.differences == () and found.unchecked == {}


def test_words_that_are_looked_up_and_added(package, quantities) -> None:
    layers, words = package.layers, package.Input((5,), dtype="int32", name="words")
    tables = [layers.Embedding(7, 3, name=name)(words) for name in ("one", "two", "three")]
    model = package.Model(words, layers.Softmax(name="softmax")(layers.Add(name="sum")(tables)), name="net")
    found = ep.verify(model, np.arange(10).reshape(2, 5) % 7)
    # 2 samples of 5 words; the sum of three takes two operations for each of 3 features, a softmax three.
    assert quantities(found, "two")["lookups"] == 2 * 5
    assert quantities(found, "sum")["elementwise_ops"] == 2 * 5 * 3 * 2
    assert quantities(found, "softmax")["elementwise_ops"] == 2 * 5 * 3 * 3
    assert found.differences == () and found.unchecked == {}


WRONG = {
    "BatchNormalization": {},
    "LayerNormalization": {},
    "SeparableConv1D": {"filters": 3, "kernel_size": 2},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_count_of_a_layer_is_found(package, name: str, network, data) -> None:
    kind = getattr(package.layers, name)
    model = network((5, 4), kind(**WRONG[name], name="it"))
    with pytest.raises(ep.VerificationError, match="elementwise_ops of it: recorded 38, by brute force"):
        ep.verify(
            model, data(2, 5, 4), layers={kind: lambda call: Elementwise(function="wrong", elements=19)}
        )
