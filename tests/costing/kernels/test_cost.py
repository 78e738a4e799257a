"""`kernel_cost`: orientation, intervals, marks, claims that measurements support, and every error."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import energyprobe as ep
from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.kernels.loading import fits
from energyprobe.costing.kernels.table import KERNELS
from energyprobe.costing.lookup import catalog, gpu_of

LAYER = {"m": 512, "k": 1024, "n": 2048}
STRUCTURES = {"blocked-ell": "block8x8", "vector-sparse": "vector8x1", "nm": "n:32", "2:4": "2:4"}
GPUS = [name for name, each in catalog().items() if isinstance(each, GpuDevice)]
DTYPES = {"blocked-ell": "fp16", "vector-sparse": "fp16", "2:4": "fp16", "csr-colmajor": "fp16"}


def any_kernel(gpu: str, kernel: str, **more: Any) -> Any:
    structure = STRUCTURES.get(kernel, "unstructured")
    operand = "weights" if kernel in STRUCTURES else "activations"
    dtype = DTYPES.get(kernel, "fp32")
    asked = {**LAYER, "density": 0.5, "dtype": dtype, "operand": operand, "structure": structure, **more}
    return ep.kernel_cost(gpu, kernel, **asked)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gpu", GPUS)
def test_every_kernel_runs_on_every_gpu_that_can(gpu: str, kernel: str) -> None:
    if kernel == "2:4" and gpu_of(gpu).architecture in ("Volta", "Turing"):
        pytest.skip("no sparse tensor cores; the error has a test of its own")
    cost = any_kernel(gpu, kernel)
    assert 0 < cost.low_time_s <= cost.time_s <= cost.high_time_s < 10
    assert 0 < cost.low_j < cost.energy_j < cost.high_j
    limit_w = gpu_of(gpu).constants.limit_w.value_si
    assert 0 < cost.power_w <= limit_w * (1 + 1e-9)
    assert cost.limit in ("launch", "compute", "memory", "gather", "imbalance")
    assert cost.sources


@pytest.mark.parametrize("kernel", KERNELS)
def test_columns_are_priced_like_single_problems(kernel: str) -> None:
    k = np.array([[96.0, 1024.0, 3000.0]])
    density = np.array([[0.02], [0.5]])
    together = any_kernel("a100", kernel, k=k, density=density)
    assert together.time_s.shape == together.limit.shape == together.calibrated.shape == (2, 3)
    for row in range(2):
        for column in range(3):
            alone = any_kernel("a100", kernel, k=k[0, column], density=density[row, 0])
            assert alone.time_s == together.time_s[row, column]
            assert alone.energy_j == together.energy_j[row, column]


def test_chunks_do_not_change_prices() -> None:
    m = np.arange(1.0, 40001.0)
    whole = ep.kernel_cost("a100", "csr", m=m, k=512, n=64, density=0.1).time_s
    parts = [
        ep.kernel_cost("a100", "csr", m=part, k=512, n=64, density=0.1).time_s for part in np.split(m, 4)
    ]
    assert np.array_equal(whole, np.concatenate(parts))


def test_batch_multiplies_m_of_activations_and_n_of_weights() -> None:
    size = {"k": 700, "dtype": "fp32", "density": 0.2}
    batched = ep.kernel_cost("a100", "sputnik", m=3, n=50, batch=16, **size)
    assert batched.time_s == ep.kernel_cost("a100", "sputnik", m=48, n=50, **size).time_s
    batched = ep.kernel_cost("a100", "sputnik", m=300, n=5, batch=16, operand="weights", **size)
    assert batched.time_s == ep.kernel_cost("a100", "sputnik", m=300, n=80, operand="weights", **size).time_s


def test_activations_pay_for_conversion_in_every_step_and_weights_do_not() -> None:
    of_activations = ep.kernel_cost("a100", "sputnik", **LAYER, density=0.25)
    of_weights = ep.kernel_cost("a100", "sputnik", **LAYER, density=0.25, operand="weights")
    assert of_activations.time_s - of_weights.time_s > 3 * 6e-6
    assert not of_activations.calibrated
    gathered = ep.kernel_cost("a100", "gather", **LAYER, density=0.25)
    assert (
        gathered.time_s == ep.kernel_cost("a100", "gather", **LAYER, density=0.25, operand="weights").time_s
    )


def test_packing_takes_from_what_two_of_four_gain() -> None:
    size = {"m": 8192, "k": 2048, "n": 2048, "dtype": "fp16", "operand": "weights"}
    dense = ep.kernel_cost("h100", "dense", **size).time_s
    kept, packed = (
        ep.kernel_cost("h100", "2:4", **size, density=0.5, structure="2:4", pack=pack).time_s
        for pack in (False, True)
    )
    assert kept < dense
    assert packed - kept > 7e-6


def test_calibrated_where_measured_only() -> None:
    inside = {"m": 4096, "k": 4096, "n": 1024, "density": 0.25, "operand": "weights"}
    assert ep.kernel_cost("rtx3090", "sputnik", **inside).calibrated
    assert not ep.kernel_cost("rtx3090", "sputnik", **{**inside, "n": 8}).calibrated
    assert not ep.kernel_cost("rtx3090", "sputnik", **{**inside, "density": 0.01}).calibrated
    assert not ep.kernel_cost("t4", "sputnik", **inside).calibrated
    for kernel in ("gather", "conv-scatter", "conv-gather", "tile-skip", "column-skip"):
        assert not ep.kernel_cost("a100", kernel, m=1, k=512, n=512, density=0.1).calibrated


def test_intervals_are_wider_where_nothing_was_measured() -> None:
    def width(gpu: str, **more: float) -> float:
        cost = ep.kernel_cost(
            gpu, "sputnik", **{"m": 4096, "k": 4096, "n": 1024, "density": 0.25, **more}, operand="weights"
        )
        return float(np.log(cost.high_time_s / cost.low_time_s))

    assert width("a100") < width("t4") < width("t4", n=8)
    assert width("a100", n=8) == pytest.approx(2 * width("a100"))


def test_a_dense_kernel_may_save_energy_on_zeros_but_no_time() -> None:
    full, empty = (ep.kernel_cost("h200", "dense", **LAYER, density=share, dtype="bf16") for share in (1, 0))
    assert full.time_s == empty.time_s
    assert full.energy_j == empty.energy_j
    assert empty.low_j == pytest.approx(0.6 * full.low_j)
    assert empty.high_j == full.high_j


def test_fp16_and_bf16_take_the_same_units() -> None:
    both = [ep.kernel_cost("h200", "dense", **LAYER, dtype=dtype) for dtype in ("fp16", "bf16")]
    assert both[0].time_s == both[1].time_s
    assert both[0].calibrated and both[1].calibrated


def test_ways_of_launching_differ_by_their_launch() -> None:
    times = {
        way: ep.kernel_cost("h200", "dense", **LAYER, dtype="bf16", launch=way).time_s
        for way in ("graph", "stream", "framework")
    }
    assert times["stream"] - times["graph"] == pytest.approx((6.3 - 0.58) * 1e-6)
    assert times["framework"] - times["stream"] == pytest.approx((60 - 6.3) * 1e-6)


def test_launches_are_as_uncertain_as_they_are_and_kernels_as_their_model() -> None:
    # Neurons timed in a graph; a launch takes 0.58 us there, and 60 us (10 to 80) by a framework.
    neurons = {"m": 64, "k": 64, "n": 1, "dtype": "bf16"}
    timed, asked = (
        ep.kernel_cost("h200", "elementwise", **neurons, launch=way) for way in ("graph", "framework")
    )
    assert timed.calibrated
    assert asked.low_time_s - timed.low_time_s == pytest.approx((10 - 0.58) * 1e-6)
    assert asked.time_s - timed.time_s == pytest.approx((60 - 0.58) * 1e-6)
    assert asked.high_time_s - timed.high_time_s == pytest.approx((80 - 0.58) * 1e-6)


def test_launches_are_figures_of_the_gpu_that_can_be_its_own() -> None:
    h200 = ep.device("h200")
    assert h200.uncertain == ("launches.graph", "launches.stream", "launches.framework")
    known = h200.at({"launches.framework": 20e-6})
    neurons = {"m": 64, "k": 64, "n": 1, "dtype": "bf16"}
    timed, asked = (
        ep.kernel_cost(known, "elementwise", **neurons, launch=way) for way in ("graph", "framework")
    )
    assert asked.time_s - timed.time_s == pytest.approx((20 - 0.58) * 1e-6)
    assert asked.high_time_s - timed.high_time_s == pytest.approx((20 - 0.58) * 1e-6)


@pytest.mark.parametrize("kernel", ["dense", "csr", "gather", "column-skip"])
def test_a_launch_that_may_be_quicker_than_the_timed_one_takes_no_time_off_a_kernel(kernel: str) -> None:
    # Timed in a stream, where a launch takes 6.3 us; the framework of this host takes 8 us (1 to 80).
    h100, own = ep.device("h100"), {"value": 8.0, "low": 1.0, "high": 80.0}
    launch = msgspec.structs.replace(h100.constants.launches["framework"], **own)
    constants = msgspec.structs.replace(h100.constants, launches={"framework": launch})
    gpu = msgspec.structs.replace(h100, constants=constants)
    small = {"m": 1, "k": 32, "n": 32} | ({"density": 0.1} if kernel != "dense" else {})
    cost = ep.kernel_cost(gpu, kernel, **small, launch="framework")
    assert 0 < cost.low_time_s <= cost.time_s <= cost.high_time_s
    assert 0 < cost.low_j <= cost.energy_j <= cost.high_j


def test_a_kernel_holds_the_launch_that_it_was_timed_with() -> None:
    # Timed in a stream. If launches took 8 us there, and not 6.3 us, a framework adds 1.7 us less.
    before, after = (
        [
            ep.kernel_cost(gpu, "dense", m=8, k=256, n=256, launch=way).time_s
            for way in ("stream", "framework")
        ]
        for gpu in (ep.device("a100"), ep.device("a100").at({"launches.stream": 8e-6}))
    )
    assert after[0] == before[0]
    assert before[1] - after[1] == pytest.approx(1.7e-6)


@pytest.mark.parametrize(("kernel", "launches"), [("gather", 4), ("column-skip", 3), ("tile-skip", 2)])
def test_every_launch_of_a_kernel_is_paid(kernel: str, launches: int) -> None:
    dearer, cheaper = (
        ep.kernel_cost("a100", kernel, m=8, k=256, n=256, density=0.1, launch=way).time_s
        for way in ("framework", "stream")
    )
    assert dearer - cheaper == pytest.approx(launches * (60 - 6.3) * 1e-6)


def test_what_a_framework_offers_needs_no_custom_kernel() -> None:
    offered = {kernel for kernel in KERNELS if not any_kernel("a100", kernel).needs_custom_kernel}
    assert offered == {"dense", "csr", "elementwise"}


def test_power_never_exceeds_the_limit_and_time_stretches_instead() -> None:
    # Full arithmetic would draw more than the 70 W of a T4, on which no time was measured.
    cost = ep.kernel_cost("t4", "dense", m=8192, k=8192, n=8192, dtype="fp16")
    assert cost.power_w == pytest.approx(70, rel=1e-3)
    assert 2 * 8192**3 / cost.time_s < 0.75 * 65e12


@pytest.mark.parametrize("gpu", ["a100-pcie-80gb", "rtx3090", "rtx4090"])
@pytest.mark.parametrize("kernel", ["csr", "sputnik"])
@pytest.mark.parametrize("n", [256, 1024, 4096])
def test_at_75_percent_unstructured_weights_are_slower(gpu: str, kernel: str, n: int) -> None:
    size = {
        "m": np.array([2048, 4096, 5120, 8192, 11008, 22016]),
        "k": np.array([2048, 4096, 5120, 8192, 4096, 8192]),
    }
    sparse = ep.kernel_cost(gpu, kernel, **size, n=n, density=0.25, operand="weights")
    dense = ep.kernel_cost(gpu, "dense", **size, n=n, operand="weights")
    assert np.median(dense.time_s / sparse.time_s) < 0.9


@pytest.mark.parametrize("gpu", ["v100", "a100", "rtx3090", "rtx4090", "h100"])
def test_at_batch_1_a_gather_gains_at_75_percent(gpu: str) -> None:
    size = {"m": 1, "k": 16384, "n": 16384, "dtype": "fp16"}
    sparse = ep.kernel_cost(gpu, "gather", **size, density=0.25)
    assert ep.kernel_cost(gpu, "dense", **size).time_s > 2 * sparse.time_s


@pytest.mark.parametrize(("gpu", "speed"), [("a100-pcie-80gb", 1.82), ("rtx3090", 1.42), ("rtx4090", 1.46)])
def test_half_of_32_vectors_is_as_fast_as_measured(gpu: str, speed: float) -> None:
    # NM-SpMM, medians over LLM layers.
    size = {
        "m": np.array([4096, 8192, 11008]),
        "k": np.array([4096, 8192, 4096]),
        "n": 1024,
        "operand": "weights",
    }
    sparse = ep.kernel_cost(gpu, "nm", **size, density=0.5, structure="n:32").time_s
    assert np.median(ep.kernel_cost(gpu, "dense", **size).time_s / sparse) == pytest.approx(speed, rel=0.1)


@pytest.mark.parametrize("kernel", sorted(set(KERNELS) - {"dense", "elementwise", "2:4"}))
def test_more_non_zeros_never_take_less_time(kernel: str) -> None:
    if kernel == "column-skip":
        pytest.skip("goes by whole steps of the dense kernel, which may choose another tile")
    times = any_kernel("a100", kernel, density=np.linspace(0, 1, 101)).time_s
    assert np.all(np.diff(times) >= -1e-12)


ERRORS: list[tuple[type[Exception], dict[str, Any], str]] = [
    (
        ep.UnknownDeviceError,
        {"gpu": "a1000"},
        "no device 'a1000' (energyprobe.devices(), or ",
    ),
    (ep.ScenarioError, {"kernel": "cst"}, "no kernel 'cst', did you mean 'csr'?"),
    (ep.ScenarioError, {"m": 0}, "m must be at least 1, got 0"),
    (ep.ScenarioError, {"k": np.array([4, -3])}, "k must be at least 1, got -3"),
    (ep.ScenarioError, {"n": float("nan")}, "n must be at least 1, got nan"),
    (ep.ScenarioError, {"n": "many"}, "n must be a number or an array of numbers, got 'many'"),
    (ep.ScenarioError, {"batch": 0}, "batch must be at least 1, got 0"),
    (ep.ScenarioError, {"density": 1.5}, "density must be a share between 0 and 1, got 1.5"),
    (ep.ScenarioError, {"density": -0.1}, "density must be a share between 0 and 1, got -0.1"),
    (ep.ScenarioError, {"m": [1, 2], "k": [1, 2, 3]}, "m, k, n, density and batch do not broadcast"),
    (
        ep.ScenarioError,
        {"kernel": "2:4", "operand": "weights", "structure": "2:4", "density": [0.5, 0.7]},
        "2:4 keeps half at the most: density must be at most 0.5, got 0.7",
    ),
    (ep.ScenarioError, {"imbalance": 0.5}, "imbalance must be at least 1, got 0.5"),
    (ep.ScenarioError, {"kernel": "elementwise", "steps": 0}, "steps must be at least 1, got 0"),
    (ep.ScenarioError, {"kernel": "elementwise", "accesses": -1}, "accesses must be at least 0, got -1"),
    (
        ep.ScenarioError,
        {"kernel": "gather", "weight_density": 2},
        "weight_density must be a share between 0 and 1",
    ),
    (ep.ScenarioError, {"density": None}, "csr needs a density: the share of A that is not zero"),
    (ep.ScenarioError, {"steps": 3}, "csr does not use steps, it uses imbalance, clustered"),
    (
        ep.ScenarioError,
        {"kernel": "dense", "imbalance": 2},
        "dense does not use imbalance, it has no options",
    ),
    (
        ep.ScenarioError,
        {"kernel": "nm", "strided": False, "operand": "weights", "structure": "n:32"},
        "nm does not use strided, it has no options",
    ),
    (ep.ScenarioError, {"launch": "grap"}, "no way of launching 'grap', did you mean 'graph'?"),
    (ep.ScenarioError, {"operand": "inputs"}, "operand must be 'activations' or 'weights', got 'inputs'"),
    (ep.ScenarioError, {"structure": "block8"}, "no structure 'block8', did you mean 'block8x8'"),
    (
        ep.ScenarioError,
        {"structure": "2:4"},
        "activations are unstructured and change at every step, got '2:4'",
    ),
    (
        ep.ScenarioError,
        {"kernel": "blocked-ell", "operand": "weights"},
        "blocked-ell does not run on 'unstructured' sparsity, it needs block(2x2|4x4|8x8)",
    ),
    (
        ep.DeviceError,
        {"gpu": "v100", "kernel": "2:4", "operand": "weights", "structure": "2:4"},
        "NVIDIA V100 SXM2 (Volta) has no sparse tensor cores: 2:4 needs Ampere or newer",
    ),
    (ep.DeviceError, {"dtype": "fp12"}, "csr has no constants for data type 'fp12'"),
    (ep.DeviceError, {"kernel": "gather", "dtype": "fp12"}, "no data type 'fp12', did you mean"),
    (ep.DeviceError, {"gpu": "v100", "dtype": "fp8"}, "csr has no constants for data type 'fp8'"),
    (
        ep.DeviceError,
        {"gpu": "v100", "kernel": "gather", "dtype": "fp8"},
        "NVIDIA V100 SXM2 has no figures for data type 'fp8'",
    ),
]


@pytest.mark.parametrize(("kind", "change", "expected"), ERRORS)
def test_errors(kind: type[Exception], change: dict[str, Any], expected: str) -> None:
    asked = {"gpu": "a100", "kernel": "csr", **LAYER, "density": 0.5, **change}
    with pytest.raises(kind) as caught:
        ep.kernel_cost(asked.pop("gpu"), asked.pop("kernel"), **asked)
    assert str(caught.value).startswith(expected)


def test_names_and_aliases_in_any_case() -> None:
    assert ep.kernel_cost(" A100 ", "dense", **LAYER).device == "a100"
    assert ep.kernel_cost("2080Ti", "dense", **LAYER).device == "rtx2080ti"
    assert ep.kernel_cost("a100:best", "dense", **LAYER).device == "a100:best"


def test_fits_of_each_kernel_are_unique() -> None:
    keys = [(fit.gpu, fit.kernel, fit.dtype, fit.structure) for fit in fits()]
    assert len(keys) == len(set(keys))


def test_lists_of_weights_take_less_to_gather_than_a_matrix() -> None:
    size = {"m": 64, "k": 4096, "n": 4096, "density": 0.3}
    matrix, half, few = (
        ep.kernel_cost("a100", "gather", **size, weight_density=share).time_s for share in (1.0, 0.5, 0.01)
    )
    # A value of 4 bytes and its position take as much as two values.
    assert half == pytest.approx(matrix, rel=0.05)
    assert few < 0.4 * matrix
