"""The script that measures kernels of a processor: what it times is right, busy moments do not count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from energyprobe.costing.kernels.cpu_fitting import Processor, cells_of
from energyprobe.costing.kernels.measured import read_kernels

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measure_cpu_kernels

    return measure_cpu_kernels


@pytest.fixture
def kernels(script: Any) -> Any:
    import cpu_kernels

    return cpu_kernels


def test_all_ways_of_a_product_give_the_same(kernels: Any) -> None:
    rng = np.random.default_rng(2)
    spikes = (rng.random((7, 37)) < 0.2).astype(np.float32)
    weights = rng.standard_normal((37, 23), dtype=np.float32)
    expected = [[sum(spikes[i, j] * weights[j, o] for j in range(37)) for o in range(23)] for i in range(7)]
    left, right = kernels.Both.of(spikes), kernels.Both.of(weights)
    ways = (
        kernels.dense_runs(left, right),
        kernels.csr_runs(kernels.Compressed.of(spikes), right),
        kernels.gather_runs(left, right),
    )
    for runs in ways:
        assert set(runs) == {"numpy", "tensorflow"}
        for run in runs.values():
            assert np.allclose(run(), expected, atol=1e-5)


def test_compressing_keeps_the_matrix(kernels: Any) -> None:
    import tensorflow as tf

    matrix = np.array([[0, 2, 0], [3, 0, 0]], dtype=np.float32)
    runs = kernels.compress_runs(kernels.Both.of(matrix))
    assert np.array_equal(runs["numpy"]().toarray(), matrix)
    assert np.array_equal(tf.sparse.to_dense(runs["tensorflow"]()), matrix)


def test_neurons_fire_above_one_and_keep_the_rest(kernels: Any) -> None:
    current = np.array([[1.0, 3.0]], dtype=np.float32)
    voltage = np.array([[0.0, 0.96]], dtype=np.float32)
    runs = kernels.update_runs(kernels.Both.of(current), kernels.Both.of(voltage.copy()))
    fired, left = runs["tensorflow"]()
    spikes = kernels.update(current, voltage)
    assert spikes.tolist() == fired.numpy().tolist() == [[0.0, 1.0]]
    assert voltage[0] == pytest.approx([0.05, 0.96 + 2.04 * 0.05 - 1], abs=1e-6)
    assert left.numpy()[0] == pytest.approx(voltage[0], abs=1e-6)


def test_a_low_quantile_of_the_timings_is_written(script: Any) -> None:
    timings = [3e-6, *[2e-6] * 9, 900e-6]
    problem = script.Problem("csr", "numpy", 4, 50, 6, 20, (50, 6), lambda: None, 64, timings)
    row = dict(zip(script.HEADER, problem.row("chip"), strict=True))
    assert float(row["time_us"]) == pytest.approx(2.0)
    assert float(row["sparsity"]) == pytest.approx(0.9)
    sizes = [row[name] for name in ("gpu", "kernel", "m", "k", "n", "nnz", "source")]
    assert sizes == ["chip", "csr", 4, 50, 6, 20, "numpy"]
    assert row["pattern"] == "weights=50x6 rows=64 timings=11"


def test_spikes_take_turns_and_are_as_many_as_wanted(script: Any) -> None:
    spikes = script.spikes_of(3, 40, 17, np.random.default_rng(0))
    assert spikes.shape == (3, 40)
    assert spikes.sum() == np.count_nonzero(spikes) == 17
    seen: list[int] = []
    runs = script.in_turn([{"numpy": lambda i=i: seen.append(i)} for i in range(3)])
    for _ in range(4):
        runs["numpy"]()
    assert seen == [0, 1, 2, 0]


def test_every_problem_is_timed_in_every_round(script: Any) -> None:
    runs = [0, 0]

    def count(index: int) -> None:
        runs[index] += 1

    found = [
        script.Problem("dense", "numpy", 1, 1, 1, 1, (1, 1), lambda index=index: count(index))
        for index in (0, 1)
    ]
    ticks = iter(range(10**6))
    assert script.measure(found, 0.0, lambda: float(next(ticks))) == 3
    for problem, times in zip(found, runs, strict=True):
        assert len(problem.seconds) == 3 * problem.slices == 15
        assert problem.seconds == [1 / problem.repetitions] * 15
        assert times == 3 + 3 * (1 + problem.slices * problem.repetitions)


def test_the_file_has_all_kernels_and_says_where_it_was_measured(
    script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script, "LAYERS", ((64, 32),))
    monkeypatch.setattr(script, "BATCHES", (1, 8))
    monkeypatch.setattr(script, "DENSITIES", (0.1, 1.0))
    assert script.main(str(tmp_path / "cpu.csv"), 0.0) == 0
    facts, frame = read_kernels(tmp_path / "cpu.csv")
    assert list(frame) == script.HEADER
    assert (frame["time_us"] > 0).all()
    assert set(frame["source"]) == {"numpy", "tensorflow"}
    processor = Processor.of(facts)
    assert processor.threads == 1
    assert 1e8 < processor.clock_hz < 1e10
    cells = cells_of(frame, "numpy")
    # Per batch: 2 dense, 2 densities of spikes in three ways, 2 densities of weights.
    assert {name: len(cell) for name, cell in cells.items()} == {
        "dense": 4,
        "csr": 8,
        "gather": 4,
        "compress": 4,
        "elementwise": 2,
    }
    csr = cells["csr"]
    of_spikes = np.isin(csr.problem.m, (1, 8))
    assert set(csr.problem.options["rows"][of_spikes]) == {64.0}
    assert set(csr.layer) == {"64x32"}
