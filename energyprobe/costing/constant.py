"""Device model "constant energy per operation": counts times published joules, and nothing else."""

from __future__ import annotations

import msgspec
import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure
from energyprobe.costing.remarks import boundary_notes, dtype_notes, remarks_of
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.synops import paid_synops
from energyprobe.costing.table import Array, CostTable, TermCost
from energyprobe.costing.titles import figure_title, term_title, unverified_notes
from energyprobe.costing.work import Work, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError

PRICED = ("macs", "acs", "neuron_updates", "elementwise")
"""Terms that this model can price."""

NEVER_MODELLED = ("memory", "communication", "synchronisation", "static", "idle", "host")
"""Terms that this model has no formula for."""


class Constants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Energy of each operation; None where there is no figure.

    Attributes
    ----------
    macs : Figure or None
        One synaptic operation on a graded value.
    acs : Figure or None
        One synaptic operation on a spike. Without it, a device of graded events multiplies spikes as
        any other value.
    neuron_updates : Figure or None
        State update of one neuron in one timestep.
    neuron_kinds : dict of str to Figure
        The same for kinds of neurons that are priced apart, such as ``"lstm"``.
    elementwise : Figure or None
        One elementwise operation: bias, pooling, normalisation, activation without state.
    """

    macs: Figure | None = None
    acs: Figure | None = None
    neuron_updates: Figure | None = None
    neuron_kinds: dict[str, Figure] = {}
    elementwise: Figure | None = None


class ConstantEnergyDevice(Device, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device of which only the energy of single operations is known.

    Energy of a row, per inference::

        E = n_macs e_macs + n_acs e_acs + n_updates e_updates + n_elementwise e_elementwise

    Which synops are paid follows from `skips`, which of them are MACs from `graded_events`.

    Attributes
    ----------
    constants : Constants
        The figures.
    """

    constants: Constants

    def __post_init__(self) -> None:
        graded = f"graded_events = {str(self.graded_events).lower()}"
        needed = "macs" if self.graded_events else "acs"
        if getattr(self.constants, needed) is None:
            raise DeviceError(
                f"constants.{needed}: missing, a device with {graded} needs the energy of its "
                f"{term_title(needed)}"
            )
        if not self.graded_events and self.constants.macs is not None:
            raise DeviceError(f"constants.macs: a device with {graded} does no {term_title('macs')}")
        super().__post_init__()

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term; those of kinds of neurons as ``"neuron_kinds.KIND"``."""
        given = {term: getattr(self.constants, term) for term in PRICED}
        kinds = {f"neuron_kinds.{kind}": figure for kind, figure in self.constants.neuron_kinds.items()}
        return {term: figure for term, figure in given.items() if figure is not None} | kinds

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`.

        The scenario's batch size changes nothing: each inference costs its operations.
        """
        work = work_of(counts, scenario)
        operations = self._operations(work)
        energies = {term: self._energies(term, each, work) for term, each in operations.items()}
        energy_j, low_j, high_j = _sums(work, energies)
        return CostTable(
            device=self,
            scenario=scenario,
            layer=tuple(call.layer for call in work.calls),
            call=tuple(call.call_index for call in work.calls),
            kind=("layer",) * len(work.calls),
            terms={term: self._term(term, operations[term], energies[term], work) for term in self.priced},
            energy_j=energy_j,
            low_j=low_j,
            high_j=high_j,
            latency_s=np.full(len(work.calls), np.nan),
            not_modelled=self.not_modelled,
            left_out=self._left_out(operations),
            remarks=remarks_of(work, self, np.isnan(operations["macs"] + operations["acs"])),
            notes=self._notes(work, scenario),
        )

    @property
    def priced(self) -> tuple[str, ...]:
        """Terms that it has figures for."""
        by_kind = ("neuron_updates",) if self.constants.neuron_kinds else ()
        return tuple(term for term in PRICED if getattr(self.constants, term) is not None or term in by_kind)

    @property
    def not_modelled(self) -> tuple[str, ...]:
        """Terms that it has no figure for, those that this model never prices among them."""
        # A device of graded events without a figure for accumulates does none: it multiplies spikes, too.
        does_not_occur = ("acs",) if self.graded_events else ()
        without = (term for term in PRICED if term not in self.priced and term not in does_not_occur)
        return (*without, *NEVER_MODELLED)

    def _operations(self, work: Work) -> dict[str, Array]:
        """Operations of each term per inference, shape ``(entries,)``; NaN where they are unknown."""
        macs, acs = paid_synops(work, self.skips, self.graded_events, self.constants.acs is not None)
        return {
            "macs": macs,
            "acs": acs,
            "neuron_updates": work["neuron_updates"],
            "elementwise": work["elementwise_ops"],
        }

    def _energies(self, term: str, operations: Array, work: Work) -> Array:
        """Joules per inference of one term: value, low and high, shape ``(3, entries)``."""
        joules = np.full((3, len(operations)), np.nan)
        joules[:] = _ends(getattr(self.constants, term))
        if term == "neuron_updates":
            for kind, figure in self.constants.neuron_kinds.items():
                joules[:, work.neuron == kind] = _ends(figure)
        # J/operation * operations/inference = J/inference; nothing done costs nothing, priced or not.
        return np.where(operations == 0, 0.0, operations * joules)

    def _term(self, term: str, operations: Array, energies: Array, work: Work) -> TermCost:
        energy_j, low_j, high_j = map(work.by_row, energies)
        figures = [figure for name, figure in self.figures.items() if _term_of(name) == term]
        return TermCost(
            operations=work.by_row(operations),
            energy_j=energy_j,
            low_j=low_j,
            high_j=high_j,
            sources=tuple(dict.fromkeys(key for figure in figures for key in figure.cites)),
        )

    def _left_out(self, operations: dict[str, Array]) -> dict[str, float]:
        return {term: float(np.nansum(operations[term])) for term in PRICED if term in self.not_modelled}

    def _notes(self, work: Work, scenario: Scenario) -> tuple[str, ...]:
        notes = ["constant energy per operation: the batch size does not change the energy of an inference"]
        if scenario.inferences_per_second or scenario.timestep_s:
            notes.append("no times are known: neither the pace nor the length of a timestep changes anything")
        notes += dtype_notes(self, scenario)
        notes += boundary_notes(self.figures, scenario)
        steps = work.timesteps.max()
        if self.skips == "nothing" and steps > 1:
            notes.append(f"a dense implementation runs each of {steps:g} timesteps in full, zeros included")
        if alone := [figure_title(term) for term, figure in self.figures.items() if not figure.has_range]:
            notes.append(f"no range is published, low and high hold the value: {', '.join(alone)}")
        notes += unverified_notes(self.figures)
        return tuple(notes)


def _sums(work: Work, energies: dict[str, Array]) -> Array:
    """Joules of each row, shape ``(3, rows)``; NaN for a row that does only what has no price."""
    synaptic = energies["macs"] + energies["acs"]
    done = [
        (work["dense_synops"], synaptic),
        (work["neuron_updates"], energies["neuron_updates"]),
        (work["elementwise_ops"], energies["elementwise"]),
    ]
    priced = np.any([(count > 0) & ~np.isnan(energy[0]) for count, energy in done], axis=0)
    unpriced = np.any([(count > 0) & np.isnan(energy[0]) for count, energy in done], axis=0)
    unpriced |= work.uncounted | (work["lookups"] > 0)
    unknown = work.any_by_row(unpriced) & ~work.any_by_row(priced)
    known = np.nansum(list(energies.values()), axis=0)
    return np.array([np.where(unknown, np.nan, work.by_row(end)) for end in known])


def _ends(figure: Figure | None) -> Array:
    """Value, low and high in joules, shape ``(3, 1)``; NaN without a figure."""
    ends = (np.nan,) * 3 if figure is None else (figure.value_si, figure.low_si, figure.high_si)
    return np.array(ends)[:, None]


def _term_of(name: str) -> str:
    return "neuron_updates" if name.startswith("neuron_kinds.") else name
