"""`kernel_cost` and `breakeven` on the CPU of the catalog: what holds whatever the constants, and errors."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import energyprobe as ep
from energyprobe.costing.kernels.cpu import CPU_KERNELS, CpuFit
from energyprobe.costing.lookup import catalog
from energyprobe.errors import DeviceError, ScenarioError

NAMES = ("amd-epyc-1-thread", "amd-epyc-1-thread-numpy")
SIZES = {"m": 64, "k": 1024, "n": 512}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kernel", CPU_KERNELS)
def test_a_kernel_has_a_time_with_an_interval_and_no_energy(name: str, kernel: str) -> None:
    cost = ep.kernel_cost(name, kernel, **SIZES, density=[0.01, 0.1])
    assert cost.time_s.shape == (2,)
    assert np.all((cost.low_time_s <= cost.time_s) & (cost.time_s <= cost.high_time_s))
    assert np.isnan(cost.energy_j).all() and np.isnan(cost.low_j).all() and np.isnan(cost.high_j).all()
    assert not cost.needs_custom_kernel
    assert cost.sources == (f"measured-{name}",)
    assert set(cost.limit) <= {"launch", "compute", "memory", "gather"}


@pytest.mark.parametrize("name", NAMES)
def test_spikes_are_compressed_every_time_and_weights_once(name: str) -> None:
    size = {**SIZES, "density": 0.05}
    every_time, once = (
        ep.kernel_cost(name, "csr", **size, operand=operand).time_s for operand in ("activations", "weights")
    )
    assert every_time == pytest.approx(once + ep.kernel_cost(name, "compress", **size).time_s)


def test_the_batch_multiplies_rows_of_activations_and_columns_of_weights() -> None:
    for operand, sizes in (("activations", {**SIZES, "m": 64 * 8}), ("weights", {**SIZES, "n": 512 * 8})):
        batched = ep.kernel_cost(NAMES[0], "csr", **SIZES, density=0.1, batch=8, operand=operand)
        whole = ep.kernel_cost(NAMES[0], "csr", **sizes, density=0.1, operand=operand)
        assert batched.time_s == whole.time_s


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_outside_of_the_measurements_is_said_and_has_a_wider_interval(name: str) -> None:
    inside, outside = (ep.kernel_cost(name, "dense", m=64, k=k, n=512) for k in (6000, 6001))
    assert inside.calibrated and not outside.calibrated
    spreads = [np.log(each.high_time_s / each.low_time_s) for each in (inside, outside)]
    assert spreads[1] == pytest.approx(2 * spreads[0])
    assert not ep.kernel_cost(name, "gather", **SIZES, density=1e-6).calibrated
    # Zeros change nothing in the dense kernel.
    assert ep.kernel_cost(name, "dense", **SIZES, density=1e-6).calibrated


@pytest.mark.parametrize("name", NAMES)
def test_small_kernels_are_bound_by_their_calls_and_large_ones_are_not(name: str) -> None:
    assert str(ep.kernel_cost(name, "dense", m=1, k=8, n=8).limit) == "launch"
    assert str(ep.kernel_cost(name, "dense", m=1, k=6000, n=3000).limit) == "memory"
    assert str(ep.kernel_cost(name, "dense", m=256, k=1024, n=1024).limit) == "compute"
    assert str(ep.kernel_cost(name, "csr", m=256, k=4096, n=4096, density=0.1).limit) == "gather"


@pytest.mark.parametrize("name", NAMES)
def test_a_break_even_is_where_both_take_as_long(name: str) -> None:
    found = ep.breakeven(name, **SIZES)
    assert found.quantity == "time"
    assert 0.001 < found.density < 0.5
    dense = ep.kernel_cost(name, "dense", **SIZES).time_s
    sparse = [
        ep.kernel_cost(name, kernel, **SIZES, density=found.density).time_s for kernel in ("csr", "gather")
    ]
    assert min(sparse) == pytest.approx(float(dense), rel=1e-4)
    assert str(found.kernel) == ("csr", "gather")[int(np.argmin(sparse))]
    assert f"{float(found.density):.3g}" in str(found)


@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_layer_gains_nothing_from_zeros(name: str) -> None:
    found = ep.breakeven(name, m=1, k=16, n=16)
    assert found.density == 0.0
    assert str(found) == "none: launch-bound"


@pytest.mark.parametrize(
    ("kernel", "options", "error", "text"),
    [
        ("cusparse", {}, ScenarioError, "is a CPU: no kernel 'cusparse', "),
        ("2:4", {"operand": "weights"}, ScenarioError, "is a CPU: no kernel '2:4', "),
        ("dense", {"dtype": "fp16"}, DeviceError, "was measured in fp32 only, got dtype 'fp16'"),
        (
            "csr",
            {"operand": "weights", "structure": "block8x8"},
            ScenarioError,
            "was measured on unstructured sparsity only, got 'block8x8'",
        ),
        ("dense", {"launch": "graph"}, ScenarioError, "launch is an option of GPUs, and AMD EPYC"),
        ("csr", {"imbalance": 2.0}, ScenarioError, "imbalance is an option of GPUs, and"),
        ("gather", {"strided": True}, ScenarioError, "strided is an option of GPUs, and"),
        ("dense", {"pack": True}, ScenarioError, "pack is an option of GPUs, and"),
        ("dense", {"steps": 7}, ScenarioError, "dense does not use steps, it has no options"),
        ("dense", {"density": 1.5}, ScenarioError, "density must be a share between 0 and 1, got 1.5"),
        ("dense", {"m": 0}, ScenarioError, "m must be at least 1, got 0"),
        ("dense", {"operand": "inputs"}, ScenarioError, "operand must be 'activations' or 'weights'"),
    ],
)
def test_what_cannot_be_priced_is_refused(
    kernel: str, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        ep.kernel_cost(NAMES[0], kernel, **{**SIZES, **options})
    assert text in str(caught.value)


def test_the_energy_of_a_cpu_has_no_break_even() -> None:
    with pytest.raises(ScenarioError) as caught:
        ep.breakeven(NAMES[0], **SIZES, quantity="energy")
    assert str(caught.value) == (
        "the energy of AMD EPYC, one thread, TensorFlow (amd-epyc-1-thread) is not modelled, its power was "
        "not measured: use quantity='time'"
    )


def test_devices_without_kernels_are_refused() -> None:
    with pytest.raises(
        DeviceError, match="^kernels are priced on GPUs and on CPUs that were measured, and"
    ) as caught:
        ep.kernel_cost("loihi", "dense", **SIZES)
    assert "a100" in str(caught.value) and NAMES[0] in str(caught.value)


def test_a_kernel_that_was_not_measured_is_refused() -> None:
    device: Any = catalog()[NAMES[0]]
    without = msgspec.structs.replace(
        device, kernels={name: fit for name, fit in device.kernels.items() if name != "csr"}
    )
    with pytest.raises(ScenarioError, match=r"^csr was not measured on AMD EPYC"):
        ep.kernel_cost(without, "csr", **SIZES)
    assert str(ep.breakeven(without, **SIZES).kernel) == "gather"


def changed(kernel: str, **constants: Any) -> dict[str, CpuFit]:
    """The kernels of the catalog's device, with constants changed or, where None, left out."""
    kernels: dict[str, CpuFit] = catalog()[NAMES[0]].kernels
    new = {
        name: each for name, each in {**kernels[kernel].constants, **constants}.items() if each is not None
    }
    return {**kernels, kernel: msgspec.structs.replace(kernels[kernel], constants=new)}


def test_wrong_kernels_in_a_device_file_are_refused() -> None:
    device: Any = catalog()[NAMES[0]]
    call = device.kernels["dense"].constants["call"]
    wrong: list[tuple[dict[str, CpuFit], str]] = [
        ({"dense": device.kernels["dense"]}, "kernels.elementwise: missing"),
        (
            {**device.kernels, "scr": device.kernels["csr"]},
            "kernels.scr: no kernel of a CPU, did you mean 'csr'",
        ),
        (
            changed("compress", call=None),
            "kernels.compress.constants: compress needs call, row, event",
        ),
        (
            changed("dense", eta=call),
            "kernels.dense.constants.eta.unit: 'ns' is a unit of time, expected one of number: 1",
        ),
        (
            changed("dense", call=msgspec.structs.replace(call, source="nobody")),
            "kernels.dense.constants.call.source: no source 'nobody'",
        ),
    ]
    for kernels, text in wrong:
        with pytest.raises(DeviceError) as caught:
            msgspec.structs.replace(device, kernels=kernels)
        assert str(caught.value).startswith(text)
    with pytest.raises(
        DeviceError, match="^low_ratio: expected 0 < low_ratio <= 1 <= high_ratio, got 1.1 and 1.2"
    ):
        msgspec.structs.replace(device.kernels["dense"], low_ratio=1.1, high_ratio=1.2)
