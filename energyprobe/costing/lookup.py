"""The devices that come with energyprobe: found by name, and listed."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from energyprobe.costing.cpu import CpuDevice
from energyprobe.costing.device import Device
from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.loading import SHARED, load_device, parse_device
from energyprobe.costing.schema import CATALOG
from energyprobe.errors import DeviceError, UnknownDeviceError, nearest

if TYPE_CHECKING:
    import pandas as pd

AnyDevice = str | os.PathLike[str] | Device
"""What a user names a device by: its name, the path of its file, or the device itself."""


@functools.cache
def catalog() -> dict[str, Device]:
    """The devices of the catalog by name, in alphabetical order."""
    files = [file for file in CATALOG.iterdir() if file.name.endswith(".toml") and file.name not in SHARED]
    devices = [parse_device(file.read_text(encoding="utf-8"), file.name) for file in files]
    return {each.name: each for each in sorted(devices, key=lambda device: device.name)}


def device(name: str) -> Device:
    """A device of the catalog.

    Parameters
    ----------
    name : str
        Its name or an alias, in any case; of a GPU also with the kernels that it runs, such as
        ``"a100:best"``: see `energyprobe.costing.gpu.POLICIES`.

    Returns
    -------
    Device
        The device.

    Raises
    ------
    UnknownDeviceError
        If there is none; the message names the nearest.
    DeviceError
        If it is no GPU and kernels are named, or there are no such kernels.
    """
    known = {alias: each for each in catalog().values() for alias in (each.name, *each.aliases)}
    wanted, _, policy = name.strip().lower().partition(":")
    if policy and wanted in known:
        return on_kernels(known[wanted], policy)
    if wanted not in known:
        raise UnknownDeviceError(
            f"no device {name!r} (energyprobe.devices(), or 'energyprobe devices' in a shell, lists all; a "
            "file of your own is given by its path, which ends in .toml): "
            + nearest(wanted, known, otherwise="none has a name like it")
        )
    return known[wanted]


def resolve_device(given: AnyDevice) -> Device:
    """The device that a user means.

    Parameters
    ----------
    given : str, os.PathLike or Device
        Name or alias of a device of the catalog, path of a TOML file, either with the kernels of a GPU
        behind a colon, or a device.

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
    path, dot, policy = given.partition(".toml:")
    if dot:
        return on_kernels(load_device(f"{path}.toml"), policy)
    return load_device(given) if given.endswith(".toml") else device(given)


def on_kernels(given: Device, policy: str) -> GpuDevice:
    """A GPU on the kernels of a policy; see `GpuDevice.with_policy`.

    Raises
    ------
    DeviceError
        If it is no GPU, or there is no such policy.
    """
    if not isinstance(given, GpuDevice):
        raise DeviceError(f"{given.name}:{policy}: kernels are chosen on GPUs, and {given.name} is none")
    return given.with_policy(policy)


def gpu_of(given: str | os.PathLike[str] | Device) -> GpuDevice:
    """The GPU that a user means, to price single kernels on.

    Parameters
    ----------
    given : str, os.PathLike or Device
        As `resolve_device`.

    Returns
    -------
    GpuDevice
        The GPU.

    Raises
    ------
    DeviceError
        As `resolve_device`, or if the device is no GPU that kernels are priced on.
    UnknownDeviceError
        If the catalog has no device of that name.
    """
    found = kernel_device(given)
    if not isinstance(found, GpuDevice):
        raise DeviceError(f"{found.name} is no GPU")
    return found


def kernel_device(given: AnyDevice) -> GpuDevice | CpuDevice:
    """The GPU or CPU that a user means, to price single kernels on.

    Parameters
    ----------
    given : str, os.PathLike or Device
        As `resolve_device`.

    Returns
    -------
    GpuDevice or CpuDevice
        The device.

    Raises
    ------
    DeviceError
        As `resolve_device`, or if the device has no kernels that are priced one by one.
    UnknownDeviceError
        If the catalog has no device of that name.
    """
    found = resolve_device(given)
    if not isinstance(found, GpuDevice | CpuDevice):
        known = sorted(name for name, each in catalog().items() if isinstance(each, GpuDevice | CpuDevice))
        raise DeviceError(
            f"kernels are priced on GPUs and on CPUs that were measured, and {found.name} is neither: "
            f"{', '.join(known)}"
        )
    return found


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
