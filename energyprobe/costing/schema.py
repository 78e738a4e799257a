"""TOML to structs, checked field by field, with errors that name the field and what was expected."""

from __future__ import annotations

import re
import sys
from importlib import resources
from typing import TypeVar, get_args, get_type_hints

import msgspec

from energyprobe.costing.figures import Figure
from energyprobe.errors import DeviceError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CATALOG = resources.files("energyprobe.costing") / "catalog"
"""Folder of the device files, of ``sources.toml``, and of the fitted kernels."""

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

__all__ = ["CATALOG", "convert", "convert_each", "convert_figures", "tomllib"]


def convert(raw: object, to: type[_S], field: str) -> _S:
    """Make a struct of a table.

    Parameters
    ----------
    raw : object
        Parsed TOML.
    to : type
        The struct.
    field : str
        Dotted path of the table; empty for a whole file.

    Returns
    -------
    struct
        The table, checked.

    Raises
    ------
    DeviceError
        If a field is unknown, missing or wrong; the message starts with its path and a colon.
    """
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        where = [part for part in (field + path.rstrip("`")).split(".") if part]
        raise DeviceError(_reworded(message, where, to)) from error


def convert_each(raw: object, to: type[_S], field: str) -> dict[str, _S]:
    """Convert the values of a table one by one: msgspec does not name the key of a faulty one."""
    if not isinstance(raw, dict):
        raise DeviceError(f"{field}: expected a table, got {raw!r}")
    return {key: convert(value, to, f"{field}.{key}") for key, value in raw.items()}


def convert_figures(raw: object, field: str, top: bool = True) -> object:
    """Convert the figures of a table, also those in a table of tables (kinds of neurons)."""
    if not isinstance(raw, dict):
        return raw
    if not top and any(not isinstance(value, dict) for value in raw.values()):
        return convert(raw, Figure, field)
    return {key: convert_figures(value, f"{field}.{key}", top=False) for key, value in raw.items()}


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
