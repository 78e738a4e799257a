"""``ep.verify`` on one layer of each type, against sizes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.verification.result import Verification

keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")
BOTH = pytest.mark.parametrize("package", [keras, tf_keras], ids=["keras", "tf_keras"])


def data(*shape: int) -> np.ndarray:
    drawn = np.random.default_rng(seed=sum(shape)).random(shape, dtype=np.float32)
    return np.where(drawn < 0.4, 0, drawn - 0.5).astype(np.float32)


def network(package, shape: tuple[int, ...], *layers):
    return package.Sequential([package.Input(shape), *layers], name="net")


def quantities(found: Verification, layer: str) -> dict[str, int]:
    return {check.quantity: check.brute_force for check in found.checks if check.layer == layer}


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
    # Input and state, at 4 timesteps: (6 + 5) x 4 gates x 5 units.
    "LSTM": ((4, 6), dict(units=5), 2 * 4 * (6 + 5) * 4 * 5),
    "GRU": ((4, 6), dict(units=5, return_sequences=True), 2 * 4 * (6 + 5) * 3 * 5),
    "SimpleRNN": ((4, 6), dict(units=5), 2 * 4 * (6 + 5) * 5),
}


@BOTH
@pytest.mark.parametrize("name", LAYERS)
def test_synaptic_layers_by_hand(package, name: str) -> None:
    shape, options, dense_synops = LAYERS[name]
    model = network(package, shape, getattr(package.layers, name)(**options, name="it"))
    found = ep.verify(model, data(2, *shape))
    counts = quantities(found, "it")
    assert counts["dense_synops"] == dense_synops
    assert 0 < counts["event_synops"] < dense_synops
    assert found.differences == () and found.unchecked == {}


@BOTH
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
def test_pooling_by_hand(package, name: str, options: dict, taps: int) -> None:
    model = network(package, (5, 4, 3), getattr(package.layers, name)(**options, name="pool"))
    found = ep.verify(model, data(2, 5, 4, 3))
    assert quantities(found, "pool") == {"elementwise_ops": taps, "parameters": 0}
