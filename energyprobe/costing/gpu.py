"""Device model "gpu": a network priced kernel by kernel, dense or on the kernels that a policy names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np

from energyprobe.costing.execution import execution_notes, execution_of, runs_at_once
from energyprobe.costing.gpu_choice import DENSE, ELEMENTWISE, SPARSE, Shop, needs_custom_kernel
from energyprobe.costing.gpu_plan import Plan, plan_of
from energyprobe.costing.kernel_work import kernel_work
from energyprobe.costing.kernels.fits import GENERIC
from energyprobe.costing.kernels.gpu import Gpu
from energyprobe.costing.kernels.loading import fits, power_fits
from energyprobe.costing.ledger import Ledger
from energyprobe.costing.pace import idle_time_s, pace_notes, passes, real_time_s
from energyprobe.costing.remarks import boundary_notes, idle_remarks, remarks_of, window_notes
from energyprobe.costing.scenario import DType, Scenario
from energyprobe.costing.table import CostTable, Remark
from energyprobe.costing.titles import unverified_notes
from energyprobe.costing.work import work_of
from energyprobe.counting.table import CountTable
from energyprobe.errors import DeviceError, ScenarioError, nearest

POLICIES = ("dense", "best", *SPARSE)
"""What may stand behind the name of a GPU, as in ``"a100:best"``."""

KERNEL_TYPES: dict[DType, str] = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "int8": "int8"}
"""Data types of scenarios as the kernels name them."""

CUDNN = ("lstm", "gru")
"""Neurons of the layers that Keras leaves to cuDNN on a GPU, where their arguments allow it."""

NETWORK = ("idle power",)
"""Rows that no layer causes."""


class GpuDevice(Gpu, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A GPU that prices a network kernel by kernel.

    Each synaptic operation is a matrix product in one kernel (over all timesteps, or in each), on the kernel
    that the policy says; each neuron update, filter, pooling or look-up an elementwise kernel. Energy is
    that of the board while kernels run, static power included, and idle power between inferences.

    Attributes
    ----------
    policy : str
        ``"dense"``: what frameworks run; ``"best"``: for each operation the kernel that takes the least
        energy; or the name of one kernel.
    """

    policy: str = "dense"

    def __post_init__(self) -> None:
        wanted = "nothing" if self.policy == "dense" else "zero inputs"
        if self.skips != wanted:
            raise DeviceError(f"skips: kernels of policy {self.policy!r} skip {wanted!r}, got {self.skips!r}")
        super().__post_init__()

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of all publications that it cites, those behind its kernels among them."""
        own = (self.fitted_as, GENERIC)
        kernels = [each.constants for each in (*self.fit, *fits()) if each.gpu in own]
        powers = [each.constants for each in power_fits() if each.gpu in own]
        of_fits = [figure.source for constants in (*kernels, *powers) for figure in constants.values()]
        return tuple(dict.fromkeys((*super().cites, *of_fits)))

    @property
    def own_errors(self) -> tuple[str, ...]:
        """Errors of kernel models are of single shapes; those of elementwise kernels of a few constants."""
        return ("kernels", "latency")

    def with_policy(self, policy: str) -> GpuDevice:
        """The same GPU on other kernels.

        Parameters
        ----------
        policy : str
            One of `POLICIES`.

        Returns
        -------
        GpuDevice
            Its name is followed by the policy unless that is ``"dense"``.

        Raises
        ------
        DeviceError
            If there is no such policy, or it is a kernel for weights of a structure that no recording knows.
        """
        if policy not in POLICIES:
            raise DeviceError(f"{self.name}:{policy}: no kernels {policy!r}, {nearest(policy, POLICIES)}")
        if policy == self.policy:
            return self
        if self.policy != "dense":
            raise DeviceError(f"{self.name}: its kernels are named already, got {policy!r} besides")
        return msgspec.structs.replace(
            self,
            name=f"{self.name}:{policy}",
            aliases=tuple(f"{alias}:{policy}" for alias in self.aliases),
            title=f"{self.title}, {'best kernels' if policy == 'best' else f'kernel {policy}'}",
            policy=policy,
            skips="nothing" if policy == "dense" else "zero inputs",
        )

    def check_dtype(self, dtype: str | None) -> None:
        """Refuse a data type that the device has no figures for; see `Device.check_dtype`."""
        known = [name for name, kernel in KERNEL_TYPES.items() if kernel in self.constants.peaks]
        if dtype is not None and dtype not in known:
            raise ScenarioError(
                f"{self.title} ({self.name}) has no figures for {dtype}, only for {', '.join(known)}"
            )

    def price(self, counts: CountTable, scenario: Scenario) -> CostTable:
        """Price every call of a network; see `Device.cost`."""
        dtype = scenario.dtype or "float32"
        work = work_of(counts, scenario)
        execution = execution_of(counts.trace, scenario)
        at_once = runs_at_once(work, execution)
        shop = Shop(self, KERNEL_TYPES[dtype], scenario.launch)
        plan = plan_of(shop, self.policy, work, at_once, scenario.batch_size)
        ledger = Ledger(self, work, NETWORK)
        self._charge(ledger, plan, scenario)
        busy_s = plan.time_s.sum(axis=1) / plan.batch
        idle_s = idle_time_s(work, scenario, busy_s)
        idle, remarks = self.constants.idle_w, remarks_of(work, self, work.uncounted)
        if idle is not None:
            ledger.charge_network("idle power", "idle", idle_s, idle)
        else:
            remarks += idle_remarks(float(idle_s[0]), ledger.row_of("idle power"), scenario)
        asked = kernel_work(work, scenario.batch_size, dtype, at_once)
        table = ledger.table(
            scenario,
            not_modelled=("host",) if idle is not None else ("idle", "host"),
            remarks=(*remarks, *_remarks(plan, self.title)),
            notes=(
                *_notes(plan, scenario, dtype),
                *execution_notes(work, counts.trace, execution),
                *pace_notes(float(busy_s[0]), real_time_s(work, scenario), scenario),
                *boundary_notes(self.figures, scenario),
                *unverified_notes(self.figures),
            ),
            time_per_inference_s=float(busy_s[0] + idle_s[0]),
            does_not_fit=asked.unfit(self.constants.memory_bytes),
        )
        cited = {key for term in table.terms.values() for key in term.sources} | {*super().cites}
        named = {key: source for key, source in self.sources.items() if key in cited}
        return replace(
            table,
            device=msgspec.structs.replace(self, sources=named),
            kernels=plan.chosen_kernels,
        )

    def _charge(self, ledger: Ledger, plan: Plan, scenario: Scenario) -> None:
        """Charge kernels and their time to their rows."""
        products, updates = plan.products, plan.elementwises
        options = [plan.options[position] for position in np.unique(plan.chosen.option)]
        ledger.charge_rows(
            "kernels",
            plan.by_row(products.row, products.runs),
            plan.by_row(products.row, products.runs * plan.chosen.energy_j),
            plan.shop.figures(options),
        )
        for term, mask in (("neuron_updates", updates.neurons), ("elementwise", ~updates.neurons)):
            if mask.any():
                ledger.charge_rows(
                    term,
                    plan.by_row(updates.row, updates.runs * updates.elements * mask),
                    plan.by_row(updates.row, updates.runs * plan.updates.energy_j * mask),
                    plan.shop.figures([ELEMENTWISE]),
                )
        ledger.unknown(plan.work.uncounted)
        ledger.latency_s[:, : len(plan.work.calls)] = plan.time_s / passes(plan.work, scenario)


def _remarks(plan: Plan, title: str) -> Iterator[Remark]:
    """Say which kernels need writing, were not measured, or could not be chosen."""
    products, chosen = plan.products, plan.chosen
    for product, row in enumerate(products.row.tolist()):
        key, option = plan.work.calls[row].key, plan.options[chosen.option[product]]
        if needs_custom_kernel(option):
            yield Remark(row, f"{key} runs {option.words}, which needs a custom kernel", False)
        if not chosen.calibrated[product]:
            yield Remark(row, f"{key} runs {option.words}, uncalibrated at this size on {title}", False)
        if np.isnan(products.density[product]):
            yield Remark(row, f"the zeros that {key} reads were not recorded: none is skipped", False)
        elif len(plan.options) > 2 and option == DENSE:
            yield Remark(row, f"{key} runs dense: no kernel that skips zeros is cheaper here", False)


def _notes(plan: Plan, scenario: Scenario, dtype: DType) -> Iterator[str]:
    yield f"computes in {dtype}"
    yield from window_notes(plan.work, scenario)
    if scenario.launch is None and _loops_over_cells(plan):
        yield (
            "LSTM and GRU layers: a framework's loop launches the kernels of each timestep. Where their "
            "arguments allow it Keras calls cuDNN instead, whose kernels follow each other as with "
            'launch="stream"'
        )
    if plan.bound_by == "launch-bound":
        share = plan.share_bound_by("launch")
        yield f"launch-bound: launches bind {share:.0%} of the time, whatever is zero"


def _loops_over_cells(plan: Plan) -> bool:
    """Whether matrix products of LSTM or GRU cells are launched one timestep after the other."""
    products, work = plan.products, plan.work
    cells = np.isin(products.row, work.row[[kind in CUDNN for kind in work.neuron]])
    return bool((products.looped & cells & ~products.convolution).any())
