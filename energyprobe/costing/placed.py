"""The layers of a network on several devices, priced apart and put together again in one table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure, widest
from energyprobe.costing.ledger import ends, term_of
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array, CostTable, Remark, TermCost
from energyprobe.counting.table import CountTable
from energyprobe.trace.records import LayerCall

TRANSFER = "transfers"
"""Row, and term, of what is moved from device to device."""

ENERGIES = ("energy_j", "low_j", "high_j")
LATENCIES = ("latency_s", "low_latency_s", "high_latency_s")
"""Columns of a table of costs: value and ends."""


@dataclass(frozen=True, eq=False)
class Part:
    """What lies on one device.

    Attributes
    ----------
    device : Device
        The device.
    rows : ndarray of int, shape (calls,)
        Its rows of the counts.
    cost : CostTable
        What they cost there, and what none of them causes.
    """

    device: Device
    rows: npt.NDArray[np.intp]
    cost: CostTable


@dataclass(frozen=True, eq=False)
class Transfer:
    """What is moved between devices in an inference.

    Attributes
    ----------
    moved : float
        Bytes.
    energy, time : Figure or None
        Of a byte.
    """

    moved: float
    energy: Figure | None
    time: Figure | None

    @property
    def time_s(self) -> Array:
        """Seconds, shape ``(3,)``: value, low, high; 0 where the time of a byte is not given."""
        # s/byte * bytes
        return np.zeros(3) if self.time is None else self.moved * ends(self.time)

    def term(self, rows: int) -> TermCost | None:
        """The term of transfers, at the last of so many rows; None where a byte has no price."""
        if self.energy is None:
            return None
        done, joules = np.zeros(rows), np.zeros((3, rows))
        # J/byte * bytes/inference = J/inference
        done[-1], joules[:, -1] = self.moved, self.moved * ends(self.energy)
        return term_of(done, joules, (self.energy,))

    def remarks(self, row: int) -> Iterator[Remark]:
        """Say that bytes without a price make the total a lower bound."""
        if self.moved and self.energy is None:
            yield Remark(row, "what a byte moved between devices costs is not given", True)


def priced_part(device: Device, counts: CountTable, where: Sequence[str], scenario: Scenario) -> Part:
    """Price the layers that lie on a device.

    Parameters
    ----------
    device : Device
        The device.
    counts : CountTable
        The whole network.
    where : sequence of str
        Name of the device of each call.
    scenario : Scenario
        How the device runs them.

    Returns
    -------
    Part
    """
    rows = np.flatnonzero(np.array(where) == device.name)
    own = dataclasses.replace(counts, rows=tuple(counts.rows[row] for row in rows.tolist()))
    if not any(row.call.timesteps > 1 for row in own.rows):
        # Its layers run once, whatever the timesteps of the others.
        scenario = dataclasses.replace(scenario, timesteps=None, new_samples_per_inference=None)
    return Part(device, rows, device.price(own, scenario))


def moved_bytes(counts: CountTable, where: Sequence[str], scenario: Scenario) -> float:
    """Bytes that are moved in an inference: each output once to each other device that reads it.

    Parameters
    ----------
    counts : CountTable
        The whole network.
    where : sequence of str
        Name of the device of each call.
    scenario : Scenario
        How many timesteps an inference has.

    Returns
    -------
    float
        Bytes as recorded.
    """
    calls = [row.call for row in counts.rows]
    row_of_key = {call.key: place for place, call in enumerate(calls)}

    def origin(key: str) -> int | None:
        """Row that made what a key stands for: a reshape makes nothing."""
        place = row_of_key.get(key)
        if place is None or calls[place].fate != "free" or len(calls[place].inputs) != 1:
            return place
        return origin(calls[place].inputs[0])

    read = ((origin(key), where[place]) for place, call in enumerate(calls) for key in call.inputs)
    crossing = {(made, device) for made, device in read if made is not None and where[made] != device}
    recorded = max(call.timesteps for call in calls)
    wanted = scenario.timesteps or scenario.new_samples_per_inference or recorded

    def per_inference(call: LayerCall) -> float:
        repeats = wanted / recorded if call.timesteps > 1 else 1.0
        return call.bytes_out / counts.trace.samples * repeats

    return sum(per_inference(calls[made]) for made, _ in crossing)


def together(
    device: Device,
    counts: CountTable,
    scenario: Scenario,
    parts: Sequence[Part],
    transfer: Transfer,
    period_s: float,
) -> CostTable:
    """Put the tables of the parts together.

    Parameters
    ----------
    device : Device
        What the whole is priced on.
    counts : CountTable
        The whole network.
    scenario : Scenario
        How it is run.
    parts : sequence of Part
        Its parts.
    transfer : Transfer
        What is moved between them.
    period_s : float
        Seconds from one inference to the next.

    Returns
    -------
    CostTable
        Calls in the order of the model, then rows that no layer causes, transfers last.
    """
    calls = [row.call for row in counts.rows]
    network = [f"{part.device.name}: {name}" for part in parts for name in part.cost.layer[len(part.rows) :]]
    whole = _Whole(parts, len(calls))
    terms = whole.terms()
    moved = transfer.term(whole.rows)
    if moved is not None:
        terms[TRANSFER] = moved
    energy_j, low_j, high_j = (
        whole.column(name) + (0.0 if moved is None else getattr(moved, name)) for name in ENERGIES
    )
    latency_s, low_latency_s, high_latency_s = (whole.column(name) for name in LATENCIES)
    latency_s[-1], low_latency_s[-1], high_latency_s[-1] = transfer.time_s
    return CostTable(
        device=device,
        scenario=scenario,
        layer=(*(call.layer for call in calls), *network, TRANSFER),
        call=(*(call.call_index for call in calls), *([0] * (len(network) + 1))),
        kind=("layer",) * len(calls) + ("network",) * (len(network) + 1),
        terms=terms,
        energy_j=energy_j,
        low_j=low_j,
        high_j=high_j,
        latency_s=latency_s,
        low_latency_s=low_latency_s,
        high_latency_s=high_latency_s,
        not_modelled=tuple(dict.fromkeys(term for part in parts for term in part.cost.not_modelled)),
        left_out=_added([part.cost.left_out for part in parts]),
        remarks=(*whole.remarks(), *transfer.remarks(whole.rows - 1)),
        notes=tuple(_notes(parts, transfer)),
        timesteps=max(part.cost.timesteps for part in parts),
        time_per_inference_s=period_s,
        does_not_fit="; ".join(
            f"{part.device.name} {part.cost.does_not_fit}" for part in parts if part.cost.does_not_fit
        ),
    )


class _Whole:
    """Rows of the parts in those of the whole: calls, what no layer causes on each device, transfers."""

    def __init__(self, parts: Sequence[Part], calls: int) -> None:
        self.parts = parts
        self.places: list[npt.NDArray[np.intp]] = []
        first = calls
        for part in parts:
            beside = len(part.cost) - len(part.rows)
            self.places.append(np.concatenate([part.rows, np.arange(first, first + beside)]))
            first += beside
        self.rows = first + 1

    def column(self, name: str) -> Array:
        """A column of the tables, shape ``(rows,)``; 0 for transfers."""
        return self._joined([getattr(part.cost, name) for part in self.parts])

    def terms(self) -> dict[str, TermCost]:
        """The terms of all parts; nothing where a device has none of one."""
        names = dict.fromkeys(name for part in self.parts for name in part.cost.terms)
        return {name: self._term([part.cost.terms.get(name) for part in self.parts]) for name in names}

    def remarks(self) -> Iterator[Remark]:
        """What is said of the rows of the parts."""
        for part, place in zip(self.parts, self.places, strict=True):
            for remark in part.cost.remarks:
                yield dataclasses.replace(remark, row=int(place[remark.row]))

    def _term(self, parts: Sequence[TermCost | None]) -> TermCost:
        known = [part for part in parts if part is not None]

        def of(name: str) -> Array:
            return self._joined([0.0 if part is None else getattr(part, name) for part in parts])

        return TermCost(
            operations=of("operations"),
            energy_j=of("energy_j"),
            low_j=of("low_j"),
            high_j=of("high_j"),
            sources=tuple(dict.fromkeys(key for part in known for key in part.sources)),
            boundary=widest(part.boundary for part in known),
        )

    def _joined(self, columns: Sequence[Array | float]) -> Array:
        joined = np.zeros(self.rows)
        for place, column in zip(self.places, columns, strict=True):
            joined[place] = column
        return joined


def _added(counts: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for each in counts for name in each)
    return {name: sum(each.get(name, 0.0) for each in counts) for name in names}


def _notes(parts: Sequence[Part], transfer: Transfer) -> Iterator[str]:
    for part in parts:
        yield f"{part.device.name} runs {len(part.rows)} of the layer calls"
        yield from (f"{part.device.name}: {note}" for note in part.cost.notes)
    yield f"{transfer.moved:,.0f} bytes, as recorded, are moved between devices in an inference"
    if transfer.moved and transfer.time is None:
        yield "latencies leave out the time of moving them: that of a byte is not given"
    if len(parts) > 1:
        yield "inferences follow each other as fast as the slowest device can; what waits is idle"
