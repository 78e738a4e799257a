"""Intervals of every device in many scenarios: they hold their values, add up, and are wider than a point."""

import numpy as np
import pytest

from energyprobe.costing.lookup import catalog
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import count
from energyprobe.trace.operations import Dense, Elementwise, NeuronUpdate, Pool, Product
from energyprobe.trace.padding import conv

SCENARIOS = {
    "as recorded": {},
    "batch": {"batch_size": 48},
    "paced": {"inferences_per_second": 2.0},
    "paced in batches": {"inferences_per_second": 900.0, "batch_size": 16},
    "too fast": {"inferences_per_second": 1e9},
    "real time": {"timestep_s": 1e-3},
    "folded": {"execution": "folded", "batch_size": 4},
    "fused": {"execution": "fused"},
    "chip": {"boundary": "chip", "inferences_per_second": 2.0},
    "few timesteps": {"timesteps": 3},
    "stream": {"streaming": True},
}
RELATIVE = 1 + 1e-9


@pytest.fixture
def conventional(make_call, make_trace, graded, make_activity):
    """A convolution with rectifier and pooling, attention, and a matrix."""
    convolution = conv((9, 7), channels=3, filters=5, kernel=(3, 3), padding="same")
    seen = make_activity(9 * 7 * 3, 150)
    return make_trace(
        make_call(
            "conv",
            (convolution, graded(6000, activity=seen)),
            (Elementwise(function="bias", elements=315), None),
            (Elementwise(function="relu", elements=315), None),
            inputs=("input:x",),
            bytes_in=4 * 189,
            bytes_out=4 * 315,
        ),
        make_call("pool", (Pool(method="max", taps=240, outputs=60), None), inputs=("conv",), bytes_out=240),
        make_call("qk", (Product(rows=4, shared=15, columns=4), graded(200)), inputs=("pool",)),
        make_call("dense", (Dense(inputs=60, units=11), graded(500)), inputs=("pool",), bytes_out=44),
    )


@pytest.fixture
def spikes(make_call, make_trace, spiking, make_activity):
    """Two layers of leaky neurons for 20 timesteps of 1 ms, all driven by spikes."""
    timing = {"timesteps": 20, "dt": 1e-3}
    seen, fired = make_activity(30 * 20, 90, spikes=90), make_activity(1100 * 20, 400, spikes=400)
    neurons = {"output": fired, "output_spiking": True, "foldable_over_time": False}
    return make_trace(
        make_call(
            "first",
            (Dense(inputs=30, units=1100), spiking(90 * 1100, activity=seen)),
            (Elementwise(function="bias", elements=1100), None),
            inputs=("input:x",),
            bytes_in=600,
            **timing,
        ),
        make_call(
            "lif", (NeuronUpdate(neuron="lif", neurons=1100), None), inputs=("first",), **neurons, **timing
        ),
        make_call(
            "second",
            (Dense(inputs=1100, units=13), spiking(400 * 13, activity=fired)),
            inputs=("lif",),
            **timing,
        ),
    )


@pytest.fixture(params=["conventional", "spikes"])
def network(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("fields", SCENARIOS.values(), ids=SCENARIOS)
def test_every_interval_holds_its_value_and_adds_up(network, fields):
    timed = {"timesteps", "streaming"}
    if timed & fields.keys() and network.calls[0].timesteps == 1:
        pytest.skip("a network without timesteps has no other ones, and no stream")
    counts = count(network)
    for name, device in catalog().items():
        cost = device.cost(counts, Scenario(**fields))
        total = cost.total()
        # Rows alone may not hold theirs: the quicker a layer is, the longer a chip waits for real time.
        if not np.isnan(total.latency_s):
            assert total.low_latency_s <= total.latency_s * RELATIVE, name
            assert total.latency_s <= total.high_latency_s * RELATIVE, name
        if np.isnan(total.energy_j):
            assert np.isnan(total.low_j) and np.isnan(total.high_j), name
            continue
        for each in (cost, total, *cost.terms.values(), *total.terms.values()):
            known = ~np.isnan(np.atleast_1d(each.energy_j))
            low, value, high = (
                np.atleast_1d(column)[known] for column in (each.low_j, each.energy_j, each.high_j)
            )
            assert (low <= value * RELATIVE).all(), name
            assert (value <= high * RELATIVE).all(), name
            assert (low >= 0).all(), name
        for column in ("energy_j", "low_j", "high_j"):
            by_terms = sum(getattr(term, column) for term in total.terms.values())
            assert getattr(total, column) == pytest.approx(by_terms), name
            assert getattr(total, column) == pytest.approx(np.nansum(getattr(cost, column))), name
        if total.energy_j:
            assert total.low_j < total.high_j, name
            assert total.boundary in ("operation", "core", "chip", "board", "system", "unknown"), name
