"""When the next timestep and the next inference are due."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work


def timestep_s(work: Work, scenario: Scenario) -> float:
    """Length of a timestep in seconds, where real time gives it; 0 for the device's own speed."""
    if scenario.streaming:
        return work.step_s
    return scenario.timestep_s or 0.0


def period_s(scenario: Scenario) -> float:
    """Seconds from the start of one inference to that of the next, at least; 0 for back to back."""
    return 1 / scenario.inferences_per_second if scenario.inferences_per_second else 0.0


def real_time_s(work: Work, scenario: Scenario) -> float:
    """Seconds that the timesteps of an inference last where their length is given; 0 for back to back."""
    steps = float(work.timesteps.max())
    # A batch is of signals that come in at the same time.
    return timestep_s(work, scenario) * steps / scenario.batch_size if steps > 1 else 0.0


def idle_time_s(work: Work, scenario: Scenario, busy_s: Array) -> Array:
    """Seconds of an inference in which a device waits for the next one.

    Parameters
    ----------
    work : Work
        The network.
    scenario : Scenario
        With its pace.
    busy_s : ndarray, shape (3,)
        Seconds that an inference takes: value, low, high.

    Returns
    -------
    ndarray, shape (3,)
        The shorter it is busy, the longer it is idle.
    """
    pause_s = np.maximum(0.0, max(period_s(scenario), real_time_s(work, scenario)) - busy_s)
    return np.array([pause_s[0], pause_s[2], pause_s[1]])


def passes(work: Work, scenario: Scenario) -> float:
    """What times of rows are divided by: of a stream, how soon the result of one timestep is there counts."""
    return float(work.timesteps.max()) if scenario.streaming else 1.0


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
