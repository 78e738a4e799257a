"""Device files of measured kernels: `calibrate_cpu` and `calibrate_gpu` make one of a file of times."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from energyprobe.errors import DeviceError

if TYPE_CHECKING:
    from energyprobe.costing.gpu import GpuDevice


def calibrate_cpu(path: str | os.PathLike[str], *, name: str, library: str = "tensorflow") -> str:
    """Make a device of kernels that were measured on a CPU.

    Parameters
    ----------
    path : str or os.PathLike
        CSV that ``benchmarks/measure_cpu_kernels.py`` wrote.
    name : str
        Name of the device.
    library : {"tensorflow", "numpy"}
        Whose kernels the device runs.

    Returns
    -------
    str
        TOML of a device file, for `energyprobe.load_device`. Intervals of times come from layers that the
        fit has not seen. Energies are not modelled.

    Raises
    ------
    DeviceError
        If the file cannot be read, lacks columns or lines at its head, has an impossible number, too few
        layers or no rows of the library, or there is no such library.
    """
    import tomli_w

    from energyprobe.costing.kernels.cpu_fitting import Processor, cells_of, fit_all, held_out
    from energyprobe.costing.kernels.cpu_writing import device_table
    from energyprobe.costing.kernels.measured import read_kernels

    facts, frame = read_kernels(path)
    try:
        processor, cells = Processor.of(facts), cells_of(frame, library)
        unseen = held_out(cells, processor, library)
    except DeviceError as error:
        raise DeviceError(f"{path}: {error}") from error
    fitted = fit_all(cells, processor, library)
    origin = os.fspath(path).replace(os.sep, "/")
    return tomli_w.dumps(device_table(name, origin, processor, cells, fitted, unseen))


GPU_NAMES = {
    r"a100.*pcie.*80|a100 80gb pcie": "a100-pcie-80gb",
    r"a100.*pcie": "a100-pcie-40gb",
    r"a100.*80": "a100-80gb",
    r"a100": "a100",
    r"h200": "h200",
    r"h100": "h100",
    r"v100": "v100",
    r"2080 ?ti": "rtx2080ti",
    r"3090": "rtx3090",
    r"4090": "rtx4090",
    r"\bt4\b": "t4",
    r"orin": "jetson-agx-orin",
    r"xavier": "jetson-agx-xavier",
}
"""Patterns of names that NVIDIA's driver gives GPUs, and what they are called in the catalog."""


def calibrate_gpu(path: str | os.PathLike[str], *, name: str, like: str | None = None) -> str:
    """Make a device of kernels that were measured on a GPU.

    Parameters
    ----------
    path : str or os.PathLike
        CSV that ``benchmarks/measure_gpu_kernels.py`` wrote, or any in its columns.
    name : str
        Name of the device.
    like : str, optional
        GPU of the catalog whose data sheet holds for it; by default what the column ``gpu`` names.

    Returns
    -------
    str
        TOML of a device file, for `energyprobe.load_device`: the data sheet, and constants of the kernels
        that were measured; others are priced as on the GPU of the catalog. Intervals of times come from
        layers that the fit has not seen. Power constants are fitted where power was measured.

    Raises
    ------
    DeviceError
        If the file cannot be read, lacks columns, is of no GPU of the catalog or of several, holds an
        impossible number, or too few rows of every kernel.
    """
    import tomli_w

    from energyprobe.costing.kernels.gpu_fitting import FEWEST, measured_kernels
    from energyprobe.costing.kernels.gpu_writing import device_table
    from energyprobe.costing.kernels.measured import read_kernels, year_of

    facts, frame = read_kernels(path)
    try:
        year = year_of(facts)
        gpu = _gpu_of(frame["gpu"].unique().tolist(), like)
        cells = list(measured_kernels(frame))
    except DeviceError as error:
        raise DeviceError(f"{path}: {error}") from error
    if not cells:
        raise DeviceError(f"{path}: no kernel that is modelled has {FEWEST} rows or more of one data type")
    origin = os.fspath(path).replace(os.sep, "/")
    return tomli_w.dumps(device_table(name, origin, year, gpu, cells))


def _gpu_of(named: list[object], like: str | None) -> GpuDevice:
    """The GPU of the catalog that was measured."""
    from energyprobe.costing.lookup import gpu_of

    if like is not None:
        return gpu_of(like)
    if len(named) != 1:
        raise DeviceError(f"gpu: expected rows of one GPU, got {', '.join(map(str, named)) or 'none'}")
    for pattern, known in GPU_NAMES.items():
        if re.search(pattern, str(named[0]), re.IGNORECASE):
            return gpu_of(known)
    raise DeviceError(f"gpu: no GPU of the catalog is called {named[0]!r}: say which it is like")
