"""Device model "chip": an event-driven chip, paid for its events, neurons, messages and time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from energyprobe.costing.chip_figures import DIMENSIONS, TERM_OF, Constants
from energyprobe.costing.chip_time import NETWORK, Timing, charge_time, time_notes, timing_of
from energyprobe.costing.decode_neurons import charge_decode_neurons, decode, decode_notes
from energyprobe.costing.device import Device
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.mapping import Capacity, Mapping, map_network
from energyprobe.costing.neurons import elementwise_beside_neurons, neuron_notes, take_elementwise
from energyprobe.costing.remarks import (
    boundary_notes,
    dtype_notes,
    idle_remarks,
    interval_notes,
    remarks_of,
    spike_remarks,
    window_notes,
)
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.synops import paid_synops
from energyprobe.costing.table import Array, CostTable
from energyprobe.costing.titles import unverified_notes
from energyprobe.costing.traffic import (
    active_share,
    events_received,
    messages_of,
    spikes_sent,
    update_prices,
)
from energyprobe.costing.work import Work, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError

CANNOT_RUN = (
    "a network of graded values cannot run on it as it is; Scenario(converted_timesteps=...) prices what "
    "rate coding would make of it"
)
"""Said of conventional networks on chips of spikes."""


class EventDrivenChip(Device, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chip that computes where events arrive, in timesteps that all cores end together.

    Per inference of T timesteps, with N of the network, c of its mapping (`energyprobe.costing.mapping`)::

        E = N_macs e_macs + N_acs e_acs + N_updates e_updates + N_spikes e_spikes
            + N_received c_cores (e_messages + c_hops e_hops)
            + c_chips (P_static + P_host) t + c_cores P_core t + c_chips e_reset + c_chips P_idle t_idle
        t = T max(longest stage + t_barrier, t_timestep)
        latency = t + (stages on the longest way - 1) t / T

    In pauses it draws P_static where no P_idle is published. A neuron is updated as active if an event
    reached it in the timestep (`traffic.active_share`). Decode neurons between ensembles come on top where
    it has them (`energyprobe.costing.decode_neurons`).

    Attributes
    ----------
    constants : Constants
        The figures.
    """

    constants: Constants

    def __post_init__(self) -> None:
        if self.constants.static_w is not None:
            for term in ("macs", "acs"):
                figure = getattr(self.constants, term)
                if figure is not None and figure.basis == "average":
                    raise DeviceError(
                        f"constants.{term}.basis: an average over an operating point holds the static power "
                        "already; give a marginal energy, or no static_w"
                    )
        if not self.figures:
            raise DeviceError("constants: expected at least one figure")
        super().__post_init__()

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term."""
        given = {name: getattr(self.constants, name) for name in Constants.__struct_fields__}
        return {name: figure for name, figure in given.items() if figure is not None}

    @property
    def uncertain(self) -> tuple[str, ...]:
        """As of any device; but the range of a neuron update is of its two states, and both are known."""
        return tuple(term for term in super().uncertain if term != "neuron_updates")

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures."""
        return DIMENSIONS.get(term, "energy")

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`.

        A batch runs one sample after the other.
        """
        work = work_of(counts, scenario)
        runs = self._runs(work)
        decoding = decode(work, self.constants)
        work = decoding.work
        mapping = map_network(work, self._capacity())
        macs, acs = paid_synops(work, self.skips, self.graded_events, self.constants.acs is not None)
        # What it cannot take costs it no time either.
        arriving = work.by_row(acs + macs if self.graded_events else acs) + decoding.synops[0]
        updated = np.nan_to_num(work.by_row(work["neuron_updates"])) + decoding.updates
        timing = timing_of(work, mapping, arriving, updated, self.constants, scenario)
        ledger = Ledger(self, work, NETWORK)
        ledger.unknown(work.uncounted)
        remarks = remarks_of(work, self, np.isnan(macs + acs))
        if runs:
            active = active_share(mapping, arriving, updated)
            self._charge_events(ledger, mapping, macs, acs, active)
            charge_decode_neurons(ledger, mapping, decoding, active, self.constants)
            charge_time(ledger, mapping, timing, self.constants, scenario)
            if self.constants.spikes is not None:
                remarks += spike_remarks(work, spikes_sent(work))
            if not self.constants.draws_in_pauses:
                remarks += idle_remarks(float(timing.idle_s[0]), ledger.row_of("idle power"), scenario)
        else:
            ledger.leave_out_all()
        return ledger.table(
            scenario,
            not_modelled=self._not_modelled(timing),
            remarks=remarks,
            notes=(
                *([] if runs else [CANNOT_RUN]),
                *decode_notes(decoding, self.constants),
                *self._notes(work, mapping, timing, scenario),
            ),
            time_per_inference_s=float(timing.busy_s[0] + timing.idle_s[0]) if runs else math.nan,
            timestep_s=float(timing.step_s[0]) if runs else math.nan,
            does_not_fit=self._unfit(mapping),
        )

    def _runs(self, work: Work) -> bool:
        """Whether it can run some of the network."""
        graded = work.takes_graded[work["dense_synops"] > 0]
        return self.constants.macs is not None or not graded.size or not bool(graded.all())

    def _charge_events(
        self, ledger: Ledger, mapping: Mapping, macs: Array, acs: Array, active: Array
    ) -> None:
        work, constants = ledger.work, self.constants
        for term, amounts in (("macs", macs), ("acs", acs)):
            figure = getattr(constants, term)
            if figure is not None:
                ledger.charge(term, amounts, ends(figure), (figure,))
            else:
                # Of graded values on a chip of spikes the remarks tell.
                ledger.leave_out(term, amounts, told=not self.graded_events and term == "macs")
        updates = np.where(self._cannot_update(work), np.nan, work["neuron_updates"])
        if constants.neuron_updates is not None:
            prices = update_prices(constants.neuron_updates, active[work.row])
            ledger.charge("neuron_updates", updates, prices, (constants.neuron_updates,))
        else:
            ledger.leave_out("neuron_updates", updates)
        ledger.leave_out("elementwise", elementwise_beside_neurons(work, self))
        ledger.leave_out("lookups", work["lookups"])
        if constants.spikes is not None:
            ledger.charge("spikes", spikes_sent(work), ends(constants.spikes), (constants.spikes,))
        messages = messages_of(events_received(work, self.graded_events), work.row, mapping)
        for figure, amounts in (
            (constants.messages, messages),
            (constants.hops, messages * mapping.hops[work.row]),
        ):
            if figure is not None:
                ledger.charge("communication", amounts, ends(figure), (figure,))

    def _cannot_update(self, work: Work) -> npt.NDArray[np.bool_]:
        """Whether each entry updates neurons that a chip of spikes does not have: of values in and out."""
        if self.graded_events:
            return np.zeros(len(work.row), dtype=bool)
        out = np.array([call.output_spiking for call in work.calls], dtype=bool)
        values = (work.any_by_row(work.takes_graded) & ~out)[work.row]
        return np.asarray(values & (work["neuron_updates"] > 0))

    def _capacity(self) -> Capacity:
        def of(figure: Figure | None) -> float:
            return math.inf if figure is None else figure.value_si

        constants = self.constants
        return Capacity(
            neurons_per_core=of(constants.neurons_per_core),
            synapses_per_core=of(constants.synapses_per_core),
            cores_per_chip=of(constants.cores_per_chip),
            cores_per_tile=1.0 if constants.cores_per_tile is None else constants.cores_per_tile.value_si,
        )

    def _unfit(self, mapping: Mapping) -> str:
        chips = self.constants.chips
        if chips is None or mapping.chips <= chips.value_si:
            return ""
        return f"does not fit: it needs {mapping.chips} chips, and {chips.value_si:g} work together"

    def _not_modelled(self, timing: Timing) -> Iterator[str]:
        charged = {TERM_OF[name] for name in self.figures if name in TERM_OF}
        if self.constants.draws_in_pauses:
            charged.add("idle")
        if np.isnan(timing.busy_s[0]):
            charged -= {"static", "host", "idle"}
        # A chip of graded events without a figure for accumulates multiplies spikes as any other value.
        absent = {"acs"} if self.graded_events and "macs" in charged else set()
        if take_elementwise(self):
            absent.add("elementwise")
        terms = dict.fromkeys((*TERM_OF.values(), "elementwise", "synchronisation"))
        yield from (term for term in terms if term not in charged | absent | {"reset"})

    def _notes(self, work: Work, mapping: Mapping, timing: Timing, scenario: Scenario) -> list[str]:
        cores = int(mapping.cores.sum())
        notes = [
            f"mapped to {_several(cores, 'core')} on {_several(mapping.chips, 'chip')}, each layer to its own"
        ]
        if self.constants.neurons_per_core is None and self.constants.synapses_per_core is None:
            notes = ["its capacity is not known: one core a layer and one chip are assumed"]
        notes += time_notes(timing, mapping, self.constants, scenario)
        notes += window_notes(work, scenario)
        notes += neuron_notes(work, self)
        notes += interval_notes(self)
        notes += dtype_notes(self, scenario)
        notes += boundary_notes(self.figures, scenario)
        return notes + unverified_notes(self.figures)


def _several(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
