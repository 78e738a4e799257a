"""Roofline of a network on a conventional processor: what arithmetic and memory allow, what each layer gets.

After Williams, Waterman and Patterson (2009), Communications of the ACM 52(4), 65-76,
doi:10.1145/1498765.1498785.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

from energyprobe.costing.device import Device
from energyprobe.costing.execution import execution_of, runs_at_once
from energyprobe.costing.gpu import KERNEL_TYPES, GpuDevice
from energyprobe.costing.kernel_work import kernel_work
from energyprobe.costing.processor import Processor
from energyprobe.costing.processor_figures import KINDS
from energyprobe.costing.scenario import DType
from energyprobe.costing.table import Array, CostTable
from energyprobe.costing.work import work_of
from energyprobe.counting.table import CountTable


@dataclass(frozen=True, kw_only=True, eq=False)
class Roofline:
    """What a device could compute, and what each layer call makes of it, for one batch.

    Attributes
    ----------
    peak_hz : float
        Multiply-accumulates per second at best.
    bandwidth : float
        Bytes per second from main memory; NaN where the device has no figure for it.
    macs, moved_bytes, time_s : ndarray, shape (calls,)
        Multiply-accumulates, zeros included; bytes of weights, activations and state; and how long it takes.
    """

    peak_hz: float
    bandwidth: float
    macs: Array
    moved_bytes: Array
    time_s: Array


def roofline_of(cost: CostTable, counts: CountTable) -> Roofline | None:
    """Work out the roofline of a network on a device.

    Parameters
    ----------
    cost : CostTable
        What the device charges.
    counts : CountTable
        What it was given.

    Returns
    -------
    Roofline or None
        None for a device that is no processor of dense kernels with times of its own, and for a stream.
    """
    device, scenario = cost.device, cost.scenario
    if scenario.streaming or not isinstance(device, GpuDevice | Processor):
        return None
    dtype = scenario.dtype or _usual_dtype(device)
    work = work_of(counts, scenario)
    together = device.together(scenario) if isinstance(device, Processor) else scenario.batch_size
    kernels = kernel_work(work, together, dtype, runs_at_once(work, execution_of(counts.trace, scenario)))
    runs = scenario.batch_size / together
    peak_hz, bandwidth = _roof(device, dtype)
    return Roofline(
        peak_hz=peak_hz,
        bandwidth=bandwidth,
        macs=kernels.macs.sum(axis=0) * runs,
        moved_bytes=(kernels.weight_bytes + kernels.activation_bytes + kernels.state_bytes) * runs,
        time_s=cost.latency_s[: len(counts)],
    )


def _usual_dtype(device: Device) -> DType:
    return cast(DType, next(iter(device.constants.types))) if isinstance(device, Processor) else "float32"


def _roof(device: GpuDevice | Processor, dtype: DType) -> tuple[float, float]:
    """MAC/s and bytes/s at best."""
    if isinstance(device, GpuDevice):
        # FLOP/s / (2 FLOP/MAC) = MAC/s
        return device.peak(KERNEL_TYPES[dtype]) / 2, device.constants.memory_bandwidth.value_si
    times = [getattr(device.constants.types[dtype], kind) for kind in KINDS]
    memory_s = device.constants.memory_s
    # 1 / (s/MAC) = MAC/s, 1 / (s/byte) = byte/s
    return (
        1 / min(time.value_si for time in times if time is not None),
        math.nan if memory_s is None else 1 / memory_s.value_si,
    )
