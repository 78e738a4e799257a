"""How often each neuron had an event in one run; a trace keeps only a histogram of it (``detail="neurons"``).

A step that Keras traces several times, or runs eagerly, counts the same neurons several times: the counts of
a neuron add up before it falls into a bin.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy as np
from msgspec.structs import replace

from energyprobe.frontends.keras.counters import Totals
from energyprobe.frontends.keras.observation import Observation
from energyprobe.frontends.keras.planned import PlannedCall
from energyprobe.trace.histograms import RATE_EDGES
from energyprobe.trace.records import Activity, LayerCall, Step, Trace


class Firing:
    """Adds up the events of each neuron over the recordings of one run."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[np.ndarray, int]] = {}

    def add(self, record: LayerCall, call: PlannedCall, totals: Totals) -> None:
        """Add what was counted of a call.

        Parameters
        ----------
        record : LayerCall
            The call, as the trace keeps it.
        call, totals : PlannedCall, Totals
            Where its counts are, and the counts.
        """
        for place, observation in _observations(call):
            if "neurons" not in observation.slots:
                continue
            counts = totals.array(observation.slots["neurons"])
            # Each neuron was seen once in each row: samples x timesteps.
            rows = totals.integer(observation.slots["rows"])
            key = (record.identity, place)
            if key in self._seen:
                before, rows_before = self._seen[key]
                counts, rows = counts + before, rows + rows_before
            self._seen[key] = counts, rows

    def told(self, trace: Trace) -> Trace:
        """The trace with its histograms."""
        return replace(trace, calls=tuple(map(self._of_call, trace.calls))) if self._seen else trace

    def _of_call(self, call: LayerCall) -> LayerCall:
        places = iter(range(len(call.steps)))
        steps = tuple(
            step if step.use is None else self._of_step(step, call.identity, next(places))
            for step in call.steps
        )
        return replace(call, steps=steps, output=self._of_activity(call.output, (call.identity, "output")))

    def _of_step(self, step: Step, identity: Hashable, place: int) -> Step:
        assert step.use is not None
        seen = self._of_activity(step.use.activity, (identity, (place, "input")))
        other = self._of_activity(step.use.other, (identity, (place, "other")))
        return replace(step, use=replace(step.use, activity=seen, other=other))

    def _of_activity(self, activity: Activity | None, key: Hashable) -> Activity | None:
        if activity is None or key not in self._seen:
            return activity
        counts, rows = self._seen[key]
        histogram, _ = np.histogram(np.minimum(counts / rows, 1.0), RATE_EDGES)
        return replace(activity, rate_histogram=tuple(int(each) for each in histogram))


def _observations(call: PlannedCall) -> Iterator[tuple[Hashable, Observation]]:
    """What was observed of a call, and the place in its record."""
    if call.output is not None:
        yield "output", call.output
    read = [step for step in call.steps if step.synaptic]
    for place, step in enumerate(read):
        if step.observation is not None:
            yield (place, "input"), step.observation
        if step.other is not None:
            yield (place, "other"), step.other
