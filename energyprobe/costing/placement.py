"""A model split over devices: each layer on the device that a pattern gives it, with transfers between."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, cast

import msgspec

from energyprobe.costing.device import Device, Kind, Skips
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.lookup import AnyDevice, resolve_device
from energyprobe.costing.placed import Part, Transfer, moved_bytes, priced_part, together
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import CostTable
from energyprobe.costing.titles import TERMS
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError, ScenarioError
from energyprobe.trace.records import LayerCall, Reading

SEPARATOR = "/"
"""Stands between a device and its figure in the names of a placement's figures."""

LINKS = ("transfer", "transfer_s")
"""Fields of a placement that are figures of its own."""


class _Named(Device, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device that can do without the facts of a device file."""

    name: str = ""
    title: str = ""
    kind: Kind = "conventional"
    skips: Skips = "nothing"
    graded_events: bool = True
    description: str = "A model split over devices: each prices its own layers."


class Placement(_Named, frozen=True, forbid_unknown_fields=True):
    """Devices that run a model together, each some of its layers; used wherever a device is.

    Each device prices its own layers, in the order of the model. While one works the others wait: inferences
    follow each other as fast as the slowest device can, or at the pace of the scenario, and what waits draws
    its idle power. What a layer reads from another device is moved: bytes as recorded, each output once to
    each device that reads it.

    Parameters
    ----------
    places : dict of str to (str, path or Device)
        Pattern of a layer's path or name (``"conv*"``) to the device that it lies on; the first pattern that
        fits holds. A layer without operations of its own lies with the one before it.
    transfer : Figure, optional
        Energy of a byte moved from device to device. Without it a total is a lower bound.
    transfer_s : Figure, optional
        Time of a byte moved.
    name, title : str, optional
        By default those of the devices.

    Raises
    ------
    DeviceError
        If there are no patterns, a device is wrong, or a figure measures something else.
    """

    places: Mapping[str, AnyDevice] = {}
    transfer: Figure | None = None
    transfer_s: Figure | None = None

    def __post_init__(self) -> None:
        if not self.places:
            raise DeviceError('places: expected at least one, such as {"conv*": "a100", "*": "loihi"}')
        places = {pattern: resolve_device(each) for pattern, each in self.places.items()}
        parts = {each.name: each for each in places.values()}
        for field, wanted in (("transfer", "energy per byte"), ("transfer_s", "time per byte")):
            figure = getattr(self, field)
            if figure is not None and figure.dimension != wanted:
                raise DeviceError(
                    f"{field}: {figure.unit!r} is a unit of {figure.dimension}, not of {wanted}"
                )
        facts: dict[str, Any] = {
            "places": places,
            "name": self.name or "+".join(parts),
            "title": self.title or " and ".join(each.title for each in parts.values()),
            "graded_events": all(each.graded_events for each in parts.values()),
            "sources": {key: source for each in parts.values() for key, source in each.sources.items()}
            | self.sources,
        }
        for field, value in facts.items():
            msgspec.structs.force_setattr(self, field, value)
        super().__post_init__()

    @property
    def parts(self) -> tuple[Device, ...]:
        """The devices, each once."""
        return tuple({each.name: each for each in self._devices.values()}.values())

    @property
    def _devices(self) -> dict[str, Device]:
        """Devices by pattern."""
        return cast(dict[str, Device], self.places)

    @property
    def reading(self) -> Reading:
        """The one that all of its devices price; what the simulator multiplies where they differ."""
        readings = {each.reading for each in self.parts}
        return readings.pop() if len(readings) == 1 else "literal"

    @property
    def figures(self) -> dict[str, Figure]:
        """Those of its devices as ``"DEVICE/FIGURE"``, and those of transfers."""
        own = {name: getattr(self, name) for name in LINKS}
        return {
            f"{part.name}{SEPARATOR}{name}": figure
            for part in self.parts
            for name, figure in part.figures.items()
        } | {name: figure for name, figure in own.items() if figure is not None}

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of all publications that its devices cite."""
        return tuple(dict.fromkeys((*super().cites, *(key for part in self.parts for key in part.cites))))

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Those of its devices, and those of transfers."""
        of_parts = (f"{part.name}{SEPARATOR}{term}" for part in self.parts for term in part.uncertain)
        own = (name for name in LINKS if name in self.figures)
        return (*of_parts, *(name for name in own if self.figures[name].has_range))

    @property
    def own_errors(self) -> tuple[str, ...]:
        """Those of its devices; all terms where predictions of one were held against measurements."""
        held_out = TERMS if any(part.held_out for part in self.parts) else ()
        return tuple(dict.fromkeys((*held_out, *(term for part in self.parts for term in part.own_errors))))

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures."""
        name, _, figure = term.rpartition(SEPARATOR)
        if not name:
            return "energy per byte" if term == "transfer" else "time per byte"
        return next(part for part in self.parts if part.name == name).dimension_of(figure)

    def check_dtype(self, dtype: str | None) -> None:
        """Refuse a data type that one of the devices has no figures for; see `Device.check_dtype`."""
        for part in self.parts:
            part.check_dtype(dtype)

    def at(self, values: Mapping[str, float]) -> Placement:
        """The same devices with other values of some figures; see `Device.at`."""
        changed = {}
        for part in self.parts:
            start = f"{part.name}{SEPARATOR}"
            own = {
                name.removeprefix(start): value for name, value in values.items() if name.startswith(start)
            }
            changed[part.name] = part.at(own)
        links = {name: getattr(self, name).at(values[name]) for name in LINKS if name in values}
        places = {pattern: changed[part.name] for pattern, part in self._devices.items()}
        return msgspec.structs.replace(self, places=places, **links)

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network on its device; see `Device.cost`.

        Raises
        ------
        ScenarioError
            If no pattern fits a layer, or a stream is asked for.
        """
        if scenario.streaming:
            raise ScenarioError(f"{self.name}: a placement runs inferences, no stream")
        where = self._where([row.call for row in counts.rows])
        transfer = Transfer(moved_bytes(counts, where, scenario), self.transfer, self.transfer_s)
        own_speed = dataclasses.replace(scenario, inferences_per_second=None)
        parts = [priced_part(part, counts, where, own_speed) for part in self.parts if part.name in where]
        period_s = _period_s(parts, transfer, scenario)
        if len(parts) > 1 and period_s > 0:
            # Each waits for the slowest.
            paced = dataclasses.replace(scenario, inferences_per_second=1 / period_s)
            parts = [priced_part(part.device, counts, where, paced) for part in parts]
        priced = together(self, counts, scenario, parts, transfer, period_s)
        return dataclasses.replace(priced, notes=(*priced.notes, *self._idle_patterns(counts)))

    def _idle_patterns(self, counts: CountTable) -> Iterator[str]:
        """Which patterns take no layer: misspelt, or behind one that takes all of theirs."""
        taken = {self._pattern(row.call) for row in counts.rows}
        yield from (f"no layer is placed by {pattern!r}" for pattern in self._devices if pattern not in taken)

    def _where(self, calls: list[LayerCall]) -> list[str]:
        """Name of the device of each call."""
        where: list[str] = []
        lost = []
        for call in calls:
            pattern = self._pattern(call)
            if pattern is not None:
                where.append(self._devices[pattern].name)
                continue
            if call.fate == "counted":
                lost.append(call.path)
            where.append(where[-1] if where else self.parts[0].name)
        if lost:
            raise ScenarioError(
                f"{self.name}: no pattern fits {', '.join(dict.fromkeys(lost))}; given are "
                f'{", ".join(map(repr, self.places))} ("*" fits all that is left)'
            )
        return where

    def _pattern(self, call: LayerCall) -> str | None:
        """The first pattern that fits a call."""
        fits = (
            pattern
            for pattern in self._devices
            if fnmatchcase(call.path, pattern) or fnmatchcase(call.layer, pattern)
        )
        return next(fits, None)


def _period_s(parts: list[Part], transfer: Transfer, scenario: Scenario) -> float:
    """Seconds from one inference to the next; NaN where those of a part are not known."""
    pace = scenario.inferences_per_second
    times = [part.cost.time_per_inference_s for part in parts]
    times += [float(transfer.time_s[0]), 1 / pace if pace else 0.0]
    return math.nan if any(map(math.isnan, times)) else max(times)
