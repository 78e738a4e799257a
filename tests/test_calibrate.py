"""Calibration end to end: the measurements that are kept here make the devices of the catalog."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.calibrate import calibrate_cpu
from energyprobe.costing.lookup import catalog
from energyprobe.costing.schema import CATALOG
from energyprobe.errors import DeviceError

CSV = Path("benchmarks") / "measurements" / "amd-epyc-1-thread.csv"
ROOT = Path(__file__).parents[1]


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("name", "library"), [("amd-epyc-1-thread", "tensorflow"), ("amd-epyc-1-thread-numpy", "numpy")]
)
def test_the_measurements_make_the_device_of_the_catalog(
    in_root: None, tmp_path: Path, name: str, library: str
) -> None:
    (tmp_path / "mine.toml").write_text(calibrate_cpu(CSV, name=name, library=library), encoding="utf-8")
    mine, shipped = ep.load_device(tmp_path / "mine.toml"), catalog()[name]
    assert mine.title == shipped.title
    assert mine.sources == shipped.sources
    for kernel in ("dense", "csr", "gather", "compress", "elementwise"):
        sizes = {"m": [1, 64], "k": 1 if kernel == "elementwise" else 1024, "n": [512, 256]}
        ours, theirs = (ep.kernel_cost(each, kernel, **sizes, density=0.03) for each in (mine, shipped))
        # Fits on other machines end a little elsewhere.
        assert ours.time_s == pytest.approx(theirs.time_s, rel=0.02)
        assert ours.calibrated.all()
    assert ep.breakeven(mine, m=64, k=1024, n=512).density == pytest.approx(
        float(ep.breakeven(name, m=64, k=1024, n=512).density), rel=0.05
    )


def test_the_measurements_say_where_and_when_and_not_on_which_host() -> None:
    head = [line for line in (ROOT / CSV).read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    names = [line.split()[1] for line in head]
    assert names == [
        "processor", "family", "model", "clock_ghz", "vector_bytes", "cache_kib", "threads", "date",
        "python", "numpy", "scipy", "tensorflow",
    ]  # fmt: skip


def test_predictions_meet_the_measurements_that_they_were_fitted_to() -> None:
    from energyprobe.costing.kernels.measured import read_kernels

    _, frame = read_kernels(ROOT / CSV)
    rows = frame[(frame["kernel"] == "dense") & (frame["source"] == "tensorflow")]
    cost = ep.kernel_cost("amd-epyc-1-thread", "dense", m=rows["m"], k=rows["k"], n=rows["n"])
    ratio = rows["time_us"].to_numpy() * 1e-6 / cost.time_s
    assert np.median(np.abs(np.log(ratio))) < 0.1
    inside = (ratio >= cost.low_time_s / cost.time_s) & (ratio <= cost.high_time_s / cost.time_s)
    assert inside.mean() > 0.85
    assert cost.calibrated.all()


def test_a_device_file_with_a_fault_says_where(in_root: None, tmp_path: Path) -> None:
    text = (CATALOG / "amd-epyc-1-thread.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('unit = "GB/s"', 'unit = "GB"', 1), encoding="utf-8")
    with pytest.raises(DeviceError) as caught:
        ep.load_device(path)
    assert "kernels.dense.constants.l1.unit: 'GB' is a unit of memory, expected one of bandwidth: " in str(
        caught.value
    )
    line = int(str(caught.value).split("line ")[1].split(":")[0])
    assert path.read_text(encoding="utf-8").splitlines()[line - 1] == 'unit = "GB"'


def test_what_cannot_be_calibrated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"amd-epyc-1-thread.csv: no library 'jax', "):
        calibrate_cpu(ROOT / CSV, name="mine", library="jax")
    rows = [
        line
        for line in (ROOT / CSV).read_text(encoding="utf-8").splitlines()
        if not line.startswith("# clock_ghz")
    ]
    (tmp_path / "cut.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(DeviceError, match=r"cut.csv: no line '# clock_ghz = …' at the head of the file$"):
        calibrate_cpu(tmp_path / "cut.csv", name="mine")


def test_one_layer_is_too_few(tmp_path: Path) -> None:
    kept = [
        line
        for line in (ROOT / CSV).read_text(encoding="utf-8").splitlines()
        if line.startswith(("#", "gpu,")) or "weights=784x128" in line
    ]
    (tmp_path / "one.csv").write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(DeviceError) as caught:
        calibrate_cpu(tmp_path / "one.csv", name="mine")
    text = "one.csv: expected rows of 4 layers at least of the dense and the elementwise kernel"
    assert str(caught.value).endswith(text)
