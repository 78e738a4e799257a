"""Fits of CPU kernels: constants come back from times that the models made, and no layer is seen twice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from energyprobe.costing.kernels.cpu import CPU_KERNELS, facts_of
from energyprobe.costing.kernels.cpu_fitting import Cell, Processor, fit_all, held_out
from energyprobe.costing.kernels.parts import Problem

PROCESSOR = Processor("Chip 9", "", 2026, 2e9, 32.0, 1.0, (32768.0, 524288.0, 16777216.0))
SPEEDS = {"l1": 2e11, "l2": 9e10, "l3": 3e10, "memory": 1e10}
TRUE = {
    "dense": {"call": 2e-6, "eta": 1.3, "pack_a": 1e-10, "pack_b": 2e-10, "vector": 1.5, **SPEEDS},
    "csr": {
        "call": 3e-6, "row": 3e-8, "out": 2e-10, "event": 3e-9, "scattered": 0.8, "narrow": 8e-10, **SPEEDS
    },
    "elementwise": {"call": 4e-6, **SPEEDS},
}  # fmt: skip
SHARE = 0.4
LAYERS = [(64, 64), (300, 100), (256, 256), (1000, 250), (700, 500), (2048, 1024), (3000, 4000), (5000, 6000)]


@pytest.fixture
def cells() -> dict[str, Cell]:
    """Kernels of all layers, whose times are those of the models with 1 % of noise."""
    rng, core = np.random.default_rng(3), PROCESSOR.core(SHARE)
    found = {}
    for name, constants in TRUE.items():
        densities = (1.0,) if name == "dense" else (0.01, 0.1, 0.4, 1.0)
        rows = list(itertools.product(LAYERS, (1, 3, 16, 64), densities))
        m, k, n, density = np.array([(m, k, n, each) for (k, n), m, each in rows], dtype=float).T
        if name == "csr":
            m, n = np.concatenate([m, n]), np.concatenate([n, m])
            k, density, rows = np.tile(k, 2), np.tile(density, 2), rows * 2
        problem = Problem(m, k, n, density, {})
        fact = CPU_KERNELS[name].fact
        facts = {fact: facts_of("numpy", 32.0)[fact]} if fact else {}
        times = CPU_KERNELS[name].model(problem, core, {**constants, **facts}).seconds()
        layer = np.array([f"{k}x{n}" for (k, n), *_ in rows], dtype=object)
        found[name] = Cell(name, problem, times * np.exp(rng.normal(0, 0.01, len(m))), layer)
    return found


def test_constants_come_back(cells: dict[str, Cell]) -> None:
    fitted = fit_all(cells, PROCESSOR, "numpy")
    assert fitted.last_share == pytest.approx(SHARE, rel=0.1)
    assert fitted.share_ends[0] < SHARE < fitted.share_ends[1]
    for name in ("call", "eta", "vector"):
        assert fitted.constants["dense"][name] == pytest.approx(TRUE["dense"][name], rel=0.1)
    # Packing is a small part of most times.
    for name in ("pack_a", "pack_b"):
        assert fitted.constants["dense"][name] == pytest.approx(TRUE["dense"][name], rel=0.3)
    for name in ("call", "event", "narrow", "scattered", "l3", "memory"):
        assert fitted.constants["csr"][name] == pytest.approx(TRUE["csr"][name], rel=0.1)
    assert fitted.constants["csr"]["narrow_up_to"] == 1.0
    assert fitted.constants["dense"]["tile"] == 4.0
    for kernel, constants in fitted.constants.items():
        for name, value in constants.items():
            low, high = fitted.ends[kernel][name]
            assert low <= value <= high


def test_held_out_layers_are_predicted_by_the_others(cells: dict[str, Cell]) -> None:
    predicted = held_out(cells, PROCESSOR, "numpy")
    for name, cell in cells.items():
        error = np.abs(np.log(predicted[name] / cell.time_s))
        assert np.median(error) < 0.02, name


def test_a_layer_does_not_tell_of_itself(cells: dict[str, Cell]) -> None:
    # One layer takes three times as long: its predictions must not know.
    odd = cells["elementwise"].layer == "700x500"
    slow = {
        name: Cell(name, cell.problem, np.where(cell.layer == "700x500", 3.0, 1.0) * cell.time_s, cell.layer)
        for name, cell in cells.items()
    }
    before, after = (held_out(each, PROCESSOR, "numpy")["elementwise"][odd] for each in (cells, slow))
    assert after == pytest.approx(before, rel=1e-6)


def test_tiles_of_tensorflow_are_as_wide_as_vectors() -> None:
    assert [facts_of("tensorflow", width)["tile"] for width in (16.0, 64.0)] == [4.0, 16.0]
    assert facts_of("tensorflow", 32.0)["narrow_up_to"] == 31.0
    assert facts_of("numpy", 64.0) == {"tile": 4.0, "narrow_up_to": 1.0}
