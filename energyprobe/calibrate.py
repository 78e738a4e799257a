"""Device files of measured kernels: `calibrate_cpu` makes one of what ``measure_cpu_kernels.py`` wrote."""

from __future__ import annotations

import os

from energyprobe.errors import DeviceError


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
        If the file cannot be read, lacks columns or lines at its head, or has no rows of the library, or
        there is no such library.
    """
    import tomli_w

    from energyprobe.costing.kernels.cpu_fitting import Processor, cells_of, fit_all, held_out
    from energyprobe.costing.kernels.cpu_writing import device_table
    from energyprobe.costing.kernels.measured import read_kernels

    facts, frame = read_kernels(path)
    try:
        processor, cells = Processor.of(facts), cells_of(frame, library)
    except DeviceError as error:
        raise DeviceError(f"{path}: {error}") from error
    fitted, unseen = fit_all(cells, processor, library), held_out(cells, processor, library)
    origin = os.fspath(path).replace(os.sep, "/")
    return tomli_w.dumps(device_table(name, origin, processor, cells, fitted, unseen))
