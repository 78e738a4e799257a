"""Records and devices for the tests of costing, with what matters given and the rest filled in."""

import pytest

from energyprobe.costing.loading import parse_device
from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use

FIGURE = """
[constants.{term}]
value = {value}
{ends}unit = "pJ"
source = "horowitz2014"
provenance = "derived"
verified = true
boundary = "core"
"""


@pytest.fixture
def make_activity():
    def make(elements, events, **facts):
        return Activity(
            elements=elements, events=events, **{"samples": 1, "sum_sq_events_per_sample": events**2} | facts
        )

    return make


@pytest.fixture
def graded():
    """A use of graded inputs whose fan-out sums are given; None is not observed."""

    def make(events, effective=None, **facts):
        return Use(
            **{"activity": None, "spiking": False} | facts, fanout_events=events, effective_events=effective
        )

    return make


@pytest.fixture
def spiking():
    """A use of spikes whose fan-out sums are given; by default one spike an event."""

    def make(events, spikes=None, effective=None, effective_spikes=None, **facts):
        return Use(
            **{"activity": None, "spiking": True} | facts,
            fanout_events=events,
            fanout_spikes=events if spikes is None else spikes,
            effective_events=effective,
            effective_spikes=effective_spikes,
        )

    return make


@pytest.fixture
def make_call():
    """A call of a layer: pairs of operation and use, each executed as often as there are timesteps."""

    def make(path, *steps, samples=1, timesteps=1, **facts):
        defaults = {"layer": path, "type": "Layer", "call_index": 0, "fate": "counted"}
        runs = samples * timesteps
        return LayerCall(
            path=path,
            steps=tuple(Step(operation=op, use=use, executions=runs, dtype="float32") for op, use in steps),
            samples=samples,
            sample_steps=runs,
            **defaults | facts,
        )

    return make


@pytest.fixture
def make_trace():
    def make(*calls, samples=1, **facts):
        return Trace(calls=calls, samples=samples, **{"model": "net", "fingerprint": "f"} | facts)

    return make


@pytest.fixture
def make_device():
    """A device of the constant model from joules in pJ: a figure, or (low, value, high)."""

    def make(skips="zero inputs", graded_events=True, kind="event-driven", **pj):
        text = (
            f'model = "constant"\nname = "chip"\ntitle = "Chip"\nkind = "{kind}"\ndescription = "A chip."\n'
            f'skips = "{skips}"\ngraded_events = {str(graded_events).lower()}\n'
        )
        for term, value in pj.items():
            low, value, high = value if isinstance(value, tuple) else (None, value, None)
            ends = "" if low is None else f"low = {low}\nhigh = {high}\n"
            text += FIGURE.format(term=term.replace("kind_", "neuron_kinds."), value=value, ends=ends)
        return parse_device(text, "chip.toml")

    return make
