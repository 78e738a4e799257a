"""What every device has: names, what it pays for, its sources, and a way to price a network."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import msgspec

from energyprobe.costing.figure_tree import replaced
from energyprobe.costing.figures import UNITS, Dimension, Figure, Source, widest
from energyprobe.costing.titles import TERMS
from energyprobe.errors import DeviceError, ScenarioError, nearest
from energyprobe.trace.records import Reading

if TYPE_CHECKING:
    from energyprobe.costing.scenario import Scenario
    from energyprobe.costing.table import CostTable
    from energyprobe.counting.table import CountTable
    from energyprobe.trace.records import Trace

Kind = Literal["conventional", "event-driven", "arithmetic"]
Skips = Literal["nothing", "zero inputs", "zero inputs and weights"]


class HeldOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far predictions of the device, or of its model, lay from measurements that were not fitted to.

    Attributes
    ----------
    factor : float
        90 % of the measurements lay between prediction / factor and prediction x factor.
    measurements : int
        How many there were.
    note : str
        Which they were.
    widens : bool
        Whether intervals are widened by it; False where the ranges of the device's figures hold it already,
        so that only ratios of networks, in which those cancel, are drawn with it.
    """

    factor: float
    measurements: int
    note: str
    widens: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.factor < math.inf:
            raise DeviceError(f"factor: expected a finite number of at least 1, got {self.factor:g}")


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
    own_reading : {"literal", "folded"} or None
        `reading`, where it is not the usual one; ``reading`` in a device file.
    aliases : tuple of str
        Other names for it.
    year : int or None
        Of the device.
    process_nm : float or None
        Process node.
    dtypes : tuple of str
        Data types that its figures are for; empty where that is not known.
    held_out : HeldOut or None
        Error of its predictions, or of its device model where its figures have no range; prices are that much
        wider.
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
    own_reading: Reading | None = msgspec.field(default=None, name="reading")
    aliases: tuple[str, ...] = ()
    year: int | None = None
    process_nm: float | None = None
    dtypes: tuple[str, ...] = ()
    held_out: HeldOut | None = None
    also_cites: tuple[str, ...] = ()
    sources: dict[str, Source] = {}

    def __post_init__(self) -> None:
        for term, figure in self.figures.items():
            wanted = self.dimension_of(term)
            if figure.dimension != wanted:
                raise DeviceError(
                    f"constants.{term}.unit: {figure.unit!r} is a unit of {figure.dimension}, "
                    f"expected one of {wanted}: {', '.join(UNITS[wanted])}"
                )
            for included in figure.includes:
                if included not in TERMS:
                    raise DeviceError(
                        f"constants.{term}.includes: no term {included!r}, {nearest(included, TERMS)}"
                    )
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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __str__(self) -> str:
        unverified = sum(not figure.verified for figure in self.figures.values())
        facts = (self.kind, str(self.year or ""), f"{self.process_nm:g} nm" if self.process_nm else "")
        names = ", ".join((self.name, *self.aliases))
        return "\n".join(
            (
                f"{self.title} ({names}): {', '.join(filter(None, facts))}",
                *textwrap.wrap(self.description, width=78),
                f"{len(self.figures)} figures ({unverified} not verified) of {len(self.cites)} sources",
                f"They cover: {self.boundary}. energyprobe.devices(device) shows them all.",
            )
        )

    def bibtex(self) -> str:
        """BibTeX entries of all publications that it cites, ready to paste."""
        from energyprobe.costing.bibliography import bibliography

        return bibliography([self])

    @property
    def reading(self) -> Reading:
        """What it is priced for, where a trace holds both readings.

        ``"literal"``: what the simulator multiplies; ``"folded"``: what is left when passthrough nodes are
        composed away. By default folded for event-driven devices that skip zeros.
        """
        folds = self.kind == "event-driven" and self.skips != "nothing"
        return self.own_reading or ("folded" if folds else "literal")

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of all publications that it cites, each once, those of its figures first."""
        return tuple(dict.fromkeys(key for _, key in self._citations()))

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term."""
        raise NotImplementedError

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Terms of the figures that are known by a range; what a device holds is a choice of its makers."""
        return tuple(
            term
            for term, figure in self.figures.items()
            if figure.has_range and figure.dimension not in ("number", "memory")
        )

    def at(self, values: Mapping[str, float]) -> Device:
        """The same device with other values of some figures, which then have no range.

        Parameters
        ----------
        values : mapping of str to float
            Values in base units, by the names of `figures`.

        Returns
        -------
        Device
            With the same name and sources.
        """
        constants = replaced(attrgetter("constants")(self), values)
        return msgspec.structs.replace(self, constants=constants)

    @property
    def parts(self) -> tuple[Device, ...]:
        """The devices that it consists of: itself, unless it is a `Placement`."""
        return (self,)

    @property
    def included(self) -> frozenset[str]:
        """Terms that its figures hold without a figure of their own."""
        return frozenset(term for figure in self.figures.values() for term in figure.includes)

    @property
    def own_errors(self) -> tuple[str, ...]:
        """Terms, or ``"latency"``, whose interval is an error of single networks, not of a constant."""
        return ()

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures: the energy of one operation, unless a model says otherwise."""
        return "energy"

    def check_dtype(self, dtype: str | None) -> None:
        """Refuse a data type that the device has no figures for.

        Parameters
        ----------
        dtype : str or None
            Of a scenario.

        Raises
        ------
        ScenarioError
            If its figures are for others.
        """
        if dtype is not None and self.dtypes and dtype not in self.dtypes:
            raise ScenarioError(
                f"{self.title} ({self.name}) has no figures for {dtype}, only for {', '.join(self.dtypes)}"
            )

    def cost(self, trace: Trace | CountTable, scenario: Scenario | None = None) -> CostTable:
        """Price every call of a network.

        Parameters
        ----------
        trace : Trace or CountTable
            A recording, of which the device's `reading` is priced; or counts, which are priced as they are
            (count once to price on many devices).
        scenario : Scenario, optional
            How the network is run; by default ``Scenario()``.

        Returns
        -------
        CostTable
            Energy of each call, per inference.

        Raises
        ------
        ScenarioError
            If the device, or the network, cannot be run as the scenario says.
        """
        from energyprobe.costing.conversion import price_converted
        from energyprobe.costing.scenario import Scenario
        from energyprobe.counting.table import CountTable, count, reading_for

        scenario = scenario or Scenario()
        self.check_dtype(scenario.dtype)
        counts = trace if isinstance(trace, CountTable) else count(trace, reading_for(trace, self.reading))
        if scenario.converted_timesteps is not None:
            return price_converted(self, counts, scenario)
        return self.price(counts, scenario)

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price a network as it was recorded: what a device model defines; see `cost`."""
        raise NotImplementedError

    @property
    def verified(self) -> bool:
        """Whether all of its figures are verified."""
        return all(figure.verified for figure in self.figures.values())

    @property
    def boundary(self) -> str:
        """What its figures cover: ``"core"``, or ``"chip, core"`` where they differ."""
        return ", ".join(sorted({figure.boundary for figure in self.figures.values()}))

    @property
    def covers(self) -> str:
        """The largest boundary that a price of it can have: that of its energies and powers."""
        priced = ("energy", "energy per byte", "power")
        return widest(figure.boundary for figure in self.figures.values() if figure.dimension in priced)
