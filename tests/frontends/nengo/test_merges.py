"""Operators that NengoDL merges: with each of them is recorded how many run as one."""

from __future__ import annotations

import nengo
import nengo_dl
import numpy as np
import pytest

from energyprobe import NengoProbe, report
from energyprobe.trace.operations import Decode, Dense, Elementwise, Encode, Filter, NeuronUpdate

STEPS = 3


def network():
    """Two ensembles that are alike, one of another kind, and what joins them, all filtered."""
    with nengo.Network(seed=0) as net:
        first, second = nengo.Ensemble(11, 1, label="first"), nengo.Ensemble(11, 1, label="second")
        other = nengo.Ensemble(7, 2, neuron_type=nengo.Sigmoid(), label="other")
        nengo.Connection(first, second, label="a")
        nengo.Connection(second, first, label="b")
        nengo.Connection(first.neurons, other.neurons, transform=np.full((7, 11), 0.1), label="c")
        nengo.Probe(other.neurons, synapse=nengo.Alpha(0.01), label="p")
    return net


@pytest.fixture
def record(simulator):
    def run(net):
        sim = simulator(net)
        with NengoProbe(sim) as probe:
            sim.run_steps(STEPS)
        return probe.trace

    return run


def merged(call):
    """How many operators run as one with each operation of a call, but for biases and gains."""
    return {
        type(step.operation): step.merged
        for step in call.steps
        if getattr(step.operation, "function", "") not in ("bias", "gain")
    }


@pytest.mark.oldest
def test_what_is_alike_and_does_not_wait_is_merged(record, find) -> None:
    trace = record(network())
    for path in ("first", "second"):
        assert merged(find(trace, path)) == {Encode: 2, NeuronUpdate: 2}
    assert merged(find(trace, "other")) == {Elementwise: 1}
    for path in ("a", "b"):
        assert merged(find(trace, path)) == {Decode: 2, Filter: 2}
        assert merged(find(trace, path, "folded")) == {Decode: 2, Filter: 2}
    assert merged(find(trace, "c")) == {Dense: 1, Filter: 1}
    assert merged(find(trace, "other -> p")) == {Filter: 1}


def test_a_simulator_that_merges_nothing(record) -> None:
    net = network()
    with net:
        nengo_dl.configure_settings(planner=nengo_dl.graph_optimizer.noop_planner)
    trace = record(net)
    assert {step.merged for call in trace.calls for step in call.steps} == {1}


def test_an_array_of_ensembles_launches_as_much_as_one(record) -> None:
    """Twelve ensembles take the launches of one, which is nearly all that such small ones cost on a GPU."""

    def array(size):
        with nengo.Network(seed=0) as net:
            ensembles = nengo.networks.EnsembleArray(10, size, label="array")
            nengo.Connection(nengo.Node(np.ones(size)), ensembles.input, synapse=None)
            nengo.Probe(ensembles.output)
        return report(record(net), "a100").total("a100").latency_s

    assert array(12) < 1.2 * array(1)
