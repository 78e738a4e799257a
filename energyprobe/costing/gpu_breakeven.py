"""Where skipping zeros begins to pay for each layer of a recorded network on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energyprobe.costing.execution import execution_of, runs_at_once
from energyprobe.costing.gpu import KERNEL_TYPES, GpuDevice
from energyprobe.costing.gpu_choice import Shop, needs_custom_kernel
from energyprobe.costing.gpu_plan import Plan, plan_of
from energyprobe.costing.kernels.crossing import Quantity
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import work_of
from energyprobe.costing.zeros import zeros_columns
from energyprobe.counting.table import CountTable, count, reading_for
from energyprobe.trace.records import Trace

if TYPE_CHECKING:
    import pandas as pd


def gpu_plan(trace: Trace, gpu: GpuDevice, scenario: Scenario) -> tuple[CountTable, Plan]:
    """The kernels that a recorded network runs on a GPU, and the counts that they are of.

    Raises
    ------
    ScenarioError
        If the GPU has no figures for the data type.
    """
    gpu.check_dtype(scenario.dtype)
    counts = count(trace, reading_for(trace, gpu.reading))
    work = work_of(counts, scenario)
    at_once = runs_at_once(work, execution_of(trace, scenario))
    shop = Shop(gpu, KERNEL_TYPES[scenario.dtype or "float32"], scenario.launch)
    return counts, plan_of(shop, gpu.policy, work, at_once, scenario.batch_size)


def gpu_layers_breakeven(
    trace: Trace, gpu: GpuDevice, quantity: Quantity, scenario: Scenario
) -> pd.DataFrame:
    """Compare what a network's zeros are with what they would need to be; see `energyprobe.breakeven`.

    Parameters
    ----------
    trace : Trace
        The recording.
    gpu : GpuDevice
        The GPU; its policy says which sparse kernels may run, ``"dense"`` allows all.
    quantity : {"energy", "time"}
        What is to be less.
    scenario : Scenario
        How the network is run.

    Returns
    -------
    pandas.DataFrame
        One row for each synaptic operation.
    """
    import pandas as pd

    counts, plan = gpu_plan(trace, gpu, scenario)
    products, crossing = plan.products, plan.breakeven(quantity)
    sparse = plan.shop.cheapest(products, plan.sparse_options, quantity)
    chosen = [plan.sparse_options[position] for position in sparse.option.tolist()]
    return pd.DataFrame(
        {
            **zeros_columns(counts, products, crossing),
            "breakeven_density_if_zeros_save": crossing.density_if_zeros_save,
            "kernel": [option.words for option in chosen],
            "dense_time_s": products.runs * plan.dense.time_s[0],
            "kernel_time_s": products.runs * sparse.time_s[0],
            "speedup": plan.dense.time_s[0] / sparse.time_s[0],
            "dense_j": products.runs * plan.dense.energy_j[0] / plan.batch,
            "kernel_j": products.runs * sparse.energy_j[0] / plan.batch,
            "energy_saving": plan.dense.energy_j[0] / sparse.energy_j[0],
            "calibrated": plan.dense.calibrated & sparse.calibrated,
            "needs_custom_kernel": [needs_custom_kernel(option) for option in chosen],
        }
    )
