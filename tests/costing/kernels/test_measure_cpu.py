"""The script that measures kernels of a processor: what it times is right, busy moments do not count."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measure_cpu_kernels

    return measure_cpu_kernels


def test_all_ways_of_a_product_give_the_same(script: Any) -> None:
    rng = np.random.default_rng(2)
    spikes = (rng.random((7, 37)) < 0.2).astype(np.float32)
    weights = rng.standard_normal((37, 23), dtype=np.float32)
    expected = [[sum(spikes[i, j] * weights[j, o] for j in range(37)) for o in range(23)] for i in range(7)]
    products = script.products(spikes, weights, int(spikes.sum()))
    assert [each.kernel for each in products] == ["dense", "csr", "gather"]
    for each in products:
        assert (each.m, each.k, each.n, each.nonzeros) == (7, 37, 23, int(spikes.sum()))
        assert np.allclose(each.run(), expected, atol=1e-5)


def test_neurons_fire_above_one_and_keep_the_rest(script: Any) -> None:
    current = np.array([[1.0, 3.0]], dtype=np.float32)
    voltage = np.array([[0.0, 0.96]], dtype=np.float32)
    spikes = script.update(current, voltage)
    assert spikes.tolist() == [[0.0, 1.0]]
    assert voltage[0] == pytest.approx([0.05, 0.96 + 2.04 * 0.05 - 1], abs=1e-6)


def test_the_median_of_rounds_is_written(script: Any) -> None:
    problem = script.Problem("csr", 4, 50, 6, 20, lambda: None, [3e-6, 2e-6, 900e-6])
    row = dict(zip(script.HEADER, problem.row("cpu"), strict=True))
    assert row["time_us"] == pytest.approx(3.0)
    assert row["sparsity"] == pytest.approx(0.9)
    assert (row["gpu"], row["kernel"], row["m"], row["k"], row["n"], row["nnz"]) == (
        "cpu",
        "csr",
        4,
        50,
        6,
        20,
    )
    assert row["pattern"] == "rounds=3"


def test_every_problem_is_timed_in_every_round(script: Any) -> None:
    runs = [0, 0]

    def count(index: int) -> None:
        runs[index] += 1

    found = [script.Problem("dense", 1, 1, 1, 1, lambda index=index: count(index)) for index in (0, 1)]
    script.measure(found, seconds=0.0)
    assert [len(each.seconds) for each in found] == [3, 3]
    assert all(each > 3 for each in runs)


def test_the_file_has_all_kernels_and_columns(
    script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script, "WEIGHTS", ((64, 32),))
    monkeypatch.setattr(script, "BATCHES", (1, 8))
    assert script.main(str(tmp_path / "cpu.csv"), 0.0) == 0
    with (tmp_path / "cpu.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == script.HEADER
    assert {row["kernel"] for row in rows} == {"dense", "csr", "gather", "elementwise"}
    assert all(float(row["time_us"]) > 0 for row in rows)
