"""``calibrate-cpu`` writes a device file by which commands price."""

from __future__ import annotations

from pathlib import Path

import pytest

import energyprobe as ep
from energyprobe.calibrate import calibrate_cpu

MEASURED = Path(__file__).parents[2] / "benchmarks" / "measurements" / "amd-epyc-1-thread.csv"


def test_a_device_is_made_of_measured_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace_file: Path, call
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = call("calibrate-cpu", MEASURED, "--name", "my-cpu", "--library", "numpy")
    assert ran == (0, "", "wrote my-cpu.toml\nprice on it with --device my-cpu.toml\n")
    assert Path("my-cpu.toml").read_text() == calibrate_cpu(MEASURED, name="my-cpu", library="numpy")
    assert ep.load_device("my-cpu.toml").name == "my-cpu"
    assert "my-cpu" in call("report", trace_file, "-d", "my-cpu.toml").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.csv", "--name", "a"], "nope.csv: cannot be read as a file of measured kernels: "),
        (
            [MEASURED, "--name", "a", "--library", "torch"],
            f"{MEASURED}: no library 'torch', known are numpy,",
        ),
        ([MEASURED, "--name", "a", "-o", "a.json"], "--output a.json: a device file ends in .toml, by which"),
    ],
)
def test_what_cannot_be_calibrated(arguments, message: str, tmp_path: Path, monkeypatch, call) -> None:
    monkeypatch.chdir(tmp_path)
    ran = call("calibrate-cpu", *arguments)
    assert ran.code == 1 and ran.err.startswith(f"energyprobe: {message}") and ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
