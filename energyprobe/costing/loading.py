"""Device files to devices: TOML, checked field by field, with errors that name file, line and field."""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from energyprobe.costing import chip, chip_figures, constant, cpu, gpu, lemaire, processor, processor_figures
from energyprobe.costing.device import Device, HeldOut
from energyprobe.costing.figures import Source
from energyprobe.costing.kernels.cpu import CpuFigures
from energyprobe.costing.kernels.gpu import GpuFigures
from energyprobe.costing.schema import CATALOG, convert, convert_each, convert_figures, tomllib
from energyprobe.errors import DeviceError, nearest

MODELS: dict[str, tuple[type[Device], type[msgspec.Struct]]] = {
    "constant": (constant.ConstantEnergyDevice, constant.Constants),
    "chip": (chip.EventDrivenChip, chip_figures.Constants),
    "cpu": (cpu.CpuDevice, CpuFigures),
    "gpu": (gpu.GpuDevice, GpuFigures),
    "lemaire": (lemaire.AnalyticalAccelerator, lemaire.Constants),
    "processor": (processor.Processor, processor_figures.Constants),
}
"""Name that a file gives as ``model`` to the device model and the struct of its ``[constants]``."""

SHARED = ("models.toml", "sources.toml")
"""Files of the catalog that are no devices."""


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device of your own from a TOML file.

    The file has the form of those in ``energyprobe/costing/catalog/``. Its figures may cite the catalog's
    ``sources.toml`` as well as the file's own ``[sources]``. Where no figure has a range, the error of the
    device model on other devices takes its place (`Device.held_out`).

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Device
        To be handed to a report; nothing is registered.

    Raises
    ------
    DeviceError
        If the file cannot be read, is no TOML, or a field is unknown, missing or wrong. The message names
        the file, the line, the field and what was expected.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeviceError(f"{path}: cannot be read as a device file: {error}") from error
    return parse_device(text, str(path))


def parse_device(text: str, name: str) -> Device:
    """Make a device of the text of its file.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        Name of the file, for errors.

    Returns
    -------
    Device
        The device.

    Raises
    ------
    DeviceError
        As `load_device`.
    """
    try:
        return _build(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise DeviceError(f"{name}: not valid TOML: {error}") from error
    except DeviceError as error:
        field = str(error).partition(":")[0]
        line = find_line(text, field)
        place = f"{name}, line {line}" if line else name
        raise DeviceError(f"{place}: {error}") from error


@functools.cache
def model_errors() -> dict[str, HeldOut]:
    """How far device models are off for a network, by name of the model: the catalog's ``models.toml``."""
    raw = tomllib.loads((CATALOG / "models.toml").read_text(encoding="utf-8"))
    return convert_each(raw, HeldOut, "models")


@functools.cache
def shared_sources() -> dict[str, Source]:
    """Publications that every device file may cite, by key: the catalog's ``sources.toml``."""
    raw = tomllib.loads((CATALOG / "sources.toml").read_text(encoding="utf-8"))
    return convert_each(raw, Source, "sources")


def find_line(text: str, field: str) -> int | None:
    """Line of a TOML file on which a field stands.

    Parameters
    ----------
    text : str
        The file's text.
    field : str
        Dotted path such as ``"constants.acs.value"``.

    Returns
    -------
    int or None
        Counted from 1. The line of the table where the field itself is missing; None where that is, too.
    """
    table, found = "", None
    parent, _, key = field.rpartition(".")
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = header[1].replace('"', "").replace(" ", "")
            if table == field:
                return number
            if table == parent:
                found = number
        elif table == parent and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return number
    return found


def _build(raw: dict[str, Any]) -> Device:
    """Check a parsed file and make the device; errors start with the field's path and a colon.

    Inner tables come first, so that each error is about the fields of one struct.
    """
    model = raw.pop("model", None)
    if model not in MODELS:
        given = "missing" if model is None else f"no device model {model!r}"
        raise DeviceError(f"model: {given}, {nearest(str(model), MODELS)}")
    of_device, of_constants = MODELS[model]
    sources = shared_sources() | convert_each(raw.get("sources", {}), Source, "sources")
    figures = convert_figures(raw.get("constants", {}), "constants")
    constants = convert(figures, of_constants, "constants")
    device = convert(raw | {"constants": constants, "sources": sources}, of_device, "")
    held_out = device.held_out
    if not any(figure.has_range for figure in device.figures.values()):
        held_out = held_out or model_errors().get(model)
    cited = {key: sources[key] for key in device.cites}
    return msgspec.structs.replace(device, sources=cited, held_out=held_out)
