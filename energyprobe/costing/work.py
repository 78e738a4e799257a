"""The work of a network in columns: one entry per operation of a call, summed up to rows after pricing."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energyprobe.costing.remembered import remembered
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import Array
from energyprobe.counting.counts import UNKNOWN, Counts
from energyprobe.counting.table import CountTable
from energyprobe.errors import ScenarioError, TraceError
from energyprobe.trace.operations import NeuronUpdate, Product
from energyprobe.trace.records import LayerCall, Step


@dataclass(frozen=True, eq=False)
class Work:
    """Counts of every operation of every call, per inference.

    An uncounted call has one entry, of which nothing is known.

    Attributes
    ----------
    calls : tuple of LayerCall
        The rows.
    samples : int
        Inferences that the counts are divided by.
    steps : tuple of Step or None
        The operations; None for an uncounted call.
    counts : tuple of Counts
        Their counts, over the whole recording.
    row : ndarray of int, shape (entries,)
        The row that each belongs to.
    repeats : ndarray, shape (rows,)
        How often the scenario runs each row, with what was recorded as 1.
    step_s : float
        Length of a timestep of a stream in seconds; 0 where it is none.
    """

    calls: tuple[LayerCall, ...]
    samples: int
    steps: tuple[Step | None, ...]
    counts: tuple[Counts, ...]
    row: npt.NDArray[np.intp]
    repeats: Array
    step_s: float = 0.0

    def __getitem__(self, name: str) -> Array:
        """Counts of one name per inference, shape ``(entries,)``; NaN where unknown."""
        if name not in self._columns:
            self._columns[name] = self.per_inference([getattr(each, name) for each in self.counts])
            self._columns[name].setflags(write=False)
        return self._columns[name]

    @functools.cached_property
    def _columns(self) -> dict[str, Array]:
        """Columns that were asked for: many devices price one network."""
        return {}

    def per_inference(self, totals: Sequence[float | None]) -> Array:
        """Turn totals over the recording, one an entry, into figures of an inference of the scenario."""
        return np.array(totals, dtype=np.float64) / self.samples * self.repeats[self.row]

    @functools.cached_property
    def timesteps(self) -> Array:
        """Timesteps of an inference, shape ``(rows,)``."""
        return np.array([call.timesteps for call in self.calls], dtype=np.float64) * self.repeats

    def by_row(self, values: Array) -> Array:
        """Sum of what is known, shape ``(rows,)``; NaN for a row with nothing but unknown or zero values.

        Parameters
        ----------
        values : ndarray, shape (entries,)
            NaN where unknown.
        """
        unknown = np.isnan(values)
        known = np.bincount(self.row, np.where(unknown, 0.0, values), minlength=len(self.calls))
        return np.where(self.any_by_row(unknown) & (known == 0), np.nan, known)

    def any_by_row(self, flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether a flag is set for any entry of a row, shape ``(rows,)``."""
        return np.bincount(self.row, flags, minlength=len(self.calls)) > 0

    @functools.cached_property
    def uncounted(self) -> npt.NDArray[np.bool_]:
        """Whether each entry stands for something that no count could be given of."""
        return np.isnan(self["dense_synops"])

    @functools.cached_property
    def neuron(self) -> npt.NDArray[np.object_]:
        """Kind of the neurons that an entry updates; ``""`` for other operations."""
        return np.array([_neuron(step) for step in self.steps], dtype=object)

    @functools.cached_property
    def takes_graded(self) -> npt.NDArray[np.bool_]:
        """Whether an entry multiplies a graded value: its input, or either operand of a product."""
        return np.array([_takes_graded(step) for step in self.steps], dtype=bool)


def work_of(table: CountTable, scenario: Scenario | None = None) -> Work:
    """Lay out the counts of a network for pricing.

    Parameters
    ----------
    table : CountTable
        Counts of a recording.
    scenario : Scenario, optional
        How many timesteps an inference has, by default those of the recording; or a stream, of which a
        second is laid out in place of an inference.

    Returns
    -------
    Work
        The counts in columns.

    Raises
    ------
    TraceError
        If no sample was recorded, so that nothing is known of an inference.
    ScenarioError
        If it changes the timesteps of a network that has none, wants more new samples than there are, or a
        stream of timesteps of unknown length.
    """
    return _work_of(table, scenario or Scenario())


@remembered
def _work_of(table: CountTable, scenario: Scenario) -> Work:
    step_s = _stream_step_s(table, scenario) if scenario.streaming else 0.0
    if not table.trace.samples:
        raise TraceError(f"the trace of {table.trace.model!r} holds no samples: no inference can be priced")
    entries: list[tuple[int, Step | None, Counts]] = []
    for index, row in enumerate(table.rows):
        if row.call.fate == "uncounted":
            entries.append((index, None, UNKNOWN))
        else:
            entries += [(index, *each) for each in zip(row.call.steps, row.steps, strict=True)]
    return Work(
        calls=tuple(row.call for row in table.rows),
        samples=table.trace.samples,
        steps=tuple(step for _, step, _ in entries),
        counts=tuple(counts for _, _, counts in entries),
        row=np.array([index for index, _, _ in entries], dtype=np.intp),
        repeats=_repeats(table, scenario, step_s),
        step_s=step_s,
    )


def keeps_state(call: LayerCall) -> bool:
    """Whether a call carries a state from one timestep to the next."""
    return call.timesteps > 1 and not call.foldable_over_time


def _stream_step_s(table: CountTable, scenario: Scenario) -> float:
    """Length of the timesteps of which a stream runs one after the other."""
    lengths = {row.call.dt for row in table.rows if row.call.dt}
    if scenario.timestep_s:
        return scenario.timestep_s
    if len(lengths) != 1:
        several = ", ".join(f"{each:g} s" for each in sorted(lengths))
        found = f"has timesteps of {several}" if lengths else "has no dt"
        raise ScenarioError(
            f"streaming: the trace of {table.trace.model!r} {found}: give timestep_s, the length of one"
        )
    return lengths.pop()


def _repeats(table: CountTable, scenario: Scenario, step_s: float) -> Array:
    """How often each row runs, shape ``(rows,)``: rows with timesteps in proportion to them."""
    timesteps = np.array([row.call.timesteps for row in table.rows], dtype=np.float64)
    # s / (s/timestep): a stream is priced for a second.
    wanted = 1 / step_s if step_s else scenario.timesteps or scenario.new_samples_per_inference
    if wanted is None:
        return np.ones_like(timesteps)
    recorded, name = timesteps.max(), table.trace.model
    if recorded <= 1:
        given = ("streaming", "timesteps", "new_samples_per_inference")
        field = next(name for name in given if getattr(scenario, name))
        raise ScenarioError(f"{field}: the trace of {name!r} has no timesteps")
    if scenario.new_samples_per_inference:
        if wanted > recorded:
            raise ScenarioError(
                f"new_samples_per_inference: {wanted} are more than the {recorded:g} timesteps of {name!r}"
            )
        if not any(keeps_state(row.call) for row in table.rows):
            return np.ones_like(timesteps)
    # What runs once an inference runs once a timestep of a stream: each new sample has its result.
    return np.where(timesteps > 1, wanted / recorded, wanted if step_s else 1.0)


def _neuron(step: Step | None) -> str:
    return step.operation.neuron if step and isinstance(step.operation, NeuronUpdate) else ""


def _takes_graded(step: Step | None) -> bool:
    if step is None or step.use is None:
        return False
    both_spike = step.use.spiking and (step.use.other_spiking or not isinstance(step.operation, Product))
    return not both_spike
