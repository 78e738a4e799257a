"""The devices that come with energyprobe: found by name, and listed."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from energyprobe.costing.device import Device
from energyprobe.costing.loading import CATALOG, load_device, parse_device
from energyprobe.errors import DeviceError, UnknownDeviceError, nearest

if TYPE_CHECKING:
    import pandas as pd

AnyDevice = str | os.PathLike[str] | Device
"""What a user names a device by: its name, the path of its file, or the device itself."""


@functools.cache
def catalog() -> dict[str, Device]:
    """The devices of the catalog by name, in alphabetical order."""
    files = [
        file for file in CATALOG.iterdir() if file.name.endswith(".toml") and file.name != "sources.toml"
    ]
    devices = [parse_device(file.read_text(encoding="utf-8"), file.name) for file in files]
    return {each.name: each for each in sorted(devices, key=lambda device: device.name)}


def device(name: str) -> Device:
    """A device of the catalog.

    Parameters
    ----------
    name : str
        Its name or an alias, in any case.

    Returns
    -------
    Device
        The device.

    Raises
    ------
    UnknownDeviceError
        If there is none; the message names the nearest.
    """
    known = {alias: each for each in catalog().values() for alias in (each.name, *each.aliases)}
    wanted = name.strip().lower()
    if wanted not in known:
        raise UnknownDeviceError(
            f"no device {name!r} (energyprobe.devices() lists all; a file of your own is given by its path, "
            f"which ends in .toml): {nearest(wanted, known)}"
        )
    return known[wanted]


def resolve_device(given: AnyDevice) -> Device:
    """The device that a user means.

    Parameters
    ----------
    given : str, os.PathLike or Device
        Name or alias of a device of the catalog, path of a TOML file, or a device.

    Returns
    -------
    Device
        The device.

    Raises
    ------
    DeviceError
        If a file is wrong, or it is none of the three.
    UnknownDeviceError
        If the catalog has no device of that name.
    """
    if isinstance(given, Device):
        return given
    if isinstance(given, os.PathLike):
        return load_device(given)
    if not isinstance(given, str):
        raise DeviceError(f"a device is a name, the path of a .toml file or a Device, got {given!r}")
    return load_device(given) if given.endswith(".toml") else device(given)


def frame_of(devices: Iterable[Device]) -> pd.DataFrame:
    """Devices in a table.

    Parameters
    ----------
    devices : iterable of Device
        The devices.

    Returns
    -------
    pandas.DataFrame
        One row per device: ``name``, ``aliases``, ``title``, ``kind``, ``year``, ``process_nm``,
        ``boundary``, ``skips``, ``graded_events``, joules per operation of each term (``macs_j``, …;
        NaN where the device has no figure), ``verified``, and the keys of its ``sources``.
    """
    import pandas as pd

    return pd.DataFrame([_row(each) for each in devices]).astype({"year": "Int64"})


def _row(each: Device) -> dict[str, object]:
    from energyprobe.costing.constant import PRICED

    figures = each.figures
    energies = {f"{term}_j": figures[term].value_si if term in figures else math.nan for term in PRICED}
    return {
        "name": each.name,
        "aliases": ", ".join(each.aliases),
        "title": each.title,
        "kind": each.kind,
        "year": each.year,
        "process_nm": each.process_nm,
        "boundary": each.boundary,
        "skips": each.skips,
        "graded_events": each.graded_events,
        **energies,
        "verified": each.verified,
        "sources": ", ".join(each.sources),
    }


def figures(given: AnyDevice) -> pd.DataFrame:
    """All figures of one device, as published.

    Parameters
    ----------
    given : str, os.PathLike or Device
        As `resolve_device`.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``term``, ``value``, ``low``, ``high``, ``unit``, ``source``, ``via``,
        ``range_source``, ``provenance``, ``verified``, ``boundary``, ``basis``, ``note``.

    Raises
    ------
    DeviceError
        As `resolve_device`.
    """
    import msgspec
    import pandas as pd

    own = resolve_device(given).figures
    return pd.DataFrame([{"term": term, **msgspec.structs.asdict(figure)} for term, figure in own.items()])
