"""The literal reading: what the simulator computes, by connection and by ensemble."""

from __future__ import annotations

import nengo
import nengo_dl
import numpy as np
import pytest

from energyprobe import NengoProbe
from energyprobe.counting.table import count
from energyprobe.trace.operations import (
    Decode,
    Dense,
    Elementwise,
    Encode,
    Filter,
    Free,
    Learning,
    NeuronUpdate,
    Sparse,
    Uncounted,
)

STEPS = 25


@pytest.fixture
def record(simulator):
    """Run a network for some steps; give the trace and what the probes saw, ``(timesteps, size)``."""

    def run(network, steps=STEPS):
        sim = simulator(network)
        with NengoProbe(sim) as probe:
            sim.run_steps(steps)
        return probe.trace, {each: np.array(sim.data[each]) for each in network.all_probes}

    return run


def operations(call):
    return [step.operation for step in call.steps]


def row(trace, path, reading="literal"):
    """Counts of one call."""
    table = count(trace, reading)
    (found,) = [each.counts for each in table.rows if each.call.path == path]
    return found


@pytest.mark.oldest
def test_decoders_and_encoders(record, find) -> None:
    with nengo.Network(seed=0) as net:
        first = nengo.Ensemble(23, 3, label="first")
        second = nengo.Ensemble(13, 2, label="second")
        nengo.Connection(first, second, transform=np.ones((2, 3)))
        nengo.Connection(first[1], second[0], function=np.square, synapse=None)
        spikes, value = nengo.Probe(first.neurons), nengo.Probe(second, "input")
    trace, seen = record(net)
    fired = np.count_nonzero(seen[spikes])
    assert operations(find(trace, "first -> second")) == [
        Decode(neurons=23, dimensions=2),
        Filter(function="lowpass", elements=2, order=1),
    ]
    assert operations(find(trace, "first -> second (2)")) == [Decode(neurons=23, dimensions=1)]
    # Nothing feeds the first: it encodes nothing. The second encodes once, with two connections.
    assert operations(find(trace, "first")) == [
        NeuronUpdate(neuron="lif", neurons=23),
        Elementwise(function="bias", elements=23),
    ]
    assert operations(find(trace, "second")) == [
        Encode(dimensions=2, neurons=13),
        NeuronUpdate(neuron="lif", neurons=13),
        Elementwise(function="bias", elements=13),
    ]
    decode = row(trace, "first -> second")
    assert (decode.dense_synops, decode.dense_macs) == (STEPS * 23 * 2, 0)
    assert decode.event_synops == decode.event_acs == decode.spike_synops == 2 * fired
    assert row(trace, "first -> second (2)").event_synops == fired
    encode = row(trace, "second")
    assert (encode.dense_macs, encode.dense_acs) == (STEPS * 13 * 2, 0)
    assert encode.event_macs == 13 * np.count_nonzero(seen[value])
    assert encode.neuron_updates == STEPS * 13
    assert find(trace, "second").steps[1].state_bytes == 13 * 2 * 4  # voltage and refractory time, float32
    assert find(trace, "first -> second").inputs == ("first",)
    assert find(trace, "second").inputs == ("first -> second", "first -> second (2)")


def test_recurrent_connections(record, find) -> None:
    """Decoded, and from neuron to neuron; each spike is read once, in the timestep in which it occurs."""
    weights = np.array([[0.0, 1e-4, 0.0], [1e-4, 0.0, 1e-4]])
    with nengo.Network(seed=0) as net:
        memory = nengo.Ensemble(11, 2, label="memory")
        nengo.Connection(memory, memory, synapse=0.1, label="decoded")
        nengo.Connection(memory.neurons[4:7], memory.neurons[:2], transform=weights, label="full")
        spikes = nengo.Probe(memory.neurons)
    trace, seen = record(net)
    fired = np.count_nonzero(seen[spikes], axis=0)
    for reading in ("literal", "folded"):
        assert row(trace, "decoded", reading).event_acs == 2 * fired.sum() > 0
        assert row(trace, "full", reading).event_acs == 2 * fired[4:7].sum() > 0
        assert row(trace, "full", reading).effective_acs == fired[4:7] @ [1, 1, 1]
        assert find(trace, "memory", reading).inputs == ("decoded", "full")
        assert operations(find(trace, "memory", reading))[0] == Encode(dimensions=2, neurons=11)


def test_a_solver_for_weights_makes_them_full_and_needs_no_encoders(record, find) -> None:
    with nengo.Network(seed=0) as net:
        first, second = nengo.Ensemble(7, 2, label="first"), nengo.Ensemble(5, 2, label="second")
        nengo.Connection(first, second, solver=nengo.solvers.LstsqL2(weights=True))
        spikes = nengo.Probe(first.neurons)
    trace, seen = record(net)
    assert operations(find(trace, "first -> second")) == [
        Dense(inputs=7, units=5),
        Filter(function="lowpass", elements=5, order=1),
    ]
    assert row(trace, "first -> second").event_acs == 5 * np.count_nonzero(seen[spikes])
    assert not any(isinstance(each, Encode) for each in operations(find(trace, "second")))


def test_slices_of_neurons(record, find) -> None:
    """Spikes of the neurons that are read count, times those of their weights that are not zero."""
    weights = np.array([[0.1, 0.0, 0.2], [0.0, 0.0, 0.3]])
    with nengo.Network(seed=0) as net:
        first = nengo.Ensemble(9, 1, max_rates=[400] * 9, label="first")
        second = nengo.Ensemble(8, 1, label="second")
        nengo.Connection(first.neurons[2:5], second.neurons[6:], transform=weights, synapse=None)
        nengo.Connection(first.neurons[[8, 1, 4]], second.neurons[[0, 5]], transform=weights, synapse=None)
        spikes = nengo.Probe(first.neurons)
    trace, seen = record(net)
    fired = np.count_nonzero(seen[spikes], axis=0)
    for path, read in (("first -> second", [2, 3, 4]), ("first -> second (2)", [8, 1, 4])):
        counts = row(trace, path)
        assert operations(find(trace, path)) == [
            Dense(inputs=3, units=2),
            Elementwise(function="gain", elements=2),
        ]
        assert counts.dense_synops == STEPS * 6
        assert counts.event_synops == 2 * fired[read].sum() > 0
        assert counts.effective_synops == fired[read] @ [1, 0, 2]
        use = find(trace, path).steps[0].use
        assert use.activity.events == fired[read].sum()
        assert use.activity.elements == 3 * STEPS
        assert use.activity.sum_sq_events_per_sample is None


def test_vectors_scalars_sparse_and_copies_between_neurons(record, find) -> None:
    with nengo.Network(seed=0) as net:
        a, b = nengo.Ensemble(6, 1, label="a"), nengo.Ensemble(6, 1, label="b")
        sparse = nengo.Sparse((6, 6), indices=[(0, 1), (3, 1), (5, 4)], init=[1.0, 0.0, 2.0])
        for transform in (np.arange(6), 0.5, sparse, None):
            nengo.Connection(a.neurons, b.neurons, transform=transform, synapse=None)
        spikes = nengo.Probe(a.neurons)
    trace, seen = record(net)
    fired = np.count_nonzero(seen[spikes], axis=0)
    gain = Elementwise(function="gain", elements=6)
    diagonal = Sparse(inputs=6, units=6, entries=6)
    assert operations(find(trace, "a -> b")) == [diagonal, gain]
    assert row(trace, "a -> b").effective_synops == fired[1:].sum()
    assert operations(find(trace, "a -> b (2)")) == [diagonal, gain]
    assert operations(find(trace, "a -> b (3)")) == [Sparse(inputs=6, units=6, entries=3), gain]
    assert row(trace, "a -> b (3)").event_synops == 2 * fired[1] + fired[4]
    assert row(trace, "a -> b (3)").effective_synops == fired[1] + fired[4]
    # The simulator multiplies nothing here but the gains; hardware has six synapses.
    assert operations(find(trace, "a -> b (4)")) == [gain]
    assert operations(find(trace, "a -> b (4)", "folded")) == [diagonal]
    assert row(trace, "a -> b (4)", "folded").event_acs == fired.sum()


def test_inputs_are_graded_and_observed(simulator, find, random) -> None:
    with nengo.Network(seed=0) as net:
        pixels = nengo.Node(np.zeros(4), label="pixels")
        layer = nengo.Ensemble(5, 1, label="layer")
        nengo.Connection(pixels, layer.neurons, transform=np.ones((5, 4)), synapse=None)
        nengo.Probe(layer.neurons)
    x = random.uniform(0, 1, (2, 6, 4)) * random.randint(0, 2, (2, 6, 4))
    sim = simulator(net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        sim.predict({pixels: x}, verbose=0)
    counts = row(probe.trace, "pixels -> layer")
    assert (counts.dense_macs, counts.event_macs, counts.event_acs) == (
        2 * 6 * 20,
        5 * np.count_nonzero(x),
        0,
    )
    call = find(probe.trace, "pixels -> layer")
    assert call.inputs == ("input:pixels",)
    assert not call.steps[0].use.spiking
    assert probe.trace.outputs == ("layer",)


def test_a_constant_node_is_a_bias_unless_it_was_given_data(simulator, find) -> None:
    with nengo.Network(seed=0) as net:
        constant = nengo.Node([1.0], label="constant")
        relay = nengo.Node(size_in=2, label="relay")
        ensemble = nengo.Ensemble(3, 1, label="ens")
        nengo.Connection(constant, relay, transform=[[1], [2]], synapse=None)
        nengo.Connection(relay, ensemble.neurons, transform=np.ones((3, 2)), synapse=None)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(4)
    assert operations(find(probe.trace, "constant -> relay")) == [Free(reason="constant: a part of a bias")]
    assert operations(find(probe.trace, "relay -> ens")) == [Elementwise(function="bias", elements=3)]
    assert operations(find(probe.trace, "constant -> ens", "folded")) == [
        Elementwise(function="bias", elements=3)
    ]
    for data in ({constant: np.ones((1, 4, 1))}, {"constant": np.ones((1, 4, 1))}, [np.ones((1, 4, 1))]):
        with NengoProbe(sim) as probe:
            sim.predict(data, verbose=0)
        assert operations(find(probe.trace, "constant -> relay")) == [Dense(inputs=1, units=2)]


SYNAPSES = {
    "Lowpass": (nengo.Lowpass(0.01), Filter(function="lowpass", elements=2, order=1)),
    "Alpha": (nengo.Alpha(0.01), Filter(function="alpha", elements=2, order=2)),
    "LinearFilter": (
        nengo.LinearFilter([1], [2e-6, 3e-4, 0.02, 1]),
        Filter(function="linear-filter", elements=2, order=3),
    ),
    # A window of 4 / 1 + 1 values, and the filtered one.
    "Triangle": (nengo.synapses.Triangle(0.004), Filter(function="triangle", elements=2, order=6)),
}


@pytest.mark.filterwarnings("ignore:.*will be implemented in Python")
@pytest.mark.parametrize("name", SYNAPSES)
def test_synapses_are_filters(name, record, find) -> None:
    synapse, expected = SYNAPSES[name]
    with nengo.Network(seed=0) as net:
        a, b = nengo.Ensemble(5, 2, label="a"), nengo.Ensemble(5, 2, label="b")
        nengo.Connection(a, b, synapse=synapse)
    trace, _ = record(net, 4)
    (decode, filtered) = find(trace, "a -> b").steps
    assert filtered.operation == expected
    assert filtered.state_bytes == 2 * expected.order * 4
    assert row(trace, "a -> b").elementwise_ops == 4 * 2 * expected.order


def rules():
    """Rule, kind of connection, expected multiply-accumulates of a step, and filtered elements.

    The ensembles have 7 and 5 neurons and 3 and 3 dimensions.
    """
    weights = nengo.solvers.LstsqL2(weights=True)
    return {
        "PES": (nengo.PES(), {}, 7 * 3, [7]),
        "PES on weights": (nengo.PES(), {"solver": weights}, 7 * 5 + 5 * 3, [7]),
        "Voja": (nengo.Voja(post_synapse=0.005), {}, 2 * 5 * 3, [5]),
        "BCM": (nengo.BCM(), {"solver": weights}, 7 * 5, [7, 5, 5]),
        "Oja": (nengo.Oja(), {"solver": weights}, 2 * 7 * 5, [7, 5]),
    }


@pytest.mark.filterwarnings("ignore:.*has a learning rule and is also set to be trainable")
@pytest.mark.parametrize("name", rules())
def test_learning_rules(name, record, find) -> None:
    rule, settings, macs, filtered = rules()[name]
    with nengo.Network(seed=0) as net:
        a, b = nengo.Ensemble(7, 3, label="a"), nengo.Ensemble(5, 3, label="b")
        nengo.Connection(nengo.Node([0.5] * 3), a)
        nengo.Connection(a, b, learning_rule_type=rule, synapse=None, **settings)
        spikes = nengo.Probe(a.neurons)
    trace, seen = record(net)
    made = operations(find(trace, "a -> b"))
    assert made[1] == Learning(rule=type(rule).__name__, macs=macs)
    assert [each.elements for each in made[2:]] == filtered
    # Each filter is a Lowpass: one state variable of 4 bytes for each element.
    states = [step.state_bytes for step in find(trace, "a -> b").steps[2:]]
    assert states == [4 * elements for elements in filtered]
    # Weights that learn count as not zero; so do encoders.
    counts = row(trace, "a -> b")
    assert counts.effective_synops == counts.event_synops
    assert counts.event_synops == np.count_nonzero(seen[spikes]) * (5 if settings else 3)


def test_what_cannot_be_counted_says_so_and_warns(simulator, find) -> None:
    def double(x):
        return 2 * x

    with nengo.Network(seed=0) as net:
        source = nengo.Node(lambda t: t, label="source")
        ensemble = nengo.Ensemble(5, 1, label="ens")
        nengo.Connection(source, ensemble, function=double)
        node = nengo.Node(lambda t, x: x + 1, size_in=1, label="python")
        nengo.Connection(ensemble, node)
        tensor = nengo_dl.TensorNode(lambda t, x: x, shape_in=(1,), label="tensor")
        nengo.Connection(node, tensor)
        direct = nengo.Ensemble(1, 1, neuron_type=nengo.Direct(), label="direct")
        nengo.Connection(tensor, direct)
        nengo.Connection(direct, ensemble, function=np.square, transform=0.5)
    sim = simulator(net)
    with pytest.warns(UserWarning, match="is not counted") as caught, NengoProbe(sim) as probe:
        sim.run_steps(3)
    trace = probe.trace
    expected = {
        "source -> ens/function": "the Python function double",
        "python": "a node that runs <lambda>, outside of the network",
        "tensor": "a TensorNode of <lambda>",
        "direct -> ens/function": "the Python function square",
    }
    uncounted = {
        call.path: operations(call)
        for call in trace.calls
        if call.fate == "uncounted" and call.reading == "literal"
    }
    assert uncounted == {path: [Uncounted(reason=reason)] for path, reason in expected.items()}
    # Collected garbage of other tests may warn, too.
    said = [str(each.message) for each in caught if "is not counted" in str(each.message)]
    assert sorted(said) == sorted(f"{path} is not counted: {reason}" for path, reason in expected.items())
    # The weights after a function are counted, and read the function's value.
    step = find(trace, "direct -> ens").steps[0]
    assert step.operation == Sparse(inputs=1, units=1, entries=1)
    assert find(trace, "direct -> ens").inputs == ("direct -> ens/function",)
    assert find(trace, "direct").fate == "free"
    assert find(trace, "source -> ens").inputs == ("source -> ens/function",)


def test_nested_networks_and_labels_give_paths(record, find) -> None:
    with nengo.Network(label="top", seed=0) as net:
        with nengo.Network(label="inner"), nengo.Network():
            deep = nengo.Ensemble(3, 1)
        named = nengo.Ensemble(3, 1, label="named")
        twin = nengo.Ensemble(3, 1, label="named")
        nengo.Connection(deep, named, label="my link")
        nengo.Connection(named, twin)
    trace, _ = record(net, 2)
    assert trace.model == "top"
    for path in ("inner/network[0]/ensemble[0]", "named", "named (2)", "my link", "named -> named (2)"):
        assert find(trace, path)
    assert find(trace, "inner/network[0]/ensemble[0]").layer == "ensemble[0]"


def test_probes_that_compute_are_calls_and_others_are_not(record, find) -> None:
    with nengo.Network(seed=0) as net:
        a = nengo.Ensemble(5, 2, label="a")
        b = nengo.Node(size_in=2, label="b")
        nengo.Connection(a, b)
        nengo.Probe(a, label="decoded")
        nengo.Probe(a.neurons, label="spikes")
        nengo.Probe(b, synapse=0.01, label="filtered")
        nengo.Probe(a.neurons, "voltage")
        nengo.Probe(b[0], label="part")
    trace, _ = record(net)
    assert operations(find(trace, "a -> decoded")) == [Decode(neurons=5, dimensions=2)]
    assert operations(find(trace, "b -> filtered")) == [Filter(function="lowpass", elements=2, order=1)]
    probes = {call.path for call in trace.calls if call.type == "Probe" and call.reading == "literal"}
    assert probes == {"a -> decoded", "b -> filtered"}
    assert trace.outputs == ("a -> decoded", "a", "b -> filtered", "b")
