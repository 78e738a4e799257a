"""Records for the tests of counting, with what matters given and the rest filled in."""

import pytest

from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use


@pytest.fixture
def make_activity():
    def make(elements, events, **facts):
        defaults = {"samples": 1, "sum_sq_events_per_sample": events**2}
        return Activity(elements=elements, events=events, **defaults | facts)

    return make


@pytest.fixture
def make_step():
    def make(operation, executions=1, **facts):
        return Step(operation=operation, executions=executions, **{"dtype": "float32"} | facts)

    return make


@pytest.fixture
def make_call():
    def make(*steps, path="model/layer", **facts):
        defaults = {
            "layer": path.rpartition("/")[2],
            "type": "Layer",
            "call_index": 0,
            "fate": "counted",
            "samples": 1,
            "sample_steps": 1,
        }
        return LayerCall(path=path, steps=steps, **defaults | facts)

    return make


@pytest.fixture
def make_trace():
    def make(*calls, **facts):
        return Trace(calls=calls, **{"model": "net", "fingerprint": "f", "samples": 1} | facts)

    return make


@pytest.fixture
def graded():
    """A use of graded inputs whose fan-out sums are given."""

    def make(events, effective=None, **facts):
        return Use(
            activity=Activity(elements=1, events=0, samples=1, sum_sq_events_per_sample=0),
            spiking=False,
            fanout_events=events,
            effective_events=events if effective is None else effective,
            **facts,
        )

    return make
