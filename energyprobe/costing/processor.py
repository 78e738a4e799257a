"""Device model "processor": a CPU, GPU or microcontroller that runs dense kernels one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.execution import execution_of, runs_at_once
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.kernel_work import KernelWork, kernel_work
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.pace import idle_time_s, pace_notes, real_time_s
from energyprobe.costing.processor_figures import DIMENSIONS, KINDS, Constants, TypeFigures
from energyprobe.costing.remarks import boundary_notes, idle_remarks, interval_notes, remarks_of
from energyprobe.costing.scenario import BYTES, DType, Execution, Scenario
from energyprobe.costing.table import Array, CostTable
from energyprobe.costing.titles import unverified_notes
from energyprobe.costing.work import Work, keeps_state, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError, ScenarioError, nearest

NETWORK = ("run", "static power", "idle power")
"""Rows that no layer causes."""


@dataclass(frozen=True, eq=False)
class Bill:
    """One run of a batch, or of a sample, with constants at their value, low and high end.

    Attributes
    ----------
    kernels_s : ndarray, shape (3, rows)
        Time of the kernels of each row.
    arithmetic_j, traffic_j : ndarray, shape (3, rows)
        Energy of multiply-accumulates, and of bytes moved.
    moved_bytes : ndarray, shape (rows,)
        How many.
    """

    kernels_s: Array
    arithmetic_j: Array
    traffic_j: Array
    moved_bytes: Array


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
        bill = self._bill(kernels, types)
        ledger = Ledger(self, work, NETWORK)
        constants = self.constants
        if types.macs is not None:
            amounts = kernels.macs.sum(axis=0) / together
            ledger.charge_rows("macs", amounts, bill.arithmetic_j / together, (types.macs,))
        if levels := [figure for figure in (constants.memory, constants.cache) if figure is not None]:
            ledger.charge_rows("memory", bill.moved_bytes / together, bill.traffic_j / together, levels)
        run_s = _known(types.run_s)
        busy_s = (bill.kernels_s.sum(axis=1) + run_s) / together
        idle_s = idle_time_s(work, scenario, busy_s)
        ledger.charge_network("static power", "static", busy_s, constants.static_w)
        if constants.idle_w is not None:
            ledger.charge_network("idle power", "idle", idle_s, constants.idle_w)
        remarks = remarks_of(work, self, work.uncounted)
        if constants.idle_w is None:
            remarks += idle_remarks(float(idle_s[0]), ledger.row_of("idle power"), scenario)
        ledger.unknown(work.uncounted)
        if not self._moves_bytes(types):
            ledger.leave_out("neuron_updates", work["neuron_updates"])
            ledger.leave_out("elementwise", work["elementwise_ops"])
        if not self._prices_layers(types):
            # Only the power of the whole is known: no kernel has an energy of its own, which is not 0.
            ledger.unpriced[: len(work.calls)] |= kernels.launches > 0
        # Of a stream, what counts is how soon the result of one timestep is there.
        passes = float(work.timesteps.max()) if scenario.streaming else 1.0
        runs = scenario.batch_size / together
        ledger.latency_s[:, : len(work.calls)] = bill.kernels_s * runs / passes
        ledger.latency_s[:, ledger.row_of("run")] = run_s * runs / passes
        unfit = self._unfit(kernels)
        return ledger.table(
            scenario,
            not_modelled=self._not_modelled(types),
            remarks=remarks,
            notes=(
                *([unfit] if unfit else []),
                *self._notes(work, scenario, execution, dtype),
                *pace_notes(float(busy_s[0]), real_time_s(work, scenario), scenario),
                *boundary_notes(self.figures, scenario),
                *unverified_notes(self.figures),
            ),
            time_per_inference_s=float(busy_s[0] + idle_s[0]),
            does_not_fit=unfit,
        )

    def _bill(self, kernels: KernelWork, types: TypeFigures) -> Bill:
        constants = self.constants
        in_cache, in_memory = self._by_level(kernels)
        times = [_known(getattr(types, kind) or types.conv_s)[:, None] for kind in KINDS]
        # s/MAC * MACs
        compute_s = sum(
            (time * macs for time, macs in zip(times, kernels.macs, strict=True)), np.zeros((3, 1))
        )
        # s/byte * bytes
        traffic_s = np.outer(_known(constants.memory_s), in_memory) + np.outer(
            _known(constants.cache_s), in_cache
        )
        software_s = (
            np.outer(_known(types.weights_s), kernels.weight_bytes)
            + np.outer(_known(types.activations_s), kernels.activation_bytes + kernels.state_bytes)
            + np.outer(_known(types.call_s), kernels.launches)
        )
        both = np.maximum(compute_s, traffic_s) if self.overlap else compute_s + traffic_s
        kernels_s = both + software_s
        arithmetic_j = np.outer(_known(types.macs), kernels.macs.sum(axis=0))
        traffic_j = np.outer(_known(constants.memory), in_memory) + np.outer(
            _known(constants.cache), in_cache
        )
        if constants.limit_w is not None:
            # W = J/s: the dynamic power left over by the static one bounds the speed.
            spare_w = ends(constants.limit_w) - ends(constants.static_w)
            kernels_s = np.maximum(kernels_s, (arithmetic_j + traffic_j) / spare_w[:, None])
        return Bill(kernels_s, arithmetic_j, traffic_j, in_cache + in_memory)

    def _by_level(self, kernels: KernelWork) -> tuple[Array, Array]:
        """Bytes of each row from and to the cache, and main memory."""
        figure = self.constants.cache_bytes
        holds = 0.0 if figure is None else figure.value_si
        others = kernels.activation_bytes + kernels.state_bytes
        cached = np.where(kernels.stored_bytes <= holds, kernels.weight_bytes, 0.0)
        cached = cached + np.where(kernels.kernel_bytes <= holds, others, 0.0)
        return cached, kernels.weight_bytes + others - cached

    def _unfit(self, kernels: KernelWork) -> str:
        figure = self.constants.memory_bytes
        needed = kernels.stored_bytes + float(kernels.kernel_bytes.max())
        if figure is None or needed <= figure.value_si:
            return ""
        return f"does not fit: it needs {needed:,.0f} bytes of memory, and there are {figure.value_si:,.0f}"

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

    def _notes(self, work: Work, scenario: Scenario, execution: Execution, dtype: DType) -> Iterator[str]:
        types = self.constants.types[dtype]
        yield f"computes zeros as any other value, in {dtype}"
        if self._moves_bytes(types):
            yield "elementwise operations and neuron updates cost the bytes that they move and their launches"
        if not self._prices_layers(types):
            yield "only the power of the whole is known: the energy of the layers is in static power"
        if self.together(scenario) < scenario.batch_size:
            yield "a batch runs sample by sample"
        if work.timesteps.max() > 1:
            yield f"timesteps run {execution}"
        if scenario.new_samples_per_inference and not any(map(keeps_state, work.calls)):
            yield "the network keeps no state: each inference computes its whole window again"
        yield from interval_notes(self)


def _known(figure: Figure | None) -> Array:
    """Value, low and high; 0 where there is no figure: the term then stands among those not modelled."""
    return np.zeros(3) if figure is None else ends(figure)
