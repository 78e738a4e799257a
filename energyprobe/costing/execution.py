"""How timesteps are run: which calls go over all of them at once, and which one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from energyprobe.costing.scenario import Execution, Scenario
from energyprobe.costing.work import Work, keeps_state
from energyprobe.trace.operations import Synaptic
from energyprobe.trace.records import LayerCall, Trace

STEP_LOOPS = ("nengo_dl",)
"""Frameworks that run all of a network in each timestep. Keras runs one layer after the other."""


def execution_of(trace: Trace, scenario: Scenario) -> Execution:
    """What a scenario asks for, or else what the recorded framework does; streams are stepwise.

    Parameters
    ----------
    trace : Trace
        The recording; stepwise where it names no framework.
    scenario : Scenario
        How the network is run.

    Returns
    -------
    str
        ``"stepwise"``, ``"folded"`` or ``"fused"``.
    """
    if scenario.execution is not None:
        return scenario.execution
    if scenario.streaming:
        return "stepwise"
    framework = trace.versions.get("framework")
    return "stepwise" if framework is None or framework in STEP_LOOPS else "folded"


def execution_notes(work: Work, trace: Trace, execution: Execution) -> Iterator[str]:
    """Say how timesteps are run, on a device that runs kernels.

    Parameters
    ----------
    work : Work
        The network.
    trace : Trace
        The recording.
    execution : {"stepwise", "folded", "fused"}
        As `execution_of` gives it.

    Yields
    ------
    str
        Sentences without full stop.
    """
    if work.timesteps.max() > 1:
        yield f"timesteps run {execution}"
    if execution == "stepwise" and trace.versions.get("framework") in STEP_LOOPS:
        yield "operations that the framework merged share a kernel; copies between them are left out"


def runs_at_once(work: Work, execution: Execution) -> npt.NDArray[np.bool_]:
    """Which calls go over all of their timesteps at once.

    Parameters
    ----------
    work : Work
        The network.
    execution : {"stepwise", "folded", "fused"}
        Stepwise, none does; folded, those without state; fused, also those whose only state is that of
        neurons. A call in a cycle of the network waits for itself, and never does.

    Returns
    -------
    ndarray of bool, shape (rows,)
    """
    if execution == "stepwise":
        return np.zeros(len(work.calls), dtype=bool)
    waits = np.array([_waits(call, fused=execution == "fused") for call in work.calls])
    return ~(waits | in_cycles(work.calls))


def in_cycles(calls: tuple[LayerCall, ...]) -> npt.NDArray[np.bool_]:
    """Whether each call reads, through others, what it wrote a timestep before, shape ``(calls,)``."""
    position = {call.key: index for index, call in enumerate(calls)}
    edges = [
        (position[key], index) for index, call in enumerate(calls) for key in call.inputs if key in position
    ]
    if all(before < after for before, after in edges):
        return np.zeros(len(calls), dtype=bool)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    before, after = np.array(edges).T
    graph = coo_array((np.ones(len(edges)), (before, after)), shape=(len(calls), len(calls)))
    _, component = connected_components(graph, connection="strong")
    found: npt.NDArray[np.bool_] = np.bincount(component)[component] > 1
    found[before[before == after]] = True
    return found


def _waits(call: LayerCall, fused: bool) -> bool:
    """Whether a call needs its state of the timestep before, and no fused kernel keeps it."""
    recurrent = any(isinstance(step.operation, Synaptic) for step in call.steps)
    return keeps_state(call) and (recurrent or not fused)
