"""The data files of the kernels: every number cites itself, every fit is whole, wrong ones are refused."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from energyprobe.costing.kernels.chip import Chip
from energyprobe.costing.kernels.fits import GENERIC, Fit, PowerFit, find_fit, find_power, ready
from energyprobe.costing.kernels.loading import chips, fits, launches, power_fits, sources
from energyprobe.costing.kernels.quantities import UNITS, Quantity
from energyprobe.costing.kernels.table import KERNELS
from energyprobe.errors import DeviceError

GOOD = {
    "value": 2.0,
    "unit": "us",
    "low": 1.0,
    "high": 3.0,
    "source": "tspmm",
    "provenance": "derived",
    "verified": True,
}
NEEDED = ("v100", "t4", "rtx-2080ti", "rtx-3090", "rtx-4090", "a100-40gb", "a100-80gb", "h100", "h200",
          "jetson-agx-orin", "jetson-agx-xavier")  # fmt: skip


def quantities() -> Iterator[tuple[str, Quantity]]:
    for chip in chips().values():
        for field in msgspec.structs.fields(Chip):
            value = getattr(chip, field.name)
            if isinstance(value, Quantity):
                yield f"{chip.name}.{field.name}", value
        yield from ((f"{chip.name}.peaks.{dtype}", value) for dtype, value in chip.peaks.items())
    for fit in (*fits(), *power_fits()):
        yield from ((f"{fit.gpu} {name}", value) for name, value in fit.constants.items())
    yield from launches().items()


def test_every_quantity_cites_a_source_or_says_that_it_is_assumed() -> None:
    found = list(quantities())
    assert len(found) > 300
    for name, quantity in found:
        if quantity.source == "assumption":
            assert quantity.provenance == "memory" and not quantity.verified, name
        else:
            assert quantity.source in sources(), name


def test_every_source_is_cited_or_is_about_an_assumption_of_the_program() -> None:
    cited = {quantity.source for _, quantity in quantities()}
    # The last one is about what zeros save, which is no constant of a chip; the one before, the L2 share.
    assert set(sources()) - cited == {"antepara2025", "arxiv-2409-18324"}


def test_the_gpus_that_users_have() -> None:
    assert set(NEEDED) <= set(chips())
    names = [name for chip in chips().values() for name in (chip.name, *chip.aliases)]
    assert len(names) == len(set(names))


def test_clocks_follow_from_peaks() -> None:
    # NVIDIA's boost clocks.
    assert chips()["a100-80gb"].clock_hz == pytest.approx(1.41e9, rel=0.005)
    assert chips()["rtx-4090"].clock_hz == pytest.approx(2.52e9, rel=0.005)
    assert chips()["v100"].clock_hz == pytest.approx(1.53e9, rel=0.005)
    assert not chips()["v100"].verified


def test_every_kernel_has_constants_for_any_gpu() -> None:
    for name, kind in KERNELS.items():
        if kind.constants:
            assert any(fit.gpu == GENERIC and fit.kernel == name for fit in fits()), name


def test_generic_constants_lie_among_those_of_the_gpus() -> None:
    own = {fit.kernel: fit for fit in fits() if fit.gpu == "rtx-3090" and fit.kernel == "nm"}
    generic = next(fit for fit in fits() if fit.gpu == GENERIC and fit.kernel == "nm")
    for name, quantity in generic.constants.items():
        assert quantity.low <= own["nm"].constants[name].value <= quantity.high


def test_a_chip_prefers_its_own_fit_and_falls_back_to_the_generic_one() -> None:
    a100, t4 = chips()["a100-80gb"], chips()["t4"]
    assert find_fit(fits(), a100, "dense", "fp16", "unstructured").dtype == "bf16"
    assert find_fit(fits(), t4, "dense", "fp16", "unstructured").gpu == GENERIC
    assert find_fit(fits(), a100, "blocked-ell", "fp16", "block4x4").structure == "block4x4"
    assert ready(fits(), a100, "dense", "bf16", "unstructured")[1]
    assert not ready(fits(), t4, "dense", "bf16", "unstructured")[1]
    assert not ready(fits(), a100, "spmv", "fp32", "unstructured")[1]  # measured in fp64
    assert ready(fits(), a100, "spmv", "fp64", "unstructured")[1]
    merged, measured = ready(fits(), a100, "2:4", "fp16", "2:4")
    assert {"eta", "speedup"} <= set(merged.constants) and not measured


def test_power_of_a_chip_or_the_generic_one() -> None:
    assert find_power(power_fits(), chips()["h200"])[1]
    fit, measured = find_power(power_fits(), chips()["rtx-4090"])
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
def test_a_wrong_quantity_is_refused(change: dict[str, object], expected: str) -> None:
    with pytest.raises(DeviceError) as caught:
        Quantity(**{**GOOD, **change})  # type: ignore[arg-type]
    assert str(caught.value).startswith(expected)


def test_units_are_base_units() -> None:
    quantity = Quantity(**GOOD)  # type: ignore[arg-type]
    assert quantity.si == pytest.approx(2e-6)
    assert np.allclose(quantity.ends_si, (1e-6, 3e-6))
    assert UNITS["pJ/bit"] == 8 * UNITS["pJ/byte"]


def nm(**change: object) -> Fit:
    constants = {name: Quantity(**GOOD) for name in ("launch", "lanes", "l2")}  # type: ignore[arg-type]
    right = {"gpu": "t4", "kernel": "nm", "dtype": "fp32", "regime": "graph", "constants": constants}
    return Fit(**{**right, "low_ratio": 0.9, "high_ratio": 1.1, **change})  # type: ignore[arg-type]


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


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        ({}, "peaks.fp32: missing"),
        ({"fp3": 1.0, "fp32": 1.0}, "peaks.fp3: no such data type, did you mean 'fp32'"),
    ],
)
def test_a_chip_needs_a_peak_in_fp32(peaks: dict[str, float], expected: str) -> None:
    figure = Quantity(**{**GOOD, "unit": "TFLOP/s"})  # type: ignore[arg-type]
    with pytest.raises(DeviceError) as caught:
        msgspec.structs.replace(chips()["t4"], peaks={dtype: figure for dtype in peaks})
    assert str(caught.value).startswith(expected)
