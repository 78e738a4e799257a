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


HOST_S = 1e-3
"""What the host of the made-up GPU takes to launch what is not queued."""


class MadeUpGpu:
    """A GPU whose kernels take what the models say, with 2 % of noise; a run is its time and its power."""

    facts = {"gpu": "NVIDIA A100-SXM4-80GB", "driver": "made up", "date": "2026-01-01"}
    idle_w = 50.0

    def __init__(self) -> None:
        self._rng = np.random.default_rng(4)
        self.took_s = 0.0

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

    def seconds(self, run: Any, budget_s: float, *, cold: bool, queued: bool) -> float:
        time_s, _ = run() or (1e-4, 0.0)
        self.took_s += max(budget_s, 4 * time_s)
        return float(time_s * np.exp(self._rng.normal(0, 0.02))) + (0.0 if queued else HOST_S)

    def power(self, run: Any, window_s: float) -> tuple[float, float]:
        self.took_s += 0.5 + window_s
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
    path, gpu = tmp_path_factory.mktemp("measured") / "gpu.csv", MadeUpGpu()
    assert script.measure(gpu, path, [1, 2, 3, 4, 5]) > 700
    assert gpu.took_s < 5 * 60  # of 8 minutes; the rest is for making operands
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
    assert set(gather["k"]) == {1024, 4096, 8192, 16384} and set(gather["m"]) == {1, 8, 64, 512}
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
    # Only what cannot be queued holds the host's time.
    by_host = frame["time_us"] > 1e6 * HOST_S
    small = frame["kernel"].isin(["compact", "cudnn", "compress"]) | frame["kernel"].str.startswith("snn-")
    assert set(frame[by_host & small]["kernel"]) == {"compress", *steps["kernel"]}
    powered = frame[frame["power_w"].notna()]
    assert {"idle", "dense", "gather", "csr", "elementwise", "copy"} == set(powered["kernel"])
    assert powered[powered["kernel"] != "idle"]["energy_uj"].notna().all()
    assert list(powered[powered["kernel"] == "idle"]["power_w"]) == [50.0, 60.0]


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
        ours, theirs = (ep.kernel_cost(gpu, "gather", **size) for gpu in (mine, "a100-80gb"))
        assert ours.time_s == pytest.approx(theirs.time_s, rel=0.15)
        assert ours.power_calibrated
        assert ours.power_w == pytest.approx(theirs.power_w, rel=0.15)


def test_one_part_alone(script: Any, tmp_path: Path) -> None:
    # Idle twice; dense with zeros, and three products, of two data types; neurons; two copies.
    assert script.measure(MadeUpGpu(), tmp_path / "power.csv", [5]) == 2 + 2 * (10 + 3) + 1 + 2


@pytest.mark.parametrize("density", [0.05, 0.3])
def test_clustered_spikes_are_as_many_in_a_half(script: Any, density: float) -> None:
    apart, together = (script.images(8, 16, 32, density, clustered) for clustered in (False, True))
    assert apart.mean() == pytest.approx(density, rel=0.1)
    assert together.mean() == pytest.approx(density, rel=0.1)
    assert not together[:, :, 8:].any() and together[:, :, :8].any()


def test_without_a_gpu_it_says_what_it_needs() -> None:
    command = [sys.executable, str(BENCHMARKS / "measure_gpu_kernels.py"), "out.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        "needs PyTorch, CuPy and pynvml on a CUDA machine" in done.stderr and "Traceback" not in done.stderr
    )
