"""The script that measures kernels of a GPU, on a GPU that is made up: sweep, file, what is held out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.calibrate import calibrate_gpu
from energyprobe.costing.kernels.measured import read_kernels

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


class MadeUpGpu:
    """A GPU whose kernels take what the models say, with 2 % of noise; a run is its time and its power."""

    facts = {"gpu": "NVIDIA A100-SXM4-80GB", "driver": "made up", "date": "2026-01-01"}

    def __init__(self) -> None:
        self._rng = np.random.default_rng(4)

    def _run(
        self, kernel: str, m: int, k: int, n: int, density: float = 1.0, dtype: str = "fp32", **more: Any
    ) -> Any:
        priced = ep.kernel_cost("a100-80gb", kernel, m=m, k=k, n=n, density=density, dtype=dtype, **more)
        found = (float(priced.time_s), float(priced.power_w))
        return lambda: found

    def dense(self, m: int, k: int, n: int, zeros: float, dtype: str) -> Any:
        return self._run("dense", m, k, n, dtype=dtype)

    def csr(self, m: int, k: int, n: int, zeros: float, dtype: str) -> Any:
        return self._run("csr", m, k, n, 1 - zeros, dtype, operand="weights")

    def compress(self, m: int, k: int, zeros: float, dtype: str) -> Any:
        return lambda: (2e-5, 80.0)

    def compact(self, m: int, k: int, zeros: float, dtype: str) -> Any:
        return lambda: (1e-5, 80.0), self._seen(m, k, zeros)

    def gather(self, m: int, k: int, n: int, zeros: float, dtype: str) -> Any:
        return self._run("gather", m, k, n, 1 - zeros, dtype), self._seen(m, k, zeros)

    def conv(self, batch: int, size: int, channels: int, spikes: np.ndarray, dtype: str) -> Any:
        assert spikes.shape == (batch, channels, size, size)
        return lambda: (3e-5, 100.0)

    def conv_scatter(
        self, batch: int, size: int, channels: int, spikes: np.ndarray, dtype: str, first: bool
    ) -> Any:
        m, k = batch * size * size, 9 * channels
        density = float(9 * spikes.sum()) / (m * k)
        return self._run("conv-scatter", m, k, channels, density, strided=first)

    def neurons(self, elements: int, steps: int) -> Any:
        return self._run("elementwise", elements * steps, 1, 1, accesses=2 + 4 / steps)

    def copy(self, size_bytes: int) -> Any:
        return lambda: (size_bytes / 1e12, 200.0)

    def graph(self, run: Any) -> Any:
        return run

    def seconds(self, run: Any, budget_s: float, *, cold: bool) -> float:
        time_s, _ = run() or (1e-4, 0.0)
        return float(time_s * np.exp(self._rng.normal(0, 0.02)))

    def power(self, run: Any, window_s: float) -> tuple[float, float]:
        if run is None:
            return 60.0, 0.0
        time_s, watts = run()
        return float(watts), 1 / float(time_s)

    def _seen(self, m: int, k: int, zeros: float) -> dict[str, float]:
        return {"nnz": round((1 - zeros) * m * k), "unique": round(k * (1 - zeros**m))}


@pytest.fixture(scope="module")
def script() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    import measure_gpu_kernels

    sys.path.remove(str(BENCHMARKS))
    return measure_gpu_kernels


@pytest.fixture(scope="module")
def measured(script: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measured") / "gpu.csv"
    assert script.measure(MadeUpGpu(), path, [1, 2, 3, 4, 5]) > 700
    return path


def test_the_file_is_one_of_measured_kernels(measured: Path) -> None:
    facts, frame = read_kernels(measured)
    assert facts == MadeUpGpu.facts
    assert (frame["time_us"] > 0).all() and set(frame["gpu"]) == {MadeUpGpu.facts["gpu"]}
    assert frame["sparsity"].between(0, 1).all()
    products = {"dense", "gather", "compact", "csr", "compress", "cudnn", "conv-scatter"}
    others = {"elementwise", "idle", "copy", "snn-stepwise", "snn-folded", "snn-fused", "snn-recurrent"}
    assert set(frame["kernel"]) == products | others


def test_what_the_sweep_holds(measured: Path) -> None:
    _, frame = read_kernels(measured)
    gather = frame[frame["kernel"] == "gather"]
    assert set(gather["k"]) == {1024, 4096, 16384} and set(gather["m"]) == {1, 8, 64, 512}
    assert set(gather["dtype"]) == {"fp16", "fp32"}
    assert gather["sparsity"].min() == 0.5 and gather["sparsity"].max() == 0.999
    assert set(gather[gather["m"] == 1]["pattern"].str.extract("l2=([a-z]+)")[0]) == {"cold", "warm"}
    # Columns that any of 64 rows uses, at a density of 1 %.
    some = gather[(gather["m"] == 64) & (gather["k"] == 4096) & gather["sparsity"].between(0.985, 0.995)]
    assert some["pattern"].str.contains(f"unique={4096 * (1 - 0.99**64):.0f}").all() and len(some) == 2
    scatter = frame[frame["kernel"] == "conv-scatter"]
    assert set(scatter["pattern"].str.extract("strided=([01])")[0]) == {"0", "1"}
    assert set(scatter["pattern"].str.extract("clustered=([01])")[0]) == {"0", "1"}
    assert set(scatter["n"]) == {64, 128}
    steps = frame[frame["kernel"].str.startswith("snn-")]
    assert set(steps["pattern"].str.extract("T=([0-9]+)")[0]) == {"1", "8", "32", "128"}
    assert set(steps["pattern"].str.extract("launch=([a-z]+)")[0]) == {"stream", "graph"}
    powered = frame[frame["power_w"].notna()]
    assert {"idle", "dense", "copy"} == set(powered["kernel"])
    assert powered[powered["kernel"] == "dense"]["energy_uj"].notna().all()


def test_large_layers_and_one_density_are_held_out(measured: Path) -> None:
    _, frame = read_kernels(measured)
    held = frame["pattern"].fillna("").str.contains("held=1")
    at_density = frame["kernel"].isin(["gather", "csr"]) & frame["sparsity"].between(0.949, 0.951)
    assert held[(frame["k"] == 16384) | (frame["n"] == 16384) | at_density].all()
    assert not held[
        (frame["k"] < 16384) & (frame["n"] < 16384) & ~frame["sparsity"].between(0.949, 0.951)
    ].any()


def test_a_device_of_it_predicts_what_was_held_out(measured: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(calibrate_gpu(measured, name="mine"), encoding="utf-8")
    mine = ep.load_device(path)
    assert {fit.kernel for fit in mine.fit} >= {"dense", "gather", "csr", "conv-scatter", "elementwise"}
    for density in (0.05, 0.5):
        size = {"m": 1, "k": 16384, "n": 16384, "density": density, "dtype": "fp16"}
        ours, theirs = (ep.kernel_cost(gpu, "gather", **size).time_s for gpu in (mine, "a100-80gb"))
        assert ours == pytest.approx(theirs, rel=0.15)


def test_one_part_alone(script: Any, tmp_path: Path) -> None:
    assert script.measure(MadeUpGpu(), tmp_path / "power.csv", [5]) == 1 + 2 * 10 + 2


def test_clustered_spikes_are_as_many_in_a_quarter(script: Any) -> None:
    apart, together = (script.images(8, 16, 32, 0.05, clustered) for clustered in (False, True))
    assert apart.mean() == pytest.approx(0.05, rel=0.1) and together.mean() == pytest.approx(0.05, rel=0.1)
    assert not together[:, :, 8:].any() and not together[:, :, :, 8:].any()


def test_without_a_gpu_it_says_what_it_needs() -> None:
    command = [sys.executable, str(BENCHMARKS / "measure_gpu_kernels.py"), "out.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        "needs PyTorch, CuPy and pynvml on a CUDA machine" in done.stderr and "Traceback" not in done.stderr
    )
