"""The devices of a report that are priced for the same reading of the recording: one per-layer table."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from energyprobe.costing.table import CostTable
from energyprobe.counting.table import CountTable
from energyprobe.reporting.layers import Layer, layers_of
from energyprobe.reporting.prices import Prices

MEANING = {
    "literal": "what the simulator multiplies",
    "folded": "passthrough nodes composed away, as event-driven hardware does",
}
"""What each reading stands for."""


@dataclass(frozen=True, eq=False)
class View:
    """What was counted in one reading, and what that costs.

    Attributes
    ----------
    counts : CountTable
        The counts of the reading.
    costs : dict of str to CostTable
        What each device that is priced for it charges.
    rows : tuple of Layer
        Rows of the per-layer table, where they are not the layers in their order.
    """

    counts: CountTable
    costs: dict[str, CostTable]
    rows: tuple[Layer, ...] = ()

    @property
    def words(self) -> str:
        """The reading and its meaning; empty for a recording that has only one."""
        if len({call.reading for call in self.counts.trace.calls}) == 1:
            return ""
        return f"{self.counts.reading} reading ({MEANING[self.counts.reading]})"

    @functools.cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, or groups of them, each with all of its calls."""
        return self.rows or tuple(layers_of(self.counts))

    @functools.cached_property
    def network_lines(self) -> tuple[str, ...]:
        """Names of what no layer causes, such as static power, on any of the devices."""
        names = (name for cost in self.costs.values() for name in cost.layer[len(self.counts) :])
        return tuple(dict.fromkeys(names))

    @functools.cached_property
    def prices(self) -> tuple[Prices, ...]:
        """The costs of each device by line of the per-layer table."""
        line_of_path = {row.call.path: line for line, layer in enumerate(self.layers) for row in layer.rows}
        line_of_call = [line_of_path[row.call.path] for row in self.counts.rows]
        line_of_name = {name: len(self.layers) + line for line, name in enumerate(self.network_lines)}
        return tuple(
            Prices(
                name=name,
                cost=cost,
                layers=self.layers,
                keys=(*(row.call.key for row in self.counts.rows), *cost.layer[len(self.counts) :]),
                line_of_row=np.array(
                    [*line_of_call, *(line_of_name[each] for each in cost.layer[len(self.counts) :])], np.intp
                ),
                network=self.network_lines,
            )
            for name, cost in self.costs.items()
        )


def views_of(tables: Mapping[str, CountTable], costs: Mapping[str, CostTable]) -> Iterator[View]:
    """Group devices by the reading that they are priced for.

    Parameters
    ----------
    tables : mapping of str to CountTable
        For each device, the counts that it was given.
    costs : mapping of str to CostTable
        For each device, what it charges.

    Yields
    ------
    View
        In the order of their first devices.
    """
    devices: dict[str, list[str]] = {}
    for name, table in tables.items():
        devices.setdefault(table.reading, []).append(name)
    for names in devices.values():
        yield View(tables[names[0]], {name: costs[name] for name in names})
