"""`report`: prices a recording on some devices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from energyprobe.costing.lookup import AnyDevice
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import count, reading_for
from energyprobe.errors import ReportError
from energyprobe.reporting.naming import named
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace


def report(
    trace: Trace, devices: AnyDevice | Iterable[AnyDevice], *, scenario: Scenario | None = None, **fields: Any
) -> Report:
    """Price a recording on some devices.

    Parameters
    ----------
    trace : Trace
        What a probe recorded.
    devices : str, path, Device, or several of them
        Names (``energyprobe.devices()`` lists them), paths of device files, or devices.
    scenario : Scenario, optional
        How the network is run.
    **fields
        Fields of a `Scenario` in its stead, such as ``batch_size=1``.

    Returns
    -------
    Report
        To be printed, asked for totals, made into a DataFrame or saved.

    Raises
    ------
    ReportError
        If no device is named, one is named twice or is none, or a scenario and fields of one are given.
    UnknownDeviceError
        If the catalog has no device of a name.
    ScenarioError
        If a field of the scenario is unknown or impossible.
    """
    if scenario is not None and fields:
        raise ReportError(f"give a scenario or fields of one ({', '.join(fields)}), not both")
    scenario = scenario or Scenario(**fields)
    chosen = named(devices)
    readings = {name: reading_for(trace, device.reading) for name, device in chosen.items()}
    counts = {reading: count(trace, reading) for reading in set(readings.values())}
    tables = {name: counts[reading] for name, reading in readings.items()}
    costs = {name: device.cost(tables[name], scenario) for name, device in chosen.items()}
    return Report(tables, costs, scenario)
