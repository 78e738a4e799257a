"""Device model "cpu": a network timed kernel by kernel on a CPU that was measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from energyprobe.costing.execution import execution_notes, execution_of, runs_at_once
from energyprobe.costing.kernel_work import kernel_work
from energyprobe.costing.kernels.cpu import Cpu
from energyprobe.costing.kernels.cpu_pricing import price
from energyprobe.costing.kernels.parts import Problem
from energyprobe.costing.kernels.result import KernelCost
from energyprobe.costing.ledger import Ledger
from energyprobe.costing.lowering import Elementwises, Products, elementwises_of, products_of
from energyprobe.costing.pace import idle_time_s, pace_notes, passes, real_time_s
from energyprobe.costing.remarks import remarks_of
from energyprobe.costing.scenario import DType, Scenario
from energyprobe.costing.table import Array, CostTable, Remark
from energyprobe.costing.work import Work, work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import ScenarioError

DTYPE: DType = "float32"

Priced = tuple[tuple[Products | Elementwises, KernelCost], ...]
"""Kernels of a network and what they cost."""

NOTES = (
    f"computes zeros as any other value, in {DTYPE}",
    "energies are not modelled: the power of this processor was not measured",
)

NOT_MODELLED = ("kernels", "neuron_updates", "elementwise", "static", "idle", "host")
"""Energies: the power of the processor was not measured."""


class CpuDevice(Cpu, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A CPU that times a network kernel by kernel.

    Each synaptic operation is a dense product (over all timesteps, or in each), as the library runs it; each
    neuron update, filter, pooling or look-up an elementwise kernel. Weights come from the cache that holds
    those of the whole network. Energies are not modelled.
    """

    def check_dtype(self, dtype: str | None) -> None:
        """Refuse a data type that the device has no figures for; see `Device.check_dtype`."""
        if dtype not in (None, DTYPE):
            raise ScenarioError(f"{self.title} ({self.name}) has no figures for {dtype}, only for {DTYPE}")

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`."""
        work = work_of(counts, scenario)
        execution = execution_of(counts.trace, scenario)
        at_once = runs_at_once(work, execution)
        products = products_of(work, at_once, scenario.batch_size)
        updates = elementwises_of(work, at_once, scenario.batch_size)
        stored = kernel_work(work, scenario.batch_size, DTYPE, at_once).stored_bytes
        priced = (
            (products, self._products(products, stored)),
            (updates, self._elementwises(updates)),
        )
        seconds = sum((_by_row(kernels, cost, len(work.calls)) for kernels, cost in priced), np.zeros((3, 1)))
        ledger = Ledger(self, work)
        ledger.unknown(work.uncounted)
        ledger.latency_s[:] = seconds / passes(work, scenario)
        busy_s = seconds.sum(axis=1) / scenario.batch_size
        idle_s = idle_time_s(work, scenario, busy_s)
        return ledger.table(
            scenario,
            not_modelled=NOT_MODELLED,
            remarks=(*remarks_of(work, self, work.uncounted), *_remarks(work, priced, self.title)),
            notes=(
                *NOTES,
                *execution_notes(work, counts.trace, execution),
                *pace_notes(float(busy_s[0]), real_time_s(work, scenario), scenario),
            ),
            time_per_inference_s=float(busy_s[0] + idle_s[0]),
        )

    def _products(self, products: Products, stored: float) -> KernelCost:
        options = {"resident": stored}
        problem = Problem(products.m, products.k, products.n, np.ones(len(products)), options)
        return price(self, "dense", problem, (len(products),), converts=False)

    def _elementwises(self, updates: Elementwises) -> KernelCost:
        ones = np.ones(len(updates))
        problem = Problem(updates.elements, ones, ones, ones, {"accesses": updates.accesses})
        return price(self, "elementwise", problem, (len(updates),), converts=False)


def _by_row(kernels: Products | Elementwises, cost: KernelCost, rows: int) -> Array:
    """Seconds of the kernels of each row, shape ``(3, rows)``: value, low, high."""
    times = (cost.time_s, cost.low_time_s, cost.high_time_s)
    return np.array([np.bincount(kernels.row, kernels.runs * each, minlength=rows) for each in times])


def _remarks(work: Work, priced: Priced, title: str) -> Iterator[Remark]:
    for kernels, cost in priced:
        for row in dict.fromkeys(kernels.row[~cost.calibrated].tolist()):
            key = work.calls[row].key
            yield Remark(row, f"{key} runs {cost.kernel}, uncalibrated at this size on {title}", False)
