"""The catalog as a list that prints itself: names, process nodes, what figures cover, one telling figure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from energyprobe.costing.bibliography import bibliography
from energyprobe.costing.device import Device, Kind
from energyprobe.costing.lookup import AnyDevice, catalog, frame_of, resolve_device
from energyprobe.reporting import units
from energyprobe.reporting.device_page import DevicePage
from energyprobe.reporting.document import Column, Document, Lines, Table, printable
from energyprobe.reporting.prices import UNVERIFIED
from energyprobe.reporting.worded import Worded

if TYPE_CHECKING:
    import pandas as pd

TABLES: dict[Kind, tuple[str, str, tuple[str, ...]]] = {
    "event-driven": ("Event-driven chips", "synop", ("acs", "macs")),
    "conventional": ("Conventional processors", "power,\nMAC", ("static_w", "macs")),
    "arithmetic": ("Tables of arithmetic", "MAC", ("macs",)),
}
"""Kind of device to the title of its table, and the header and names of its telling figure."""


@overload
def devices() -> DeviceList: ...
@overload
def devices(device: AnyDevice) -> DevicePage: ...
def devices(device: AnyDevice | None = None) -> DeviceList | DevicePage:
    """List the devices of the catalog, or show all that is known of one.

    Parameters
    ----------
    device : str, path or Device, optional
        Name or alias of a device, the path of a device file, or a device.

    Returns
    -------
    DeviceList or DevicePage
        Both are to be printed. The list is a mapping of names to devices, with `DeviceList.to_dataframe`
        and `DeviceList.bibtex`; a page holds every figure with its unit, range, source and provenance,
        and the sources in BibTeX.

    Raises
    ------
    UnknownDeviceError
        If the catalog has no device of that name; the message names the nearest.
    """
    return DeviceList(catalog()) if device is None else DevicePage(resolve_device(device))


@dataclass(frozen=True, eq=False, repr=False)
class DeviceList(Worded, Mapping[str, Device]):
    """Devices by name.

    Attributes
    ----------
    devices : dict of str to Device
        In the order in which they are listed.
    """

    devices: dict[str, Device]

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.devices)

    def __len__(self) -> int:
        return len(self.devices)

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each device; see `energyprobe.costing.lookup.frame_of`."""
        return frame_of(self.devices.values())

    def bibtex(self) -> str:
        """BibTeX entries of everything that the devices cite, each once."""
        return bibliography(self.devices.values())

    @functools.cached_property
    def document(self) -> Document:
        """The list in words, for every renderer."""
        kinds = {kind: [each for each in self.values() if each.kind == kind] for kind in TABLES}
        notes = (
            "synop: energy of an accumulate, or of a multiply-accumulate where the chip takes graded values; "
            "power: while it computes, or else the energy of a MAC; covers: the most that its figures cover",
            f"{UNVERIFIED} not all figures verified",
            'all figures and sources of a device: energyprobe.devices("loihi")',
        )
        tables = (_table(kind, own) for kind, own in kinds.items() if own)
        document = Document(f"{len(self)} devices", "", (*tables, Lines("Remarks", notes)))
        return document.mapped(printable)

    def __repr__(self) -> str:
        return f"DeviceList({list(self.devices)!r})"


def _table(kind: Kind, own: list[Device]) -> Table:
    title, header, terms = TABLES[kind]
    columns: dict[str, Callable[[Device], str]] = {
        "name": lambda each: each.name if each.verified else f"{each.name} {UNVERIFIED}",
        "device": lambda each: each.title,
        "nm": lambda each: f"{each.process_nm:g}" if each.process_nm else units.UNKNOWN,
        "covers": lambda each: each.covers,
        header: lambda each: _telling(each, terms),
    }
    return Table(
        title,
        tuple(
            Column(
                name=name,
                header=name,
                cells=tuple(map(write, own)),
                text=name in ("name", "device", "covers"),
            )
            for name, write in columns.items()
        ),
    )


def _telling(device: Device, terms: tuple[str, ...]) -> str:
    """The first of some figures that the device has."""
    figures = [device.figures[term] for term in terms if term in device.figures]
    if not figures:
        return units.UNKNOWN
    unit = {"energy": "J", "power": "W"}[figures[0].dimension]
    return units.quantity(figures[0].value_si, unit)
