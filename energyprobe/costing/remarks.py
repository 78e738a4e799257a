"""What is special about prices, in words: remarks on single calls, and notes on all of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Figure
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array, Remark
from energyprobe.costing.titles import figure_title
from energyprobe.costing.work import Work, keeps_state
from energyprobe.trace.operations import NeuronUpdate, Uncounted
from energyprobe.trace.records import Activity, LayerCall


def remarks_of(work: Work, device: Device, unknown: npt.NDArray[np.bool_]) -> tuple[Remark, ...]:
    """Say which calls cost more than their price, or cannot run as they are.

    Parameters
    ----------
    work : Work
        The counts of the network.
    device : Device
        Who prices them.
    unknown : ndarray of bool, shape (entries,)
        Whether the synaptic operations that the device pays for are unknown.

    Returns
    -------
    tuple of Remark
        In the order of the rows.
    """
    graded = np.zeros(len(work.calls), dtype=bool)
    if not device.graded_events:
        graded = work.any_by_row(work.takes_graded)
    unrecorded = work.any_by_row(unknown & ~work.uncounted)
    uncounted = work.any_by_row(work.uncounted)
    remarks = []
    for row, call in enumerate(work.calls):
        if uncounted[row]:
            part = "" if call.fate == "uncounted" else " in part"
            remarks.append(Remark(row, f"{call.key} is uncounted{part}{_reason(call)}", True))
        if graded[row]:
            remarks.append(Remark(row, f"{call.key} reads graded values; {device.title} takes spikes", True))
        if unrecorded[row]:
            text = f"the synaptic operations of {call.key} that {device.title} pays for were not recorded"
            remarks.append(Remark(row, text, True))
        if not device.graded_events and _carries_several(call):
            text = (
                f"{call.key} has several spikes in a timestep; {device.title} sends one: needs more timesteps"
            )
            remarks.append(Remark(row, text, False))
    return tuple(remarks)


def spike_remarks(work: Work, sent: Array) -> tuple[Remark, ...]:
    """Say which calls send unknown numbers of spikes, on a device that charges for sending.

    Parameters
    ----------
    work : Work
        The counts of the network.
    sent : ndarray, shape (entries,)
        Spikes per inference; NaN where unknown.

    Returns
    -------
    tuple of Remark
        In the order of the rows.
    """
    rows = np.flatnonzero(work.any_by_row(np.isnan(sent))).tolist()
    return tuple(
        Remark(row, f"how many spikes {work.calls[row].key} sends is not known", True) for row in rows
    )


def idle_remarks(idle_s: float, row: int, scenario: Scenario) -> tuple[Remark, ...]:
    """Say that a device draws more between inferences than is charged: it has no figure for it.

    Parameters
    ----------
    idle_s : float
        Seconds from the end of one inference to the start of the next; NaN where unknown.
    row : int
        Row of the table that idle power is charged to.
    scenario : Scenario
        With its pace.

    Returns
    -------
    tuple of Remark
        One, or none where there is no pause.
    """
    if idle_s == 0 or not (scenario.inferences_per_second or scenario.timestep_s or scenario.streaming):
        return ()
    text = "no idle power is published: what it draws between inferences is not modelled"
    return (Remark(row, text, True),)


def boundary_notes(figures: Mapping[str, Figure], scenario: Scenario) -> list[str]:
    """Say which figures cover more than the scenario asks for, or that none covers as much.

    Parameters
    ----------
    figures : mapping of str to Figure
        The figures that are charged, by name.
    scenario : Scenario
        With the boundary that is asked for.

    Returns
    -------
    list of str
        Sentences without full stop; none where no boundary is asked for.
    """
    if scenario.boundary is None:
        return []
    wider = [figure_title(name) for name, figure in figures.items() if not scenario.covers(figure.boundary)]
    notes = (
        [f"covers more than the {scenario.boundary}, and cannot be taken apart: {', '.join(wider)}"]
        if wider
        else []
    )
    boundaries = {figure.boundary for figure in figures.values()}
    if not wider and scenario.boundary not in boundaries:
        notes.append(f"no figure covers the whole {scenario.boundary}, only: {', '.join(sorted(boundaries))}")
    return notes


def window_notes(work: Work, scenario: Scenario) -> list[str]:
    """Say that new samples alone are not enough for a network without a state.

    Parameters
    ----------
    work : Work
        The network.
    scenario : Scenario
        With the new samples of an inference.

    Returns
    -------
    list of str
        A sentence without full stop; none where there is a state, or an inference has its whole window.
    """
    if scenario.new_samples_per_inference is None or any(map(keeps_state, work.calls)):
        return []
    return ["the network keeps no state: each inference computes its whole window again"]


def interval_notes(device: Device) -> list[str]:
    """Say by which measured error intervals are widened.

    Parameters
    ----------
    device : Device
        Who prices.

    Returns
    -------
    list of str
        A sentence without full stop; none where no error is known.
    """
    held_out = device.held_out
    if held_out is None:
        return []
    what = "intervals hold" if held_out.widens else "ratios of networks hold"
    return [f"{what} an error of a factor of {held_out.factor:.3g} ({held_out.note})"]


def dtype_notes(device: Device, scenario: Scenario) -> list[str]:
    """Say that a data type changes nothing on a device whose figures are for no stated one.

    Parameters
    ----------
    device : Device
        Who prices.
    scenario : Scenario
        With the data type that is asked for.

    Returns
    -------
    list of str
        A sentence without full stop; none where no data type is asked for.
    """
    if scenario.dtype is None or device.dtypes:
        return []
    return [f"its figures are for no stated data type: {scenario.dtype} changes nothing"]


def _reason(call: LayerCall) -> str:
    reasons = [step.operation.reason for step in call.steps if isinstance(step.operation, Uncounted)]
    return f": {'; '.join(reasons)}" if reasons else ""


def _carries_several(call: LayerCall) -> bool:
    """Whether its neurons fire, or the model's input holds, several spikes in one event."""
    return any(activity.spikes > activity.events for activity in _spikes(call) if activity.spikes is not None)


def _spikes(call: LayerCall) -> Iterator[Activity]:
    """Activity of the spikes that the call brings into the network."""
    fires = any(isinstance(step.operation, NeuronUpdate) for step in call.steps)
    if fires and call.output_spiking and call.output is not None:
        yield call.output
    if any(key.startswith("input:") for key in call.inputs):
        for step in call.steps:
            if step.use is not None and step.use.spiking and step.use.activity is not None:
                yield step.use.activity
