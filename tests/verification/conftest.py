"""Both generations of Keras, small networks and data with zeros."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(params=["keras", "tf_keras"])
def package(request):
    """One Keras after the other."""
    return pytest.importorskip(request.param)


@pytest.fixture
def data():
    """``data(*shape)``: numbers between -0.5 and 0.5, a good part of them zero."""

    def data(*shape: int) -> np.ndarray:
        drawn = np.random.default_rng(seed=sum(shape)).random(shape, dtype=np.float32)
        return np.where(drawn < 0.4, 0, drawn - 0.5).astype(np.float32)

    return data


@pytest.fixture
def network(package):
    """``network(shape, *layers)``: layers in a row."""

    def network(shape: tuple[int, ...], *layers):
        return package.Sequential([package.Input(shape), *layers], name="net")

    return network


@pytest.fixture
def quantities():
    """``quantities(found, layer)``: what was counted of a layer by brute force."""

    def quantities(found, layer: str) -> dict[str, int]:
        return {check.quantity: check.brute_force for check in found.checks if check.layer == layer}

    return quantities
