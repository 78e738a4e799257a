"""What every device has: names, what it pays for, its sources, and a way to price a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec

from energyprobe.costing.figures import Figure, Source
from energyprobe.errors import DeviceError, nearest

if TYPE_CHECKING:
    from energyprobe.costing.scenario import Scenario
    from energyprobe.costing.table import CostTable
    from energyprobe.counting.table import CountTable
    from energyprobe.trace.records import Trace

Kind = Literal["conventional", "event-driven", "arithmetic"]
Skips = Literal["nothing", "zero inputs", "zero inputs and weights"]


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the device models; each of them is one file of this package.

    Attributes
    ----------
    name : str
        What `energyprobe.device` finds it by.
    title : str
        Name for people.
    kind : {"conventional", "event-driven", "arithmetic"}
        A processor that runs dense code; a chip driven by events; or a bare table of arithmetic.
    skips : {"nothing", "zero inputs", "zero inputs and weights"}
        Synaptic operations that cost nothing: it pays for dense, event or effective synops.
    graded_events : bool
        Whether an event may carry a value. Where it may not, an event of k spikes is k accumulates, and
        layers that read graded values cannot run as they are.
    description : str
        What the figures stand for, and what they leave out.
    aliases : tuple of str
        Other names for it.
    year : int or None
        Of the device.
    process_nm : float or None
        Process node.
    also_cites : tuple of str
        Keys of publications that the description mentions.
    sources : dict of str to Source
        The publications that it cites, by key.
    """

    name: str
    title: str
    kind: Kind
    skips: Skips
    graded_events: bool
    description: str
    aliases: tuple[str, ...] = ()
    year: int | None = None
    process_nm: float | None = None
    also_cites: tuple[str, ...] = ()
    sources: dict[str, Source] = {}

    def __post_init__(self) -> None:
        for field, key in self._citations():
            if key not in self.sources:
                raise DeviceError(f"{field}: no source {key!r}, {nearest(key, self.sources)}")

    def _citations(self) -> Iterator[tuple[str, str]]:
        """Each key that it cites, with the field that does."""
        for term, figure in self.figures.items():
            for field in ("source", "via", "range_source"):
                if key := getattr(figure, field):
                    yield f"constants.{term}.{field}", key
        for key in self.also_cites:
            yield "also_cites", key

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of all publications that it cites, each once, those of its figures first."""
        return tuple(dict.fromkeys(key for _, key in self._citations()))

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term."""
        raise NotImplementedError

    def cost(self, trace: Trace | CountTable, scenario: Scenario | None = None) -> CostTable:
        """Price every call of a network.

        Parameters
        ----------
        trace : Trace or CountTable
            A recording, or the counts made of it (count once to price on many devices).
        scenario : Scenario, optional
            How the network is run; by default ``Scenario()``.

        Returns
        -------
        CostTable
            Energy of each call, per inference.
        """
        raise NotImplementedError

    @property
    def verified(self) -> bool:
        """Whether all of its figures are verified."""
        return all(figure.verified for figure in self.figures.values())

    @property
    def boundary(self) -> str:
        """What its figures cover: ``"core"``, or ``"chip, core"`` where they differ."""
        return ", ".join(sorted({figure.boundary for figure in self.figures.values()}))
