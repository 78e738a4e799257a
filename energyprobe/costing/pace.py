"""When the next timestep and the next inference are due."""

from __future__ import annotations

from collections.abc import Iterator

from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import Work


def timestep_s(work: Work, scenario: Scenario) -> float:
    """Length of a timestep in seconds, where real time gives it; 0 for the device's own speed."""
    if scenario.streaming:
        return work.step_s
    return scenario.timestep_s or 0.0


def period_s(scenario: Scenario) -> float:
    """Seconds from the start of one inference to that of the next, at least; 0 for back to back."""
    return 1 / scenario.inferences_per_second if scenario.inferences_per_second else 0.0


def pace_notes(busy_s: float, due_s: float, scenario: Scenario) -> Iterator[str]:
    """Say what a device cannot keep up with.

    Parameters
    ----------
    busy_s : float
        What an inference takes.
    due_s : float
        What its timesteps last in real time; 0 where that does not matter.
    scenario : Scenario
        With its pace.

    Yields
    ------
    str
        A sentence without full stop.
    """
    # What keeps pace differs from real time by rounding only.
    if busy_s > 1.000001 * due_s > 0:
        yield "it cannot keep up with timesteps of this length"
    if busy_s > period_s(scenario) > 0:
        yield "it cannot keep up with so many inferences per second, and runs back to back"
