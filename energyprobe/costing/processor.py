"""Device model "processor": a CPU, GPU or microcontroller that runs dense kernels one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from energyprobe.costing.device import Device
from energyprobe.costing.execution import execution_notes, execution_of, runs_at_once
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.kernel_work import KernelWork, kernel_work
from energyprobe.costing.ledger import Ledger
from energyprobe.costing.pace import idle_time_s, pace_notes, passes, real_time_s
from energyprobe.costing.processor_bill import Bill, bill_of
from energyprobe.costing.processor_figures import DIMENSIONS, Constants, TypeFigures
from energyprobe.costing.remarks import boundary_notes, idle_remarks, interval_notes, remarks_of, window_notes
from energyprobe.costing.scenario import BYTES, DType, Scenario
from energyprobe.costing.table import CostTable
from energyprobe.costing.titles import unverified_notes
from energyprobe.costing.work import Work, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError, ScenarioError, nearest

NETWORK = ("run", "static power", "idle power")
"""Rows that no layer causes."""


class Processor(Device, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A processor that computes zeros as any other value.

    Each kernel of the samples that run together, with m multiply-accumulates and b bytes::

        t = max(m t_kind, b_memory t_memory + b_cache t_cache) + b_weights t_weights
            + b_activations t_activations + t_call                  (their sum, without `overlap`)
        E = m e_macs + b_memory e_memory + b_cache e_cache
        t is stretched where P_static + E / t exceeds the limit of power
        E_network = P_static (sum of t + t_run) + P_idle t_idle

    Weights are read once for all of these, from the cache if those of the whole network fit there;
    activations and states from the cache if those of the kernel do.

    Attributes
    ----------
    constants : Constants
        The figures.
    overlap : bool
        Whether bytes are moved while it computes.
    batches : bool
        Whether the samples of a batch run together; otherwise one after the other.
    """

    constants: Constants
    overlap: bool = True
    batches: bool = True

    def __post_init__(self) -> None:
        if not self.constants.types:
            raise DeviceError("constants.types: expected at least one data type")
        for dtype in self.constants.types:
            if dtype not in BYTES:
                raise DeviceError(f"constants.types.{dtype}: no such data type, {nearest(dtype, BYTES)}")
        if self.skips != "nothing":
            raise DeviceError(f'skips: a processor of dense kernels skips "nothing", got {self.skips!r}')
        super().__post_init__()

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures it has, by term; those of a data type as ``"types.DTYPE.TERM"``."""
        own = {name: getattr(self.constants, name) for name in Constants.__struct_fields__ if name != "types"}
        by_type = {
            f"types.{dtype}.{name}": getattr(figures, name)
            for dtype, figures in self.constants.types.items()
            for name in TypeFigures.__struct_fields__
        }
        return {name: figure for name, figure in (by_type | own).items() if figure is not None}

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures."""
        return DIMENSIONS.get(term.rpartition(".")[2], "energy")

    def check_dtype(self, dtype: str | None) -> None:
        """Refuse a data type that the device has no figures for; see `Device.check_dtype`."""
        if dtype is not None and dtype not in self.constants.types:
            raise ScenarioError(
                f"{self.title} ({self.name}) has no figures for {dtype}, only for "
                f"{', '.join(self.constants.types)}"
            )

    def together(self, scenario: Scenario) -> int:
        """Samples of a batch that run together."""
        return scenario.batch_size if self.batches else 1

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`."""
        dtype = cast(DType, scenario.dtype or next(iter(self.constants.types)))
        types = self.constants.types[dtype]
        work = work_of(counts, scenario)
        together = self.together(scenario)
        execution = execution_of(counts.trace, scenario)
        kernels = kernel_work(work, together, dtype, runs_at_once(work, execution))
        bill = bill_of(kernels, self.constants, types, self.overlap)
        busy_s = (bill.kernels_s.sum(axis=1) + bill.run_s) / together
        idle_s = idle_time_s(work, scenario, busy_s)
        ledger, remarks = Ledger(self, work, NETWORK), remarks_of(work, self, work.uncounted)
        self._charge_layers(ledger, types, kernels, bill, together)
        ledger.charge_network("static power", "static", busy_s, self.constants.static_w)
        if self.constants.idle_w is not None:
            ledger.charge_network("idle power", "idle", idle_s, self.constants.idle_w)
        else:
            remarks += idle_remarks(float(idle_s[0]), ledger.row_of("idle power"), scenario)
        share = scenario.batch_size / together / passes(work, scenario)
        ledger.latency_s[:, : len(work.calls)] = bill.kernels_s * share
        ledger.latency_s[:, ledger.row_of("run")] = bill.run_s * share
        return ledger.table(
            scenario,
            not_modelled=self._not_modelled(types),
            remarks=remarks,
            notes=(
                *self._notes(work, scenario, dtype),
                *execution_notes(work, counts.trace, execution),
                *pace_notes(float(busy_s[0]), real_time_s(work, scenario), scenario),
                *boundary_notes(self.figures, scenario),
                *unverified_notes(self.figures),
            ),
            time_per_inference_s=float(busy_s[0] + idle_s[0]),
            does_not_fit=kernels.unfit(self.constants.memory_bytes),
        )

    def _charge_layers(
        self, ledger: Ledger, types: TypeFigures, kernels: KernelWork, bill: Bill, together: int
    ) -> None:
        work, constants = ledger.work, self.constants
        if types.macs is not None:
            amounts = kernels.macs.sum(axis=0) / together
            ledger.charge_rows("macs", amounts, bill.arithmetic_j / together, (types.macs,))
        if levels := [figure for figure in (constants.memory, constants.cache) if figure is not None]:
            ledger.charge_rows("memory", bill.moved_bytes / together, bill.traffic_j / together, levels)
        ledger.unknown(work.uncounted)
        if not self._moves_bytes(types):
            ledger.leave_out("neuron_updates", work["neuron_updates"])
            ledger.leave_out("elementwise", work["elementwise_ops"])
        if not self._prices_layers(types):
            # Only the power of the whole is known: no kernel has an energy of its own, which is not 0.
            ledger.unpriced[: len(work.calls)] |= kernels.launches > 0

    def _not_modelled(self, types: TypeFigures) -> Iterator[str]:
        # Arithmetic and bytes without energies of their own are in static power: that of all it does.
        if not self._moves_bytes(types):
            yield from ("elementwise", "neuron_updates")
        if self.constants.idle_w is None:
            yield "idle"
        if self.covers != "system":
            yield "host"

    def _moves_bytes(self, types: TypeFigures) -> bool:
        """Whether activations and states take time or energy: what elementwise work and neurons cost."""
        constants = self.constants
        traffic = (
            types.activations_s,
            constants.memory,
            constants.memory_s,
            constants.cache,
            constants.cache_s,
        )
        return any(each is not None for each in traffic)

    def _prices_layers(self, types: TypeFigures) -> bool:
        """Whether operations or bytes have energies of their own, beside the power of the whole."""
        return any(each is not None for each in (types.macs, self.constants.memory, self.constants.cache))

    def _notes(self, work: Work, scenario: Scenario, dtype: DType) -> Iterator[str]:
        types = self.constants.types[dtype]
        yield f"computes zeros as any other value, in {dtype}"
        if self._moves_bytes(types):
            yield "elementwise operations and neuron updates cost the bytes that they move and their launches"
        if not self._prices_layers(types):
            yield "only the power of the whole is known: the energy of the layers is in static power"
        if self.together(scenario) < scenario.batch_size:
            yield "a batch runs sample by sample"
        yield from window_notes(work, scenario)
        yield from interval_notes(self)
