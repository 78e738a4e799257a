"""The scripts that fit and validate: on kernels made by the models, on real ones where they are at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import energyprobe as ep
from energyprobe.costing.kernels.loading import tomllib

ROOT = Path(__file__).parents[3]
COLUMNS = (
    "gpu kernel dtype m k n batch sparsity structure time_us energy_uj power_w nnz pattern source".split()
)


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file of NM-SpMM's kind, whose times are the catalog's own with 2 % of noise."""
    rng = np.random.default_rng(8)
    rows = []
    for gpu, chip in (("RTX3090", "rtx3090"), ("RTX4090", "rtx4090")):
        for m, k in rng.choice([2048, 4096, 5120, 8192, 11008], (12, 2)):
            for n in (256, 1024):
                for kernel, name, sparsity in (
                    ("cublas_gemm", "dense", 0.0), ("nm-spmm", "nm", 0.5), ("nm-spmm", "nm", 0.75),
                ):  # fmt: skip
                    structure = "n:32" if name == "nm" else "unstructured"
                    priced = ep.kernel_cost(
                        chip,
                        name,
                        m=m,
                        k=k,
                        n=n,
                        density=1 - sparsity,
                        operand="weights",
                        structure=structure,
                    )
                    time_us = float(priced.time_s) * 1e6 * np.exp(rng.normal(0, 0.02))
                    rows.append(
                        [gpu, kernel, "fp32", m, k, n, 1, sparsity, structure, time_us]
                        + [None] * 4
                        + ["NM-SpMM"]
                    )
    path = tmp_path_factory.mktemp("made") / "kernels.csv"
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
    return path


def test_validation_of_made_kernels_finds_them_right(made: Path, tmp_path: Path) -> None:
    done = run("validate_gpu_kernels.py", made, tmp_path / "plot.png")
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("nm  "))
    error = float(line.split(":")[1].split("%")[0])
    assert 0.3 < error < 4
    assert (tmp_path / "plot.png").stat().st_size > 10000


def test_missing_columns_are_named(made: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv"
    pd.read_csv(made).drop(columns=["nnz", "dtype"]).to_csv(cut, index=False)
    for script in ("fit_gpu_kernels.py", "validate_gpu_kernels.py"):
        done = run(script, cut)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{cut}: no column dtype, nnz; needed are gpu, kernel, dtype, m, k, n")
        assert "Traceback" not in done.stderr


def test_wrong_arguments_get_the_purpose() -> None:
    assert "python benchmarks/fit_gpu_kernels.py CSV" in run("fit_gpu_kernels.py").stderr


def test_fits_of_measured_kernels_are_those_of_the_catalog(tmp_path: Path) -> None:
    folder = os.environ.get("ENERGYPROBE_DATA")
    if not folder or not (Path(folder) / "gpu_kernels.csv.gz").is_file():
        pytest.skip("ENERGYPROBE_DATA names no folder with gpu_kernels.csv.gz")
    done = run("fit_gpu_kernels.py", Path(folder) / "gpu_kernels.csv.gz", tmp_path)
    assert done.returncode == 0, done.stderr
    shipped = ROOT / "energyprobe" / "costing" / "catalog" / "kernels" / "fits"
    for path in sorted(tmp_path.glob("*.toml")):
        new, old = (tomllib.loads(each.read_text(encoding="utf-8")) for each in (path, shipped / path.name))
        for ours, theirs in zip(new["fit"], old["fit"], strict=True):
            for name, quantity in ours["constants"].items():
                assert quantity["value"] == pytest.approx(theirs["constants"][name]["value"], rel=0.1)
