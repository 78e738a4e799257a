"""A communication channel on Loihi: decode neurons between its ensembles, and nowhere else."""

import nengo
import numpy as np
import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.costing.lookup import device

PJ = 1e-12
STEPS = 40
LOIHI = replace(device("loihi"), held_out=None)
"""Without the error of its predictions: the ends are those of its figures."""


@pytest.fixture
def record(simulator):
    """Record a stimulus -> a, and a connection from a to b; give the trace and the spikes of a."""

    def run(**connection):
        with nengo.Network(seed=1) as network:
            stimulus = nengo.Node([0.3, -0.2])
            a, b = nengo.Ensemble(30, 2, label="a"), nengo.Ensemble(17, 2, label="b")
            nengo.Connection(stimulus, a)
            nengo.Connection(a, b, label="channel", **connection)
            spikes = nengo.Probe(a.neurons)
        sim = simulator(network)
        with ep.NengoProbe(sim) as probe:
            sim.run_steps(STEPS)
        return probe.trace, int(np.count_nonzero(sim.data[spikes]))

    return run


def test_a_communication_channel(record):
    trace, spikes = record()
    cost = LOIHI.cost(trace)
    channel, a, b = map(cost.layer.index, ("channel", "a", "b"))
    term = cost.terms["decode_neurons"]
    # 20 neurons for each of 2 dimensions, with 1.7 pJ for each spike that arrives, in one tile.
    assert spikes > 0
    assert term.low_j[channel] == pytest.approx((spikes * (40 * 23.6 + 1.7) + 40 * STEPS * 52) * PJ)
    # Of each dimension 722 (863, 1243) spikes in a second, for 40 ms, to each of 17 neurons.
    for price, rate, synop in (
        (term.low_j, 722, 23.6),
        (term.energy_j, 863, 23.6),
        (term.high_j, 1243, 35.5),
    ):
        assert price[b] == pytest.approx(rate * 2 * STEPS / 1000 * (17 * synop + 1.7) * PJ)
    assert cost.terms["acs"].operations[[channel, b]].tolist() == [0, 0]
    assert term.energy_j[a] == 0
    assert cost.reasons == ("a reads graded values; Intel Loihi takes spikes",)


def test_full_weights_need_none(record):
    trace, spikes = record(solver=nengo.solvers.LstsqL2(weights=True))
    cost = device("loihi").cost(trace)
    assert "decode_neurons" not in cost.terms
    assert cost.terms["acs"].operations[cost.layer.index("channel")] == spikes * 17


def test_decoded_values_that_passthrough_nodes_route_need_them_too(simulator):
    """Of a, one dimension of two reaches b, over a sparse transform between relays."""
    with nengo.Network(seed=1) as network:
        stimulus = nengo.Node([0.3, -0.2])
        a, b = nengo.Ensemble(30, 2, label="a"), nengo.Ensemble(17, 2, label="b")
        first, second = nengo.Node(size_in=3, label="first"), nengo.Node(size_in=2, label="second")
        nengo.Connection(stimulus, a)
        nengo.Connection(a, first[1:])
        nengo.Connection(first, second, transform=nengo.Sparse((2, 3), indices=[(1, 2)]), synapse=None)
        nengo.Connection(second, b, synapse=None)
        spikes = nengo.Probe(a.neurons)
    sim = simulator(network)
    with ep.NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    fired = int(np.count_nonzero(sim.data[spikes]))
    cost = LOIHI.cost(probe.trace)
    term, channel, b = cost.terms["decode_neurons"], cost.layer.index("a -> b"), cost.layer.index("b")
    # 20 neurons for the one dimension that is routed; 722 spikes of it in a second to each of 17 neurons.
    assert fired > 0
    assert term.low_j[channel] == pytest.approx((fired * (20 * 23.6 + 1.7) + 20 * STEPS * 52) * PJ)
    assert term.low_j[b] == pytest.approx(722 * STEPS / 1000 * (17 * 23.6 + 1.7) * PJ)
