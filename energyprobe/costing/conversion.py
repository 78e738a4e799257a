"""What if a conventional network ran as spikes? Prices of its conversion, and how far they can be off."""

from __future__ import annotations

import dataclasses

import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.rate_code import convert, first_rows
from energyprobe.costing.scenario import FirstLayer, Scenario
from energyprobe.costing.spike_code import Code
from energyprobe.costing.table import CostTable, TermCost
from energyprobe.counting.table import CountTable, count
from energyprobe.trace.records import Activity, LayerCall

PERCENTILE, HIGHEST, LOWEST = 99.9, 100.0, 99.0
"""Percentiles of the activations that a spike in every timestep stands for: fewest spikes at the highest."""


def price_converted(device: Device, counts: CountTable, scenario: Scenario) -> CostTable:
    """Price what rate coding would make of a network; see `energyprobe.costing.rate_code`.

    Parameters
    ----------
    device : Device
        Who is paid. One of graded events, or a conventional one, runs the network as it is.
    counts : CountTable
        Counts of a recording with ``detail="values"``.
    scenario : Scenario
        With its `converted_timesteps`.

    Returns
    -------
    CostTable
        Low and high also hold other scales of the code: the maximum of the activations, and their 99th
        percentile.

    Raises
    ------
    ScenarioError
        If the network has timesteps already, or the sizes of its activations were not recorded.
    """
    plain = dataclasses.replace(scenario, converted_timesteps=None, first_layer="rate", max_activations={})
    timesteps = scenario.converted_timesteps
    if device.graded_events or timesteps is None:
        note = "not converted to spikes: the device takes graded values, and runs the network as it is"
        table = device.price(counts, plain)
        return dataclasses.replace(table, scenario=scenario, notes=(note, *table.notes))
    calls = tuple(row.call for row in counts.rows)
    code = Code(timesteps, first_layer=scenario.first_layer, max_activations=scenario.max_activations)
    value, least, most = (
        device.price(
            count(convert(counts.trace, calls, dataclasses.replace(code, percentile=each)), counts.reading),
            plain,
        )
        for each in (PERCENTILE, HIGHEST, LOWEST)
    )
    return dataclasses.replace(
        value,
        scenario=scenario,
        low_j=np.fmin(value.low_j, least.low_j),
        high_j=np.fmax(value.high_j, most.high_j),
        low_latency_s=least.low_latency_s,
        high_latency_s=most.high_latency_s,
        terms={
            name: _widened(term, least.terms[name], most.terms[name]) for name, term in value.terms.items()
        },
        notes=(*_notes(calls, code), *value.notes),
    )


def _widened(value: TermCost, least: TermCost, most: TermCost) -> TermCost:
    return dataclasses.replace(
        value, low_j=np.fmin(value.low_j, least.low_j), high_j=np.fmax(value.high_j, most.high_j)
    )


FIRST: dict[FirstLayer, str] = {
    "rate": "reads the input as rate-coded spikes",
    "direct": "multiplies the values of the input in every timestep (direct coding)",
    "off chip": "runs off chip, and is not priced",
}
"""What becomes of the first layer."""


def _notes(calls: tuple[LayerCall, ...], code: Code) -> list[str]:
    first = ", ".join(calls[row].key for row in first_rows(calls))
    own = ", ".join(f"{path} {value:g}" for path, value in code.max_activations.items())
    notes = [
        f"WHAT IF: rate-coded over {code.timesteps} timesteps; its accuracy is not that of the original "
        "network",
        f"a spike in every timestep stands for the {PERCENTILE}th percentile of what a layer reads "
        f"(interval: {LOWEST:g}th to the maximum)" + (f"; given: {own}" if own else ""),
        f"the first layer ({first}) {FIRST[code.first_layer]}",
    ]
    if any(_is_signed(step.use.activity) for call in calls for step in call.steps if step.use is not None):
        notes.append("some layers read negative values: signed spikes, or two neurons for each value")
    return notes


def _is_signed(activity: Activity | None) -> bool:
    return activity is not None and activity.negative is not None and activity.negative.total > 0
