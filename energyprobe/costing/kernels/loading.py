"""The catalog of GPUs, fits and sources of the kernel models, read from TOML."""

from __future__ import annotations

import functools
import sys
from importlib import resources
from typing import Any, TypeVar

import msgspec

from energyprobe.costing.figures import Source
from energyprobe.costing.kernels.chip import Chip
from energyprobe.costing.kernels.fits import Fit, PowerFit
from energyprobe.costing.kernels.quantities import Quantity
from energyprobe.errors import DeviceError, UnknownDeviceError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CATALOG = resources.files("energyprobe.costing") / "catalog" / "kernels"
"""Folder with ``gpus/``, ``fits/`` and ``sources.toml``."""

_S = TypeVar("_S", bound=msgspec.Struct)


@functools.cache
def chips() -> dict[str, Chip]:
    """The GPUs by name."""
    found = [_convert(raw, Chip, name) for name, raw in _files("gpus")]
    return {chip.name: chip for chip in sorted(found, key=lambda chip: chip.name)}


def chip(name: str) -> Chip:
    """A GPU of the catalog.

    Parameters
    ----------
    name : str
        Its name or an alias, in any case.

    Returns
    -------
    Chip
        The GPU.

    Raises
    ------
    UnknownDeviceError
        If there is none; the message names the nearest.
    """
    known = {alias: each for each in chips().values() for alias in (each.name, *each.aliases)}
    wanted = name.strip().lower()
    if wanted not in known:
        raise UnknownDeviceError(f"no GPU {name!r} that kernels are priced on, {nearest(wanted, known)}")
    return known[wanted]


@functools.cache
def fits() -> tuple[Fit, ...]:
    """All fitted kernels."""
    return tuple(_convert(each, Fit, name) for name, raw in _files("fits") for each in raw.get("fit", []))


@functools.cache
def power_fits() -> tuple[PowerFit, ...]:
    """All fitted power constants."""
    return tuple(_convert(raw["power"], PowerFit, name) for name, raw in _files("fits") if "power" in raw)


@functools.cache
def launches() -> dict[str, Quantity]:
    """Time that a launch takes, by how kernels are launched."""
    raw = tomllib.loads((CATALOG / "launch.toml").read_text(encoding="utf-8"))
    return {name: _convert(value, Quantity, "launch.toml") for name, value in raw.items()}


@functools.cache
def sources() -> dict[str, Source]:
    """Publications and measurements that the figures cite, by key."""
    raw = tomllib.loads((CATALOG / "sources.toml").read_text(encoding="utf-8"))
    return {key: _convert(value, Source, "sources.toml") for key, value in raw.items()}


def _files(folder: str) -> list[tuple[str, dict[str, Any]]]:
    paths = sorted((CATALOG / folder).iterdir(), key=lambda path: path.name)
    return [
        (f"{folder}/{path.name}", tomllib.loads(path.read_text(encoding="utf-8")))
        for path in paths
        if path.name.endswith(".toml")
    ]


def _convert(raw: object, to: type[_S], name: str) -> _S:
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        raise DeviceError(f"{name}: {error}") from error
