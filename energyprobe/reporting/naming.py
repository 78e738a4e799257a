"""Devices under the names that they were asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from energyprobe.costing.device import Device
from energyprobe.costing.lookup import AnyDevice, resolve_device
from energyprobe.costing.table import CostTable
from energyprobe.errors import ReportError, nearest


def named(devices: AnyDevice | Iterable[AnyDevice]) -> dict[str, Device]:
    """The devices under the names that they were asked for."""
    asked = [devices] if isinstance(devices, str | os.PathLike | Device) else list(devices)
    if not asked:
        raise ReportError("name at least one device: energyprobe.devices() lists them")
    chosen: dict[str, Device] = {}
    for each in asked:
        if not isinstance(each, str | os.PathLike | Device):
            raise ReportError(f"a device is a name, a path or a Device, got {type(each).__name__}")
        device = resolve_device(each)
        if device.name in (other.name for other in chosen.values()):
            raise ReportError(f"device {device.name!r} is named twice")
        by_name = isinstance(each, str) and not each.endswith(".toml")
        chosen[str(each).strip().lower() if by_name else device.name] = device
    return chosen


def asked_name(costs: Mapping[str, CostTable], device: str) -> str:
    """The name that a device was asked for, of any of its names; see `Report.asked`."""
    names: dict[str, str] = {}
    for asked, cost in costs.items():
        names |= dict.fromkeys(map(str.lower, (cost.device.name, *cost.device.aliases)), asked)
    names |= {asked.lower(): asked for asked in costs}
    wanted = device.strip().lower()
    if wanted not in names:
        raise ReportError(f"the report has no device {device!r}: {nearest(wanted, names)}")
    return names[wanted]
