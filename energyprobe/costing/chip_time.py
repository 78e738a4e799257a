"""How long an event-driven chip takes, what it draws meanwhile, and how soon the result is there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from energyprobe.costing.chip_figures import TERM_OF, Constants
from energyprobe.costing.ledger import Ledger, ends
from energyprobe.costing.mapping import Mapping
from energyprobe.costing.pace import pace_notes, period_s, timestep_s
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array
from energyprobe.costing.work import Work

NETWORK = ("static power", "idle power", "synchronisation", "host", "reset")
"""Rows that no layer causes."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Times of one inference, in seconds, with constants at their value, low and high end; NaN where unknown.

    Attributes
    ----------
    stage_s : ndarray, shape (3, rows)
        What each stage needs for a timestep, at the row that it is named after; 0 where not known.
    step_s : ndarray, shape (3,)
        Length of a timestep.
    steps : float
        Timesteps.
    due_s : float
        What all timesteps last in real time; 0 where they run at the chip's own speed.
    busy_s, idle_s : ndarray, shape (3,)
        An inference, and the pause after it.
    """

    stage_s: Array
    step_s: Array
    steps: float
    due_s: float
    busy_s: Array
    idle_s: Array


def timing_of(
    work: Work, mapping: Mapping, arriving: Array, updated: Array, constants: Constants, scenario: Scenario
) -> Timing:
    """Work out how long an inference takes.

    Parameters
    ----------
    work : Work
        The network.
    mapping : Mapping
        Where it lies.
    arriving, updated : ndarray, shape (rows,)
        Synaptic operations and neuron updates, per inference.
    constants : Constants
        Of the chip.
    scenario : Scenario
        With its pace, and the length of a timestep.

    Returns
    -------
    Timing
    """
    steps = float(work.timesteps.max())
    stage = np.array(mapping.stage)
    synop_s, update_s, barrier_s = (
        np.zeros(3) if figure is None else ends(figure)
        for figure in (constants.synop_s, constants.update_s, constants.barrier_s)
    )
    rows = len(stage)
    # operations/inference / (timesteps/inference * cores) = operations/timestep in each core
    share = steps * np.maximum(mapping.cores, 1)
    done, updates = (
        np.bincount(stage, np.nan_to_num(each), minlength=rows) / share for each in (arriving, updated)
    )
    # s/operation * operations/timestep
    stage_s = np.outer(synop_s, done) + np.outer(update_s, updates)
    step_s = stage_s.max(axis=1) + barrier_s if constants.synop_s else np.full(3, np.nan)
    real_s = timestep_s(work, scenario)
    if clock_s := real_s or (constants.timestep_s.value_si if constants.timestep_s else 0.0):
        step_s = np.fmax(step_s, clock_s)
    busy_s = step_s * steps
    pause_s = np.maximum(0.0, period_s(scenario) - busy_s)
    # The shorter it is busy, the longer it is idle.
    idle_s = np.array([pause_s[0], pause_s[2], pause_s[1]])
    return Timing(
        stage_s=stage_s, step_s=step_s, steps=steps, due_s=real_s * steps, busy_s=busy_s, idle_s=idle_s
    )


def charge_time(
    ledger: Ledger, mapping: Mapping, timing: Timing, constants: Constants, scenario: Scenario
) -> None:
    """Charge what whole chips draw over time, and give the table its times.

    Static power leaks whether the chip computes or not: over the pauses, too, unless a power of the idle chip
    is published. What the host draws in pauses is not known.

    Parameters
    ----------
    ledger : Ledger
        Where to.
    mapping : Mapping
        Chips and cores in use.
    timing : Timing
        How long.
    constants : Constants
        Of the chip.
    scenario : Scenario
        With the boundary beyond which nothing is charged.
    """
    chips, cores = mapping.chips, float(mapping.cores.sum())
    leaking_s = timing.busy_s if constants.idle_w else timing.busy_s + timing.idle_s
    # Where the state goes on from one inference to the next, nothing is reset.
    goes_on = scenario.streaming or scenario.new_samples_per_inference is not None
    # W * s/inference * chips = J/inference
    charges = (
        ("static power", "static_w", leaking_s * chips),
        ("static power", "core_static_w", leaking_s * cores),
        ("idle power", "idle_w", timing.idle_s * chips),
        ("host", "host_w", timing.busy_s * chips),
        ("reset", "reset", np.full(3, 0.0 if goes_on else float(chips))),
    )
    for row, name, amount in charges:
        figure = getattr(constants, name)
        if figure is not None and scenario.covers(figure.boundary) and not np.isnan(amount).any():
            ledger.charge_network(row, TERM_OF[name], amount, figure)
    _latency(ledger, mapping, timing, scenario)


def _latency(ledger: Ledger, mapping: Mapping, timing: Timing, scenario: Scenario) -> None:
    """Give the longest stage its time, and the rest of every timestep to synchronisation."""
    # Of a stream, what counts is how soon the result of one timestep is there.
    steps = 1.0 if scenario.streaming else timing.steps * scenario.batch_size
    total_s = timing.step_s * (steps + mapping.depth - 1)
    row = int(timing.stage_s[0].argmax())
    longest_s = timing.stage_s[:, row] * steps
    ledger.latency_s[:, row] = longest_s
    ledger.latency_s[:, ledger.row_of("synchronisation")] = total_s - longest_s


def time_notes(timing: Timing, mapping: Mapping, constants: Constants, scenario: Scenario) -> Iterator[str]:
    """Say what is assumed of times.

    Parameters
    ----------
    timing : Timing
        How long an inference takes.
    mapping : Mapping
        With the stages that a spike passes.
    constants : Constants
        Of the chip.
    scenario : Scenario
        With its pace.

    Yields
    ------
    str
        A sentence without full stop.
    """
    busy_s = float(timing.busy_s[0])
    if math.isnan(busy_s):
        yield "no times are known: static energy is not modelled, unless timestep_s is given"
        return
    yield "a batch runs sample by sample"
    steps = 1 if scenario.streaming else timing.steps
    told = f"{steps:g} timestep{'s' if steps > 1 else ''}"
    yield f"latency: {told}, and one more for each stage after the first: {mapping.depth - 1}"
    if float(timing.idle_s[0]) and constants.draws_in_pauses and constants.idle_w is None:
        yield "no idle power is published: static power is charged between inferences, too"
    yield from pace_notes(busy_s, timing.due_s, scenario)
