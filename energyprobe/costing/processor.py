"""Device model "processor": a CPU, GPU or microcontroller that runs dense kernels one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Dimension, Figure
from energyprobe.costing.kernel_work import KernelWork, kernel_work
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.processor_figures import DIMENSIONS, KINDS, Constants, TypeFigures
from energyprobe.costing.remarks import boundary_notes, idle_remarks, remarks_of
from energyprobe.costing.scenario import BYTES, DType, Scenario
from energyprobe.costing.table import Array, CostTable
from energyprobe.costing.titles import unverified_notes
from energyprobe.costing.work import Work, keeps_state, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError, ScenarioError, nearest

NETWORK = ("run", "static power", "idle power")
"""Rows that no layer causes."""


@dataclass(frozen=True, eq=False)
class Bill:
    """One batch, with constants at their value, low and high end.

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

    Each kernel of a batch, with m multiply-accumulates and b bytes::

        t = max(m t_kind, b_memory t_memory + b_cache t_cache) + b_weights t_weights
            + b_activations t_activations + t_call                  (their sum, without `overlap`)
        E = m e_macs + b_memory e_memory + b_cache e_cache
        t is stretched where P_static + E / t exceeds the limit of power
        E_network = P_static (sum of t + t_run) + P_idle t_idle

    Weights are read once for a batch, from the cache if those of the whole network fit there; activations
    and states from the cache if those of the kernel do.

    Attributes
    ----------
    constants : Constants
        The figures.
    overlap : bool
        Whether bytes are moved while it computes.
    """

    constants: Constants
    overlap: bool = True

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

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`."""
        dtype = cast(DType, scenario.dtype or next(iter(self.constants.types)))
        types = self.constants.types[dtype]
        work = work_of(counts, scenario)
        batch = scenario.batch_size
        kernels = kernel_work(work, scenario, dtype)
        bill = self._bill(kernels, types)
        ledger = Ledger(work, NETWORK)
        constants = self.constants
        if types.macs is not None:
            amounts = kernels.macs.sum(axis=0) / batch
            ledger.charge_rows("macs", amounts, bill.arithmetic_j / batch, types.macs.cites)
        if constants.memory is not None or constants.cache is not None:
            ledger.charge_rows(
                "memory",
                bill.moved_bytes / batch,
                bill.traffic_j / batch,
                _cites(constants.memory, constants.cache),
            )
        run_s = _known(types.run_s)
        busy_s = (bill.kernels_s.sum(axis=1) + run_s) / batch
        idle_s = np.maximum(0.0, _period_s(work, scenario) - busy_s)
        ledger.charge_network("static power", "static", busy_s, constants.static_w)
        if constants.idle_w is not None and scenario.covers(constants.idle_w.boundary):
            ledger.charge_network("idle power", "idle", idle_s, constants.idle_w)
        ledger.leave_out(work.uncounted)
        if not self._prices_layers(types):
            # Only the power of the whole is known: no kernel has an energy of its own, which is not 0.
            ledger.unpriced[: len(work.calls)] |= kernels.launches > 0
        ledger.latency_s[: len(work.calls)] = bill.kernels_s[0]
        ledger.latency_s[len(work.calls) + NETWORK.index("run")] = run_s[0]
        unfit = self._unfit(kernels)
        idle_row = len(work.calls) + NETWORK.index("idle power")
        return ledger.table(
            self,
            scenario,
            not_modelled=tuple(self._not_modelled(types)),
            left_out={},
            remarks=(
                *remarks_of(work, self, work.uncounted),
                *idle_remarks(constants.idle_w, float(idle_s[0]), idle_row),
            ),
            notes=(*([unfit] if unfit else []), *self._notes(work, scenario, dtype, float(busy_s[0]))),
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
        if types.macs is None:
            yield "macs"
        if self.constants.memory is None and self.constants.cache is None:
            yield "memory"
        if self.constants.idle_w is None:
            yield "idle"
        yield from ("elementwise", "neuron_updates", "host")

    def _prices_layers(self, types: TypeFigures) -> bool:
        """Whether operations or bytes have energies of their own, beside the power of the whole."""
        return any(each is not None for each in (types.macs, self.constants.memory, self.constants.cache))

    def _notes(self, work: Work, scenario: Scenario, dtype: DType, busy_s: float) -> Iterator[str]:
        yield f"computes zeros as any other value, in {dtype}"
        if not self._prices_layers(self.constants.types[dtype]):
            yield "only the power of the whole is known: the energy of the layers is in static power"
        if work.timesteps.max() > 1:
            yield f"timesteps run {scenario.execution}"
        pace = scenario.inferences_per_second
        real_s = _real_time_s(work, scenario)
        if busy_s > real_s > 0:
            yield "it cannot keep up with timesteps of this length"
        if pace and busy_s * pace > 1:
            yield "it cannot keep up with so many inferences per second, and runs back to back"
        if scenario.new_samples_per_inference and not any(map(keeps_state, work.calls)):
            yield "the network keeps no state: each inference computes its whole window again"
        if self.held_out is not None:
            yield f"intervals hold its error on {self.held_out.measurements} held-out measurements"
        yield from boundary_notes(self.figures, scenario)
        yield from unverified_notes(self.figures)


def _real_time_s(work: Work, scenario: Scenario) -> float:
    """Time that the timesteps of an inference last where their length is given; 0 for back to back."""
    steps = float(work.timesteps.max())
    # A batch is of signals that come in at the same time.
    return scenario.timestep_s * steps / scenario.batch_size if scenario.timestep_s and steps > 1 else 0.0


def _period_s(work: Work, scenario: Scenario) -> float:
    """Time from one inference to the next, at least; 0 for back to back."""
    pace = scenario.inferences_per_second
    return max(1 / pace if pace else 0.0, _real_time_s(work, scenario))


def _known(figure: Figure | None) -> Array:
    """Value, low and high; 0 where there is no figure: the term then stands among those not modelled."""
    return np.zeros(3) if figure is None else ends(figure)


def _cites(*figures: Figure | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for figure in figures if figure is not None for key in figure.cites))
