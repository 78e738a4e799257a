"""`calibrate_gpu`: a device of measured kernels finds what they were made from; what is wrong is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import energyprobe as ep
from energyprobe.calibrate import calibrate_gpu
from energyprobe.costing.kernels.measured import COLUMNS, MEASURED

SLOWER = 1.5
NAME = "NVIDIA GeForce RTX 3090"

Row = dict[str, Any]


def row(kernel: str, sizes: tuple[int, int, int], density: float, time_s: float, **more: Any) -> Row:
    m, k, n = sizes
    return {
        "gpu": NAME, "kernel": kernel, "dtype": "fp32", "m": m, "k": k, "n": n, "batch": 1,
        "sparsity": 1 - density, "structure": "unstructured", "time_us": 1e6 * time_s, "source": "made",
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Kernels that take one and a half times as long as the RTX 3090's, with 2 % of noise."""
    rng = np.random.default_rng(11)
    found = []
    for k, n in rng.choice([1024, 2048, 3072, 4096, 6144, 8192], (20, 2)).tolist():
        for m in (256, 1024):
            for kernel, name, density in (("cublas_gemm", "dense", 1.0), ("sputnik_csr", "sputnik", 0.3),
                                          ("sputnik_csr", "sputnik", 0.1)):  # fmt: skip
                priced = ep.kernel_cost("rtx3090", name, m=m, k=k, n=n, density=density, operand="weights")
                time_s = SLOWER * float(priced.time_s) * np.exp(rng.normal(0, 0.02))
                watts = float(priced.power_w)
                found.append(
                    row(kernel, (m, k, n), density, time_s, power_w=watts, energy_uj=1e6 * watts * time_s)
                )
    return found


def written(path: Path, rows: list[Row]) -> Path:
    pd.DataFrame(rows, columns=[*COLUMNS, *MEASURED]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def device(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated")
    path = folder / "mine.toml"
    path.write_text(calibrate_gpu(written(folder / "kernels.csv", rows), name="mine"), encoding="utf-8")
    return path


def test_times_of_layers_that_were_not_measured(device: Path) -> None:
    size = {"m": 700, "k": 5000, "n": 3500}
    for kernel, more in (("dense", {}), ("sputnik", {"density": 0.2, "operand": "weights"})):
        mine = ep.kernel_cost(device, kernel, **size, **more)
        theirs = ep.kernel_cost("rtx3090", kernel, **size, **more)
        assert mine.time_s == pytest.approx(SLOWER * theirs.time_s, rel=0.1)
        assert mine.device == "mine" and mine.calibrated and "measured" in mine.sources


def test_power_is_fitted_where_it_was_measured(device: Path) -> None:
    mine, theirs = (ep.kernel_cost(gpu, "dense", m=1024, k=4096, n=4096) for gpu in (device, "rtx3090"))
    assert mine.power_calibrated and not theirs.power_calibrated
    assert mine.power_w == pytest.approx(theirs.power_w, rel=0.15)


def test_kernels_that_were_not_measured_are_those_of_the_catalog(device: Path) -> None:
    size = {"m": 64, "k": 4096, "n": 4096, "density": 0.1}
    mine, theirs = (ep.kernel_cost(gpu, "gather", **size) for gpu in (device, "rtx3090"))
    # But for the power limit, which a fit of power may meet a little sooner.
    assert mine.time_s == pytest.approx(theirs.time_s, rel=0.1)
    assert not mine.calibrated


def test_it_prices_networks_on_any_kernels(device: Path) -> None:
    mine = ep.load_device(device)
    assert (mine.name, mine.title) == ("mine", "NVIDIA RTX 3090, calibrated")
    assert mine.sources["measured"].title == "Kernels measured for mine"
    from energyprobe.costing.lookup import resolve_device

    assert resolve_device(f"{device}:best").name == "mine:best"


def test_it_cites_the_year_of_the_measurement(rows: list[Row], tmp_path: Path) -> None:
    path = written(tmp_path / "dated.csv", rows)
    path.write_text("# date = 2031-02-03\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert "year = 2031\n" in calibrate_gpu(path, name="dated")
    path.write_text(path.read_text(encoding="utf-8").replace("2031-02-03", "'lately'"), encoding="utf-8")
    with pytest.raises(ep.DeviceError, match="date: expected a date such as 2026-01-31, got 'lately'"):
        calibrate_gpu(path, name="dated")


def test_one_layer_alone_has_no_unseen_ones(rows: list[Row], tmp_path: Path) -> None:
    same = [row("cublas_gemm", (m, 512, 512), 1.0, 1e-5 * m) for m in range(1, 20)]
    assert "fit" in calibrate_gpu(written(tmp_path / "one.csv", same), name="one")


@pytest.mark.parametrize(
    ("change", "like", "expected"),
    [
        ({"sparsity": 1.5}, None, "sparsity: expected shares in [0, 1], got 1.5"),
        ({"m": 0}, None, "m: expected numbers above 0, got 0"),
        ({"time_us": -3.0}, None, "time_us: expected numbers above 0, got -3"),
        ({"gpu": "GTX 1080"}, None, "gpu: expected rows of one GPU, got NVIDIA GeForce RTX 3090, GTX 1080"),
        ({"kernel": "magic"}, "rtx3091", "no device 'rtx3091'"),
    ],
)
def test_what_is_wrong_is_refused(
    rows: list[Row], tmp_path: Path, change: dict[str, Any], like: str | None, expected: str
) -> None:
    path = written(tmp_path / "kernels.csv", [*rows[:-1], rows[-1] | change])
    with pytest.raises((ep.DeviceError, ep.UnknownDeviceError)) as caught:
        calibrate_gpu(path, name="mine", like=like)
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_unknown_gpus_missing_columns_and_few_rows(rows: list[Row], tmp_path: Path) -> None:
    unknown = written(tmp_path / "unknown.csv", [each | {"gpu": "GTX 1080"} for each in rows])
    with pytest.raises(ep.DeviceError, match="no GPU of the catalog is called 'GTX 1080': say which"):
        calibrate_gpu(unknown, name="mine")
    assert 'name = "mine"' in calibrate_gpu(unknown, name="mine", like="rtx3090")
    few = written(tmp_path / "few.csv", rows[:5])
    with pytest.raises(ep.DeviceError, match="no kernel that is modelled has 8 rows or more"):
        calibrate_gpu(few, name="mine")
    cut = tmp_path / "cut.csv"
    pd.DataFrame(rows).drop(columns=["dtype"]).to_csv(cut, index=False)
    with pytest.raises(ep.DeviceError, match=r"cut\.csv: no column dtype, nnz, pattern; needed are"):
        calibrate_gpu(cut, name="mine")
