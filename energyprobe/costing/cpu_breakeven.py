"""Where skipping zeros begins to pay for each layer of a recorded network on a CPU that was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from energyprobe.costing.cpu import CpuDevice
from energyprobe.costing.execution import execution_of, runs_at_once
from energyprobe.costing.kernels.breakeven import CPU_SPARSE, kernels_breakeven
from energyprobe.costing.kernels.cost import kernel_cost
from energyprobe.costing.lowering import products_of
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import work_of
from energyprobe.costing.zeros import zeros_columns
from energyprobe.counting.table import count, reading_for
from energyprobe.trace.records import Trace

if TYPE_CHECKING:
    import pandas as pd


def cpu_layers_breakeven(trace: Trace, cpu: CpuDevice, quantity: Any, scenario: Scenario) -> pd.DataFrame:
    """Compare what a network's zeros are with what they would need to be; see `energyprobe.breakeven`.

    Parameters
    ----------
    trace : Trace
        The recording.
    cpu : CpuDevice
        The CPU.
    quantity : {"time"} or None
        What is to be less: time, as energies are not modelled.
    scenario : Scenario
        How the network is run.

    Returns
    -------
    pandas.DataFrame
        One row for each synaptic operation; energies are NaN.

    Raises
    ------
    ScenarioError
        If the quantity is another.
    """
    import pandas as pd

    cpu.check_dtype(scenario.dtype)
    counts = count(trace, reading_for(trace, cpu.reading))
    work = work_of(counts, scenario)
    products = products_of(work, runs_at_once(work, execution_of(trace, scenario)), scenario.batch_size)
    sizes: dict[str, Any] = {"m": products.m, "k": products.k, "n": products.n}
    crossing = kernels_breakeven(cpu, **sizes, quantity=quantity)
    names = [name for name in CPU_SPARSE if name in cpu.kernels]
    density = np.where(np.isnan(products.density), 1.0, products.density)
    priced = [kernel_cost(cpu, name, **sizes, density=density) for name in names]
    times = np.array([each.time_s for each in priced])
    best = np.argmin(times, axis=0)
    now_s, dense = np.min(times, axis=0), kernel_cost(cpu, "dense", **sizes)
    calibrated = np.array([each.calibrated for each in priced])[best, np.arange(len(best))]
    return pd.DataFrame(
        {
            **zeros_columns(counts, products, crossing),
            "kernel": np.array(names)[best],
            "dense_time_s": products.runs * dense.time_s,
            "kernel_time_s": products.runs * now_s,
            "speedup": dense.time_s / now_s,
            "dense_j": np.nan,
            "kernel_j": np.nan,
            "energy_saving": np.nan,
            "calibrated": dense.calibrated & calibrated,
            "needs_custom_kernel": False,
        }
    )
