"""Device files to devices: TOML, checked field by field, with errors that name file, line and field."""

from __future__ import annotations

import functools
import os
import re
import sys
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from energyprobe.costing import chip, chip_figures, constant, lemaire, processor, processor_figures
from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure, Source
from energyprobe.errors import DeviceError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MODELS: dict[str, tuple[type[Device], type[msgspec.Struct]]] = {
    "constant": (constant.ConstantEnergyDevice, constant.Constants),
    "chip": (chip.EventDrivenChip, chip_figures.Constants),
    "lemaire": (lemaire.AnalyticalAccelerator, lemaire.Constants),
    "processor": (processor.Processor, processor_figures.Constants),
}
"""Name that a file gives as ``model`` to the device model and the struct of its ``[constants]``."""

CATALOG = resources.files("energyprobe.costing") / "catalog"
"""Folder of the device files, and of ``sources.toml``."""

_TYPES = {
    "object": "a table",
    "array": "a list",
    "str": "text",
    "float": "a number",
    "int": "a number",
    "bool": "true or false",
}
"""Types in the words of TOML."""

_S = TypeVar("_S", bound=msgspec.Struct)


def load_device(path: str | os.PathLike[str]) -> Device:
    """Read a device of your own from a TOML file.

    The file has the form of those in ``energyprobe/costing/catalog/``. Its figures may cite the catalog's
    ``sources.toml`` as well as the file's own ``[sources]``.

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
def shared_sources() -> dict[str, Source]:
    """Publications that every device file may cite, by key: the catalog's ``sources.toml``."""
    raw = tomllib.loads((CATALOG / "sources.toml").read_text(encoding="utf-8"))
    return _convert_each(raw, Source, "sources")


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
    sources = shared_sources() | _convert_each(raw.get("sources", {}), Source, "sources")
    figures = _figures(raw.get("constants", {}), "constants")
    constants = _convert(figures, of_constants, "constants")
    device = _convert(raw | {"constants": constants, "sources": sources}, of_device, "")
    return msgspec.structs.replace(device, sources={key: sources[key] for key in device.cites})


def _figures(raw: object, field: str) -> object:
    """Convert the figures of a table, also those in a table of tables (kinds of neurons)."""
    if not isinstance(raw, dict):
        return raw
    if field != "constants" and any(not isinstance(value, dict) for value in raw.values()):
        return _convert(raw, Figure, field)
    return {key: _figures(value, f"{field}.{key}") for key, value in raw.items()}


def _convert_each(raw: object, to: type[_S], field: str) -> dict[str, _S]:
    """Convert the values of a table one by one: msgspec does not name the key of a faulty one."""
    if not isinstance(raw, dict):
        raise DeviceError(f"{field}: expected a table, got {raw!r}")
    return {key: _convert(value, to, f"{field}.{key}") for key, value in raw.items()}


def _convert(raw: object, to: type[_S], field: str) -> _S:
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        where = [part for part in (field + path.rstrip("`")).split(".") if part]
        raise DeviceError(_reworded(message, where, to)) from error


def _reworded(message: str, where: list[str], to: type[msgspec.Struct]) -> str:
    """Msgspec's words and path, and those of our own checks, as ``field: what was expected``."""
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", message):
        return f"{'.'.join([*where, missing[1]])}: missing"
    if unknown := re.fullmatch(r"Object contains unknown field `([^`]+)`", message):
        what = "term" if where == ["constants"] else "field"
        hint = nearest(unknown[1], to.__struct_fields__)
        return f"{'.'.join([*where, unknown[1]])}: unknown {what}, {hint}"
    if own := re.match(r"([\w.]+): ", message):
        return f"{'.'.join([*where, own[1]])}: {message[own.end() :]}"
    if choice := re.fullmatch(r"Invalid enum value '(.*)'", message):
        allowed = get_args(get_type_hints(to)[where[-1]])
        return f"{'.'.join(where)}: {choice[1]!r} is not allowed, {nearest(choice[1], allowed)}"
    words = re.sub(r"`(\w+)[^`]*`", lambda kind: _TYPES.get(kind[1], kind[1]), message)
    return f"{'.'.join(where)}: {words[:1].lower()}{words[1:]}"
