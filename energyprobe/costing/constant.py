"""Device model "constant energy per operation": counts times published joules, and nothing else."""

from __future__ import annotations

import msgspec
import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.neurons import elementwise_beside_neurons, neuron_notes, take_elementwise
from energyprobe.costing.remarks import boundary_notes, dtype_notes, interval_notes, remarks_of
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.synops import paid_synops
from energyprobe.costing.table import Array, CostTable
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
        macs, acs = paid_synops(work, self.skips, self.graded_events, self.constants.acs is not None)
        ledger = Ledger(self, work)
        operations = {
            "macs": macs,
            "acs": acs,
            "neuron_updates": work["neuron_updates"],
            "elementwise": elementwise_beside_neurons(work, self),
        }
        for term, amounts in operations.items():
            if term in self.priced:
                ledger.charge(term, amounts, self._prices(term, work), self._figures_of(term))
            else:
                # Of graded values on a device of spikes the remarks tell.
                ledger.leave_out(term, amounts, told=term == "macs")
        ledger.leave_out("lookups", work["lookups"])
        ledger.unknown(work.uncounted)
        ledger.latency_s[:] = np.nan
        return ledger.table(
            scenario,
            not_modelled=self.not_modelled,
            remarks=remarks_of(work, self, np.isnan(macs + acs)),
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
        does_not_occur = [
            *(["acs"] if self.graded_events else []),
            *(["elementwise"] if take_elementwise(self) else []),
        ]
        without = (term for term in PRICED if term not in self.priced and term not in does_not_occur)
        return (*without, *NEVER_MODELLED)

    def _figures_of(self, term: str) -> list[Figure]:
        """The figures that a term is priced by."""
        return [figure for name, figure in self.figures.items() if _term_of(name) == term]

    def _prices(self, term: str, work: Work) -> Array:
        """Joules of an operation of each entry, shape ``(3, entries)``; NaN without a figure."""
        prices = np.repeat(ends(getattr(self.constants, term))[:, None], len(work.row), axis=1)
        if term == "neuron_updates":
            for kind, figure in self.constants.neuron_kinds.items():
                prices[:, work.neuron == kind] = ends(figure)[:, None]
        return prices

    def _notes(self, work: Work, scenario: Scenario) -> tuple[str, ...]:
        notes = ["constant energy per operation: the batch size does not change the energy of an inference"]
        if scenario.inferences_per_second or scenario.timestep_s:
            notes.append("no times are known: neither the pace nor the length of a timestep changes anything")
        notes += neuron_notes(work, self)
        notes += dtype_notes(self, scenario)
        notes += boundary_notes(self.figures, scenario)
        steps = work.timesteps.max()
        if self.skips == "nothing" and steps > 1:
            notes.append(f"a dense implementation runs each of {steps:g} timesteps in full, zeros included")
        if alone := [figure_title(term) for term, figure in self.figures.items() if not figure.has_range]:
            held = "" if self.held_out else ", low and high hold the value"
            notes.append(f"no range is published{held}: {', '.join(alone)}")
        notes += interval_notes(self)
        notes += unverified_notes(self.figures)
        return tuple(notes)


def _term_of(name: str) -> str:
    return "neuron_updates" if name.startswith("neuron_kinds.") else name
