"""Energy of neural networks, from what really happened in every layer.

The data flows through five rooms, in this order:

1. A probe (`energyprobe.frontends`) is attached to a model while it runs, and writes a `Trace`.
2. A trace (`energyprobe.trace`) holds facts: which operations ran, how often, and how active their
   inputs and outputs were. It is saved, loaded and added up; it knows no framework and no joules.
3. `counts` (`energyprobe.counting`) turns facts into counts: synops, MACs, ACs, neuron updates.
4. A device (`energyprobe.costing`) prices counts, shapes and densities, in joules and seconds.
5. `report` (`energyprobe.reporting`) puts the prices into tables: the only place that rounds.

Every public name is loaded on first use, so that ``import energyprobe`` loads no framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "energyprobe.reporting.comparison",
    "CountingError": "energyprobe.errors",
    "DataError": "energyprobe.errors",
    "Device": "energyprobe.costing.device",
    "DeviceError": "energyprobe.errors",
    "EnergyprobeError": "energyprobe.errors",
    "KerasProbe": "energyprobe.keras_probe",
    "MissingDependencyError": "energyprobe.errors",
    "ModelError": "energyprobe.errors",
    "NengoProbe": "energyprobe.frontends.nengo.probe",
    "OptionError": "energyprobe.errors",
    "Placement": "energyprobe.costing.placement",
    "Quality": "energyprobe.reporting.quality",
    "RecordingError": "energyprobe.errors",
    "Report": "energyprobe.reporting.result",
    "ReportError": "energyprobe.errors",
    "Scenario": "energyprobe.costing.scenario",
    "ScenarioError": "energyprobe.errors",
    "Trace": "energyprobe.trace.records",
    "TraceError": "energyprobe.errors",
    "TraceFileError": "energyprobe.errors",
    "UnknownDeviceError": "energyprobe.errors",
    "VerificationError": "energyprobe.errors",
    "bitmatched": "energyprobe.costing.bitmatched",
    "breakeven": "energyprobe.costing.breakeven",
    "compare": "energyprobe.reporting.comparing",
    "counts": "energyprobe.counting.frame",
    "device": "energyprobe.costing.lookup",
    "devices": "energyprobe.reporting.device_list",
    "kernel_cost": "energyprobe.costing.kernels.cost",
    "load_device": "energyprobe.costing.loading",
    "load_report": "energyprobe.reporting.stored",
    "load_trace": "energyprobe.trace.storage",
    "plot": "energyprobe.reporting",
    "log_to_tensorboard": "energyprobe.tensorboard",
    "report": "energyprobe.reporting.pricing",
    "verify": "energyprobe.verification.check",
}
"""Public name to the module that defines it."""

__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from energyprobe.costing.bitmatched import bitmatched as bitmatched
    from energyprobe.costing.breakeven import breakeven as breakeven
    from energyprobe.costing.device import Device as Device
    from energyprobe.costing.kernels.cost import kernel_cost as kernel_cost
    from energyprobe.costing.loading import load_device as load_device
    from energyprobe.costing.lookup import device as device
    from energyprobe.costing.placement import Placement as Placement
    from energyprobe.costing.scenario import Scenario as Scenario
    from energyprobe.counting.frame import counts as counts
    from energyprobe.errors import CountingError as CountingError
    from energyprobe.errors import DataError as DataError
    from energyprobe.errors import DeviceError as DeviceError
    from energyprobe.errors import EnergyprobeError as EnergyprobeError
    from energyprobe.errors import MissingDependencyError as MissingDependencyError
    from energyprobe.errors import ModelError as ModelError
    from energyprobe.errors import OptionError as OptionError
    from energyprobe.errors import RecordingError as RecordingError
    from energyprobe.errors import ReportError as ReportError
    from energyprobe.errors import ScenarioError as ScenarioError
    from energyprobe.errors import TraceError as TraceError
    from energyprobe.errors import TraceFileError as TraceFileError
    from energyprobe.errors import UnknownDeviceError as UnknownDeviceError
    from energyprobe.errors import VerificationError as VerificationError
    from energyprobe.frontends.nengo.probe import NengoProbe as NengoProbe
    from energyprobe.keras_probe import KerasProbe as KerasProbe
    from energyprobe.reporting import plot as plot
    from energyprobe.reporting.comparing import compare as compare
    from energyprobe.reporting.comparison import Comparison as Comparison
    from energyprobe.reporting.device_list import devices as devices
    from energyprobe.reporting.pricing import report as report
    from energyprobe.reporting.quality import Quality as Quality
    from energyprobe.reporting.result import Report as Report
    from energyprobe.reporting.stored import load_report as load_report
    from energyprobe.tensorboard import log_to_tensorboard as log_to_tensorboard
    from energyprobe.trace.records import Trace as Trace
    from energyprobe.trace.storage import load_trace as load_trace
    from energyprobe.verification.check import verify as verify
else:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            from energyprobe.errors import nearest

            raise AttributeError(f"energyprobe has no {name!r}: {nearest(name, __all__)}")
        # What "from home import name" does: `plot` is a module of its home, and loaded with it.
        value = getattr(__import__(_HOMES[name], fromlist=[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
