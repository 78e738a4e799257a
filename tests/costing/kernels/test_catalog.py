"""The data files of the kernels: every number cites itself, every fit is whole, wrong ones are refused."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from energyprobe.costing.figures import Figure
from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.kernels.fits import GENERIC, Fit, PowerFit, find_fit, find_power, ready
from energyprobe.costing.kernels.loading import fits, launches, power_fits
from energyprobe.costing.kernels.table import KERNELS
from energyprobe.costing.loading import shared_sources
from energyprobe.costing.lookup import catalog, gpu_of
from energyprobe.errors import DeviceError

GOOD = {
    "value": 2.0,
    "unit": "us",
    "low": 1.0,
    "high": 3.0,
    "source": "tspmm",
    "provenance": "derived",
    "verified": True,
    "boundary": "chip",
}
NEEDED = ("v100", "t4", "rtx2080ti", "rtx3090", "rtx4090", "a100", "a100-80gb", "h100", "h200",
          "jetson-agx-orin", "jetson-agx-xavier")  # fmt: skip


def fitted() -> Iterator[tuple[str, Figure]]:
    for fit in (*fits(), *power_fits()):
        yield from ((f"{fit.gpu} {name}", figure) for name, figure in fit.constants.items())
    yield from launches().items()


def test_every_fitted_figure_cites_a_source_or_says_that_it_is_assumed() -> None:
    found = list(fitted())
    assert len(found) > 250
    for name, figure in found:
        assert figure.source in shared_sources(), name
        if figure.source == "assumed":
            assert figure.provenance == "memory" and not figure.verified, name


def test_the_gpus_that_users_have() -> None:
    assert all(isinstance(catalog()[name], GpuDevice) for name in NEEDED)


def test_clocks_follow_from_peaks() -> None:
    # NVIDIA's boost clocks.
    assert gpu_of("a100-80gb").clock_hz == pytest.approx(1.41e9, rel=0.005)
    assert gpu_of("rtx4090").clock_hz == pytest.approx(2.52e9, rel=0.005)
    assert gpu_of("v100").clock_hz == pytest.approx(1.53e9, rel=0.005)
    assert not gpu_of("v100").verified


def test_every_kernel_has_constants_for_any_gpu() -> None:
    for name, kind in KERNELS.items():
        if kind.constants:
            assert any(fit.gpu == GENERIC and fit.kernel == name for fit in fits()), name


def test_generic_constants_lie_among_those_of_the_gpus() -> None:
    own = {fit.kernel: fit for fit in fits() if fit.gpu == "rtx3090" and fit.kernel == "nm"}
    generic = next(fit for fit in fits() if fit.gpu == GENERIC and fit.kernel == "nm")
    for name, figure in generic.constants.items():
        assert figure.low_si <= own["nm"].constants[name].value_si <= figure.high_si


def test_a_gpu_prefers_its_own_fit_and_falls_back_to_the_generic_one() -> None:
    a100, t4 = gpu_of("a100-80gb"), gpu_of("t4")
    assert find_fit(fits(), t4, "dense", "fp16", "unstructured").gpu == GENERIC
    assert find_fit(fits(), a100, "blocked-ell", "fp16", "block4x4").structure == "block4x4"
    assert ready(fits(), a100, "dense", "bf16", "unstructured")[1]
    assert not ready(fits(), t4, "dense", "bf16", "unstructured")[1]
    assert not ready(fits(), a100, "spmv", "fp32", "unstructured")[1]  # measured in fp64
    assert ready(fits(), a100, "spmv", "fp64", "unstructured")[1]
    merged, measured = ready(fits(), a100, "2:4", "fp16", "2:4")
    assert {"eta", "speedup"} <= set(merged.constants) and not measured


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "int8"])
@pytest.mark.parametrize(
    ("launch", "regime", "source"),
    [("stream", "stream", "magicube"), ("graph", "graph", "aiconfigurator"),
     ("framework", "graph", "aiconfigurator")],
)  # fmt: skip
def test_a_dense_kernel_takes_the_launch_that_was_timed_as_it_is_launched(
    dtype: str, launch: str, regime: str, source: str
) -> None:
    fit = find_fit(fits(), gpu_of("a100"), "dense", dtype, "unstructured", launch)
    assert (fit.regime, fit.constants["launch"].source) == (regime, source)
    # What the shape does to the time was measured in graphs, and is the same however it is launched.
    assert fit.constants["eta"].source == "aiconfigurator"


def test_fits_of_a_device_file_come_before_those_of_the_catalog_however_they_were_launched() -> None:
    own = nm(gpu="a100", regime="graph", structure="n:32")
    a100 = msgspec.structs.replace(gpu_of("a100"), fit=(own,))
    assert find_fit(fits(), a100, "nm", "fp32", "n:32", "stream") is own


def test_power_of_a_gpu_or_the_generic_one() -> None:
    assert find_power(power_fits(), gpu_of("h200"))[1]
    fit, measured = find_power(power_fits(), gpu_of("rtx4090"))
    assert (fit.gpu, measured) == (GENERIC, False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"unit": "uss"}, "unit: 'uss' is no known unit, did you mean 'us'"),
        ({"value": -1.0}, "value: expected a finite number of at least 0, got -1"),
        ({"high": float("inf")}, "high: expected a finite number of at least 0, got inf"),
        ({"low": 2.5}, "value: expected low <= value <= high, got 2.5 <= 2 <= 3"),
        ({"provenance": "memory"}, "verified: a figure of provenance 'memory' cannot be verified"),
    ],
)
def test_a_wrong_figure_is_refused(change: dict[str, object], expected: str) -> None:
    with pytest.raises(DeviceError) as caught:
        Figure(**{**GOOD, **change})
    assert str(caught.value).startswith(expected)


def nm(**change: object) -> Fit:
    constants = {name: Figure(**GOOD) for name in ("launch", "lanes", "l2")}
    right = {"gpu": "t4", "kernel": "nm", "dtype": "fp32", "regime": "graph", "constants": constants}
    return Fit(**{**right, "low_ratio": 0.9, "high_ratio": 1.1, **change})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kernel": "mn"}, "kernel: no kernel 'mn', did you mean 'nm'"),
        ({"constants": {}}, "constants: nm needs launch, lanes, l2"),
        ({"low_ratio": 1.05}, "low_ratio: expected 0 < low_ratio <= 1 <= high_ratio, got 1.05 and 1.1"),
    ],
)
def test_a_wrong_fit_is_refused(change: dict[str, object], expected: str) -> None:
    assert nm().si["lanes"] == pytest.approx(2e-6)
    with pytest.raises(DeviceError) as caught:
        nm(**change)
    assert str(caught.value).startswith(expected)


def test_wrong_power_constants_are_refused() -> None:
    with pytest.raises(DeviceError, match="^constants: power needs idle, static, dram, flop, l2, ramp$"):
        PowerFit(gpu="t4", constants={}, low_ratio=0.9, high_ratio=1.1)
    constants = {name: Figure(**GOOD) for name in ("idle", "static", "dram", "flop", "l2", "ramp")}
    with pytest.raises(DeviceError, match="^low_ratio: expected 0 < low_ratio <= 1 <= high_ratio, got 0.9"):
        PowerFit(gpu="t4", constants=constants, low_ratio=0.9, high_ratio=0.95)


def test_ways_of_launching_that_a_gpu_does_not_give_are_those_of_all() -> None:
    t4, shared = gpu_of("t4").constants, launches()
    own = msgspec.structs.replace(shared["stream"], value=4.0, low=None, high=None)
    changed = msgspec.structs.replace(t4, launches={"stream": own})
    assert changed.launches == {**shared, "stream": own}
    with pytest.raises(DeviceError) as caught:
        msgspec.structs.replace(t4, launches={"steam": own})
    assert str(caught.value) == "launches.steam: no way of launching, did you mean 'stream'?"


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        ({}, "peaks.fp32: missing"),
        ({"fp3": 1.0, "fp32": 1.0}, "peaks.fp3: no such data type, did you mean 'fp32'"),
    ],
)
def test_a_gpu_needs_a_peak_in_fp32(peaks: dict[str, float], expected: str) -> None:
    figure = Figure(**{**GOOD, "unit": "TFLOP/s"})
    with pytest.raises(DeviceError) as caught:
        msgspec.structs.replace(gpu_of("t4").constants, peaks={dtype: figure for dtype in peaks})
    assert str(caught.value).startswith(expected)
