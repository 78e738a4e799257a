"""``calibrate-cpu`` and ``calibrate-gpu`` write a device file by which commands price."""

from __future__ import annotations

from pathlib import Path

import pytest

import energyprobe as ep
from energyprobe.calibrate import calibrate_cpu, calibrate_gpu

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


@pytest.fixture
def measured_gpu(tmp_path: Path) -> Path:
    """Dense kernels that take twice as long as those of the RTX 3090."""
    lines = ["gpu,kernel,dtype,m,k,n,batch,sparsity,structure,time_us,energy_uj,power_w,nnz,pattern,source"]
    for size in range(512, 512 + 24 * 256, 256):
        time_us = 2e6 * float(ep.kernel_cost("rtx3090", "dense", m=size, k=1024, n=size).time_s)
        lines.append(f"Unheard of,cublas_gemm,fp32,{size},1024,{size},1,0,unstructured,{time_us},,,,,made")
    path = tmp_path / "gpu.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_gpu(measured_gpu: Path, call) -> None:
    path = measured_gpu.with_name("mine.toml")
    arguments = ("calibrate-gpu", measured_gpu, "--name", "mine", "-o", path)
    ran = call(*arguments)
    assert ran.code == 1 and "Unheard of" in ran.err and not path.exists()
    assert call(*arguments, "--like", "rtx3090").code == 0
    assert path.read_text(encoding="utf-8") == calibrate_gpu(measured_gpu, name="mine", like="rtx3090")
    size = {"m": 1280, "k": 1024, "n": 1280}
    slower = ep.kernel_cost(ep.load_device(path), "dense", **size).time_s
    assert float(slower / ep.kernel_cost("rtx3090", "dense", **size).time_s) == pytest.approx(2, rel=0.1)


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
