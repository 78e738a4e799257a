"""``energyprobe calibrate-cpu`` and ``calibrate-gpu``: a device file of kernels that were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprobe.cli.output import news, waiting, wrote
from energyprobe.errors import DeviceError

Measured = Annotated[Path, typer.Argument(metavar="CSV", help="What the measuring script wrote.")]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the device.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; NAME.toml if left out.")
]


def calibrate_cpu(
    csv: Measured,
    name: Name,
    library: Annotated[
        str, typer.Option("--library", metavar="NAME", help="Whose kernels it runs: tensorflow or numpy.")
    ] = "tensorflow",
    output: Output = None,
) -> None:
    """Make a device of kernels that benchmarks/measure_cpu_kernels.py measured on your processor."""
    from energyprobe.calibrate import calibrate_cpu

    path = _toml(output, name)
    with waiting("Fitting"):
        device = calibrate_cpu(csv, name=name, library=library)
    _write(path, device)


def calibrate_gpu(
    csv: Measured,
    name: Name,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="NAME", help="GPU of the catalog whose data sheet holds; as the CSV says."
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Make a device of kernels that benchmarks/measure_gpu_kernels.py measured on your GPU."""
    from energyprobe.calibrate import calibrate_gpu

    path = _toml(output, name)
    with waiting("Fitting"):
        device = calibrate_gpu(csv, name=name, like=like)
    _write(path, device)


def _toml(output: Path | None, name: str) -> Path:
    path = Path(f"{name}.toml") if output is None else output
    if path.suffix != ".toml":
        raise DeviceError(f"--output {path}: a device file ends in .toml, by which commands know it")
    return path


def _write(path: Path, device: str) -> None:
    path.write_text(device, encoding="utf-8")
    wrote(path)
    news(f"price on it with --device {path}")
