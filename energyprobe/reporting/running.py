"""How a network was run, in words."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import CountTable
from energyprobe.reporting import units


def chosen_fields(scenario: Scenario) -> dict[str, Any]:
    """Fields of a scenario: the batch size, and those that are not left as they are."""
    values = {field.name: getattr(scenario, field.name) for field in fields(scenario)}
    usual = {field.name: getattr(Scenario(), field.name) for field in fields(scenario)}
    return {name: value for name, value in values.items() if name == "batch_size" or value != usual[name]}


def scenario_words(scenario: Scenario, *, batch_size: bool = True) -> str:
    """A scenario in words: ``"batch size 1, timestep 15.4 µs"``, or what it says besides the batch size."""
    chosen = chosen_fields(scenario)
    if not batch_size:
        del chosen["batch_size"]
    if scenario.timestep_s is not None:
        chosen["timestep"] = units.quantity(chosen.pop("timestep_s"), "s")
    if scenario.streaming:
        del chosen["streaming"]
    words = [f"{name.replace('_', ' ')} {value}" for name, value in chosen.items()]
    return ", ".join([*words, "a stream"] if scenario.streaming else words)


def per_words(scenario: Scenario) -> str:
    """What energies are for: ``"per inference"``, or ``"per second"`` of a stream."""
    return "per second" if scenario.streaming else "per inference"


def timesteps_of(counts: CountTable) -> float:
    """Timesteps of a sample: those of the layer that has the most."""
    return max(row.call.timesteps for row in counts.rows)


def recording_words(counts: CountTable) -> str:
    """What was recorded: ``"1,797 samples recorded, 30 timesteps each"``."""
    samples, timesteps = counts.trace.samples, timesteps_of(counts)
    recorded = f"{samples:,} sample{'s' if samples > 1 else ''} recorded"
    return f"{recorded}, {timesteps:g} timesteps each" if timesteps > 1 else recorded
