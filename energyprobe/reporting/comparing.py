"""`compare`: prices several models on the same devices, with the options that go with that."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from energyprobe.costing.device import Device
from energyprobe.costing.lookup import AnyDevice, resolve_device
from energyprobe.costing.quantised import bits_of, quantised_trace
from energyprobe.costing.scenario import Scenario, is_whole
from energyprobe.errors import ReportError, ScenarioError, nearest
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.pricing import report
from energyprobe.reporting.quality import Quality, qualities
from energyprobe.trace.records import Trace

DRAWS = 200
"""Draws of the constants, unless a user asks for others."""


def compare(
    traces: Mapping[str, Trace],
    devices: AnyDevice | Iterable[AnyDevice],
    *,
    batch_sizes: int | Sequence[int] | None = None,
    scenario: Scenario | Mapping[str, Scenario] | None = None,
    baseline: str | None = None,
    accuracy: Mapping[str, float] | None = None,
    quality: Mapping[str, Quality] | None = None,
    bit_matched: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    **fields: Any,
) -> Comparison:
    """Compare models on devices.

    Parameters
    ----------
    traces : dict of str to Trace
        What probes recorded, under the names that the models shall have; at least two.
    devices : str, path, Device, or several of them
        As for `energyprobe.report`.
    batch_sizes : int or sequence of int, optional
        Samples that run together; by default that of the scenario.
    scenario : Scenario, or dict of str to Scenario, optional
        How the models are run: all alike, or each in its own way.
    baseline : str, optional
        The model that the others are compared with; by default the first.
    accuracy : dict of str to float, optional
        Fractions of right answers.
    quality : dict of str to Quality, optional
        Another measure of quality, or an accuracy with the number of its samples.
    bit_matched : str, optional
        A spiking model: the conventional network of as many bits is compared, too, as one more model
        (`energyprobe.costing.quantised`), in int8 where all devices have figures for it.
    draws : int
        Joint draws of the constants that ratios are made of.
    seed : int
        Of the draws.
    **fields
        Fields of a `Scenario` in its stead, such as ``inferences_per_second=10``.

    Returns
    -------
    Comparison
        To be printed, asked for verdicts, made into a DataFrame or saved.

    Raises
    ------
    ReportError
        If there are fewer than two models, the baseline or a quality is of none of them, or options do not
        fit together.
    UnknownDeviceError
        If the catalog has no device of a name.
    ScenarioError
        If a field of the scenario is unknown or impossible.
    """
    if not isinstance(traces, Mapping):
        raise ReportError(f"give models as {{name: trace}}, got {type(traces).__name__}")
    for name, trace in traces.items():
        if not isinstance(trace, Trace):
            raise ReportError(
                f"model {name!r}: expected a Trace (probe.trace, or ep.load_trace(path)), "
                f"got {type(trace).__name__}"
            )
    if len(traces) < 2:
        raise ReportError(f"give at least two models to compare, got {len(traces)}")
    baseline = next(iter(traces)) if baseline is None else baseline
    if baseline not in traces:
        raise ReportError(f"no model {baseline!r} to be the baseline: {nearest(baseline, traces)}")
    if not is_whole(draws, 2):
        raise ReportError(f"draws must be a whole number of at least 2, got {draws!r}")
    given = qualities(traces, accuracy, quality)
    scenarios = _scenarios(traces, scenario, fields)
    asked = [devices] if isinstance(devices, str | os.PathLike | Device) else list(devices)
    if bit_matched is not None:
        if bit_matched not in traces:
            raise ReportError(f"no model {bit_matched!r} to be matched: {nearest(bit_matched, traces)}")
        name = f"{bit_matched} as {bits_of(traces[bit_matched])}-bit"
        traces = {**traces, name: quantised_trace(traces[bit_matched])}
        scenarios[name] = _quantised(scenarios[bit_matched], asked)
    reports = {
        (name, size): report(trace, asked, scenario=dataclasses.replace(scenarios[name], batch_size=size))
        for size in _batch_sizes(batch_sizes, scenarios)
        for name, trace in traces.items()
    }
    return Comparison(reports, baseline, given, draws, seed)


def _scenarios(
    traces: Mapping[str, Trace], scenario: Scenario | Mapping[str, Scenario] | None, fields: Mapping[str, Any]
) -> dict[str, Scenario]:
    """The scenario of each model."""
    if scenario is not None and fields:
        raise ReportError(f"give a scenario or fields of one ({', '.join(fields)}), not both")
    if isinstance(scenario, Mapping):
        for name in scenario:
            if name not in traces:
                raise ReportError(f"a scenario of {name!r}, which is not compared: {nearest(name, traces)}")
        return {name: scenario.get(name, Scenario()) for name in traces}
    common = scenario or Scenario(**fields)
    # Neither says anything of a model without timesteps.
    still = dataclasses.replace(common, timesteps=None, new_samples_per_inference=None)
    return {name: common if _has_timesteps(trace) else still for name, trace in traces.items()}


def _quantised(scenario: Scenario, devices: Iterable[AnyDevice]) -> Scenario:
    """A scenario without timesteps, in int8 where every device has figures for it."""
    still = dataclasses.replace(scenario, timesteps=None, new_samples_per_inference=None)
    try:
        for each in devices:
            resolve_device(each).check_dtype("int8")
    except ScenarioError:
        return still
    return dataclasses.replace(still, dtype="int8")


def _has_timesteps(trace: Trace) -> bool:
    return any(call.timesteps > 1 for call in trace.calls)


def _batch_sizes(given: int | Sequence[int] | None, scenarios: Mapping[str, Scenario]) -> tuple[int, ...]:
    of_scenarios = {scenario.batch_size for scenario in scenarios.values()}
    if given is None:
        if len(of_scenarios) > 1:
            raise ReportError("scenarios differ in batch_size: give batch_sizes, which hold for all models")
        return tuple(of_scenarios)
    if of_scenarios != {1}:
        raise ReportError("give batch_sizes or the batch_size of a scenario, not both")
    sizes = (given,) if isinstance(given, int) else tuple(dict.fromkeys(given))
    if not sizes:
        raise ReportError("batch_sizes: expected at least one batch size")
    return sizes
