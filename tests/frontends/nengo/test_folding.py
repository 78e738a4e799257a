"""The folded reading against brute force: the same wiring between nodes, run with one-hot inputs."""

from __future__ import annotations

import nengo
import numpy as np
import pytest

from energyprobe import NengoProbe
from energyprobe.counting.table import count
from energyprobe.trace.operations import Conv, Decode, Elementwise, Filter, Free, Sparse

STEPS = 12


class Neural:
    """Sources and targets of a wiring are neurons."""

    filled = False

    def __init__(self):
        self.number = 0

    def __call__(self, size, label):
        self.number += 1
        return nengo.Ensemble(
            size,
            1,
            neuron_type=nengo.SpikingRectifiedLinear(),
            gain=np.ones(size),
            bias=np.linspace(0, 600, size),
            label=label,
            seed=self.number,
        ).neurons


class Shadow:
    """Sources and targets are nodes, to which one-hot inputs can be given."""

    def __init__(self, filled):
        self.filled = filled

    def __call__(self, size, label):
        if label.startswith("target"):
            return nengo.Node(size_in=size, label=label)
        return nengo.Node(np.zeros(size), label=label)


def matrix(make, rows, columns, seed):
    """Positive weights, half of them zero; all of them 1 where every connection is to show."""
    random = np.random.RandomState(seed)
    weights = random.uniform(1, 2, (rows, columns)) * random.randint(0, 2, (rows, columns))
    return np.ones((rows, columns)) if make.filled else weights


def join(pre, post, transform=None):
    nengo.Connection(pre, post, transform=transform, synapse=None)


def dense_wiring(make):
    """Two sources and two targets, over three passthrough nodes with slices and several ways."""
    a, b = make(6, "a"), make(4, "b")
    p, q, r = (nengo.Node(size_in=size, label=label) for size, label in ((8, "p"), (5, "q"), (3, "r")))
    t, u = make(7, "target t"), make(3, "target u")
    join(a[1:5], p[:4], matrix(make, 4, 4, 1))
    join(b, p[4:])
    join(b[[3, 0]], p[[6, 1]], matrix(make, 2, 2, 2))
    join(p, q, matrix(make, 5, 8, 3))
    join(p[::3], t[2:5])
    join(q[1:4], t[[6, 0]], matrix(make, 2, 3, 4))
    join(q[:3], r)
    join(r, u, matrix(make, 3, 3, 5))
    join(a[:3], r, nengo.Sparse((3, 3), indices=[(0, 2), (2, 1)], init=[1.0, 2.0]))
    join(r[1], u[2])


def conv(make, filters, shape, kernel, seed, **settings):
    weights = matrix(make, int(np.prod(kernel)) * shape[-1], filters, seed)
    return nengo.Convolution(
        filters, shape, kernel_size=kernel, init=weights.reshape(*kernel, shape[-1], filters), **settings
    )


def conv_wiring(make):
    """Convolution, pooling as Converter makes it, convolution."""
    first = conv(make, 2, (6, 5, 3), (2, 3), 1, padding="same", strides=(1, 1))
    pooling = nengo.Convolution(
        2, (6, 5, 2), kernel_size=(2, 2), strides=(2, 2), init=np.reshape([np.eye(2) / 4] * 4, (2, 2, 2, 2))
    )
    second = conv(make, 3, (3, 2, 2), (2, 2), 2, padding="valid", strides=(1, 1))
    a = make(first.size_in, "a")
    p, q = nengo.Node(size_in=first.size_out, label="p"), nengo.Node(size_in=pooling.size_out, label="q")
    t = make(second.size_out, "target t")
    join(a, p, first)
    join(p, q, pooling)
    join(q, t, second)


def fanouts(wiring, simulator, filled):
    """Non-zero responses of each target to each element of each source."""
    with nengo.Network(seed=0) as net:
        wiring(Shadow(filled))
        sources = [node for node in net.nodes if node.size_in == 0]
        targets = [node for node in net.nodes if node.label.startswith("target")]
        probes = {node: nengo.Probe(node) for node in targets}
    result = {}
    for source in sources:
        sim = simulator(net, minibatch_size=source.size_out)
        output = sim.predict({source: np.eye(source.size_out)[:, np.newaxis]}, verbose=0)
        for target in targets:
            result[source.label, target.label] = np.count_nonzero(output[probes[target]][:, 0], axis=1)
    return result


@pytest.mark.filterwarnings("ignore:.*one timestep, but the network contains")
@pytest.mark.parametrize("wiring", [dense_wiring, conv_wiring], ids=lambda each: each.__name__)
def test_composed_connections_equal_brute_force(wiring, simulator) -> None:
    with nengo.Network(seed=0) as net:
        wiring(Neural())
        spikes = {each.label: nengo.Probe(each.neurons) for each in net.ensembles}
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    fired = {label: np.count_nonzero(sim.data[each], axis=0) for label, each in spikes.items()}
    every, nonzero = (fanouts(wiring, simulator, filled) for filled in (True, False))

    rows = {
        each.call.path: each.counts
        for each in count(probe.trace, "folded").rows
        if each.call.type == "Connection"
    }
    expected = {f"{source} -> {target}" for (source, target), each in nonzero.items() if each.any()}
    assert set(rows) == expected
    total = 0
    for (source, target), each in every.items():
        if f"{source} -> {target}" in rows:
            counts = rows[f"{source} -> {target}"]
            assert counts.connections == each.sum()
            assert counts.dense_acs == counts.dense_synops == STEPS * each.sum()
            assert counts.event_acs == fired[source] @ each
            assert counts.effective_acs == fired[source] @ nonzero[source, target]
            total += counts.effective_acs
    assert total > 0


def test_a_hand_calculation_of_pooling(simulator) -> None:
    """4 x 4 inputs, 2 x 2 pooling, 2 x 2 kernel of 3 filters: one output position of 4 x 4 taps."""
    pooling = nengo.Convolution(
        1, (4, 4, 1), kernel_size=(2, 2), strides=(2, 2), init=np.full((2, 2, 1, 1), 0.25)
    )
    second = nengo.Convolution(3, (2, 2, 1), kernel_size=(2, 2), strides=(1, 1))
    with nengo.Network(seed=0) as net:
        a, t = Neural()(16, "a"), Neural()(3, "t")
        pool = nengo.Node(size_in=4, label="pool")
        nengo.Connection(a, pool, transform=pooling, synapse=0.005)
        nengo.Connection(pool, t, transform=second, synapse=None)
        spikes = nengo.Probe(a)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    fired = np.count_nonzero(sim.data[spikes])
    folded = {each.call.path: each for each in count(probe.trace, "folded").rows}
    literal = {each.call.path: each for each in count(probe.trace, "literal").rows}
    assert folded["a -> t"].counts.connections == 4 * 4 * 3
    assert folded["a -> t"].counts.event_acs == 3 * fired > 0
    assert literal["a -> pool"].counts.event_acs == fired
    # Filtered values are graded and seldom zero: 4 of them feed 3 filters each.
    assert literal["pool -> t"].counts.dense_macs == STEPS * 4 * 3
    assert literal["pool -> t"].counts.event_acs == 0


def test_one_set_of_weights_among_passthroughs_keeps_its_description(simulator, find) -> None:
    transform = nengo.Convolution(3, (5, 5, 2), kernel_size=(3, 3))
    with nengo.Network(seed=0) as net:
        a, t = Neural()(50, "a"), Neural()(27, "t")
        p, q = nengo.Node(size_in=50, label="p"), nengo.Node(size_in=27, label="q")
        nengo.Connection(a, p, synapse=0.01)
        nengo.Connection(p, q, transform=transform, synapse=None)
        nengo.Connection(q, t, synapse=nengo.Alpha(0.02))
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    call = find(probe.trace, "a -> t", "folded")
    weigh, *filters = call.steps
    assert isinstance(weigh.operation, Conv)
    assert weigh.weights == 3 * 3 * 2 * 3
    assert [step.operation for step in filters] == [
        Filter(function="lowpass", elements=27, order=1),
        Filter(function="alpha", elements=27, order=2),
    ]


def test_ensemble_arrays_are_wired_ensemble_to_ensemble(simulator, find) -> None:
    """Blocks of a transform that are zero join nothing; filters of a target are computed once."""
    transform = np.zeros((3, 4))
    transform[0, 0], transform[0, 1], transform[2, 3] = 1.0, 2.0, 3.0
    with nengo.Network(seed=0) as net:
        a = nengo.networks.EnsembleArray(10, 2, ens_dimensions=2, label="a")
        b = nengo.networks.EnsembleArray(8, 3, label="b")
        nengo.Connection(a.output, b.input, transform=transform, synapse=0.01)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    folded = [call for call in probe.trace.calls if call.reading == "folded"]
    assert {call.type for call in folded} == {"Connection", "Ensemble"}
    names = [ensemble.label for ensemble in a.ensembles], [ensemble.label for ensemble in b.ensembles]
    joined = {call.path for call in folded if call.type == "Connection"}
    assert joined == {
        f"a/{names[0][0]} -> b/{names[1][0]}",
        f"a/{names[0][1]} -> b/{names[1][2]}",
    }
    for path in joined:
        assert [step.operation for step in find(probe.trace, path, "folded").steps] == [
            Decode(neurons=10, dimensions=1),
            Filter(function="lowpass", elements=1, order=1),
        ]


def test_filters_of_one_target_are_computed_once(simulator) -> None:
    with nengo.Network(seed=0) as net:
        t = nengo.Ensemble(5, 2, label="t")
        relay = nengo.Node(size_in=2, label="relay")
        for label in "ab":
            nengo.Connection(nengo.Ensemble(4, 2, label=label), relay, synapse=None)
        nengo.Connection(relay, t, synapse=0.01)
        nengo.Connection(relay, t[0], transform=[[1, 1]], synapse=0.02)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    filters = [
        (call.path, step.operation)
        for call in probe.trace.calls
        for step in call.steps
        if call.reading == "folded" and isinstance(step.operation, Filter)
    ]
    assert filters == [
        ("a -> t", Filter(function="lowpass", elements=2, order=1)),
        ("a -> t (2)", Filter(function="lowpass", elements=1, order=1)),
    ]


def test_nodes_that_stay(simulator, find) -> None:
    """A memory of passthrough nodes, and nodes that learning connections feed, are not composed away."""
    with nengo.Network(seed=0) as net:
        a, b = nengo.Ensemble(6, 1, label="a"), nengo.Ensemble(5, 1, label="b")
        memory, inner = nengo.Node(size_in=1, label="memory"), nengo.Node(size_in=1, label="inner")
        nengo.Connection(a, memory)
        nengo.Connection(memory, inner, synapse=None)
        nengo.Connection(inner, memory, synapse=0.1)
        nengo.Connection(memory, b)
        learned = nengo.Node(size_in=1, label="learned")
        learning = nengo.Connection(a, learned, learning_rule_type=nengo.PES())
        nengo.Connection(learned, b)
        nengo.Connection(b, learning.learning_rule)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    paths = {call.path for call in probe.trace.calls if call.reading == "folded"}
    assert {"memory", "inner", "learned"} <= paths
    assert paths == {call.path for call in probe.trace.calls if call.reading == "literal"}
    assert isinstance(find(probe.trace, "memory", "folded").steps[0].operation, Free)


def test_biases_are_worked_out_once(simulator, find) -> None:
    """Two constants over relays come to one bias of the elements that they reach."""
    with nengo.Network(seed=0) as net:
        t = Neural()(6, "t")
        relay = nengo.Node(size_in=3, label="relay")
        nengo.Connection(nengo.Node([1.0], label="one"), relay, transform=[[1], [2], [0]], synapse=None)
        nengo.Connection(nengo.Node([1.0] * 3, label="two"), relay, synapse=None)
        nengo.Connection(Neural()(3, "a"), relay, synapse=None)
        nengo.Connection(
            relay, t, transform=nengo.Sparse((6, 3), indices=[(0, 0), (1, 1), (2, 2), (4, 0)]), synapse=None
        )
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)
    assert [step.operation for step in find(probe.trace, "one -> t", "folded").steps] == [
        Elementwise(function="bias", elements=4)
    ]
    assert find(probe.trace, "a -> t", "folded").steps[0].operation == Sparse(inputs=3, units=6, entries=4)
    connections = [
        call for call in probe.trace.calls if call.type == "Connection" and call.reading == "folded"
    ]
    assert len(connections) == 2


@pytest.mark.parametrize("seed", range(4))
def test_decoded_values_stay_decoded_whatever_is_composed(seed, simulator) -> None:
    """Over relays with slices and random sparse transforms: all neurons feed each dimension reached."""
    random = np.random.RandomState(seed)

    def some(rows, columns):
        places = random.permutation(rows * columns)[:3]
        return nengo.Sparse((rows, columns), indices=np.stack(np.divmod(places, columns), 1), init=np.ones(3))

    first, second = some(4, 3), some(2, 5)
    with nengo.Network(seed=seed) as net:
        pre, post = nengo.Ensemble(7, 3, label="pre"), nengo.Ensemble(9, 2, label="post")
        relay, other = nengo.Node(size_in=4, label="relay"), nengo.Node(size_in=5, label="other")
        into = nengo.Node(size_in=3, label="into")
        join(pre, into)
        join(into, relay, first)
        join(relay[1:], other[[4, 0, 2]])
        join(pre[0], other[3], [[2.0]])
        join(other, post, second)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(STEPS)

    # Which dimensions of the one reach which of the other, as products of matrices.
    picked = np.zeros((5, 4))
    picked[[4, 0, 2], [1, 2, 3]] = 1
    reached = second.init.toarray() @ (picked @ first.init.toarray() + np.eye(5, 3, -3))
    rows = [each for each in count(probe.trace, "folded").rows if each.call.path == "pre -> post"]
    dimensions = np.count_nonzero(reached.any(axis=1))
    assert [each.call.steps[0].operation for each in rows] == (
        [Decode(neurons=7, dimensions=dimensions)] if dimensions else []
    )
    assert [each.counts.connections for each in rows] == ([7 * dimensions] if dimensions else [])
