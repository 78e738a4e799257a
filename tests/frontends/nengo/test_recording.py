"""What is recorded of neurons: equal to full probes in the same simulator, for every neuron type."""

from __future__ import annotations

import nengo
import nengo_dl
import numpy as np
import pytest
import tensorflow as tf

from energyprobe import NengoProbe, counts
from energyprobe.frontends.nengo.counters import _Group
from energyprobe.trace.histograms import MAGNITUDE_EDGES, RATE_EDGES
from energyprobe.trace.operations import Elementwise, NeuronUpdate

DT = 0.001
MINIBATCH, STEPS, NEURONS = 2, 30, 13

slow_types = pytest.mark.filterwarnings("ignore:.*does not have a native TensorFlow implementation")


class MyLIF(nengo.LIF):
    """A user's type, which NengoDL runs in Python."""


SPIKING = {
    "LIF": (nengo.LIF(), "lif"),
    "LIF amplitude": (nengo.LIF(amplitude=0.3), "lif"),
    "subclass": (MyLIF(amplitude=0.7), "lif"),
    "AdaptiveLIF": (nengo.AdaptiveLIF(), "adaptive-lif"),
    "Izhikevich": (nengo.Izhikevich(), "izhikevich"),
    "SpikingRectifiedLinear": (nengo.SpikingRectifiedLinear(amplitude=0.005), "integrate-and-fire"),
    "SpikingLeakyReLU": (nengo_dl.SpikingLeakyReLU(), "integrate-and-fire"),
    "RegularSpiking": (nengo.RegularSpiking(nengo.Tanh(tau_ref=0.001)), "integrate-and-fire"),
    "StochasticSpiking": (nengo.StochasticSpiking(nengo.LIFRate(), amplitude=2.0), "stochastic-spiking"),
    "PoissonSpiking": (nengo.PoissonSpiking(nengo.RectifiedLinear()), "poisson-spiking"),
}
RATES = {
    "LIFRate": (nengo.LIFRate(), Elementwise(function="lif-rate", elements=NEURONS)),
    "SoftLIFRate": (nengo_dl.SoftLIFRate(), Elementwise(function="lif-rate", elements=NEURONS)),
    "RectifiedLinear": (nengo.RectifiedLinear(), Elementwise(function="relu", elements=NEURONS)),
    "LeakyReLU": (nengo_dl.LeakyReLU(), Elementwise(function="relu", elements=NEURONS)),
    "Sigmoid": (nengo.Sigmoid(), Elementwise(function="sigmoid", elements=NEURONS)),
    "Tanh": (nengo.Tanh(), Elementwise(function="tanh", elements=NEURONS)),
    "AdaptiveLIFRate": (nengo.AdaptiveLIFRate(), NeuronUpdate(neuron="adaptive-lif-rate", neurons=NEURONS)),
}


class Faulty(nengo.SpikingRectifiedLinear):
    """Its first neuron never gives a number."""

    def step(self, dt, J, output, voltage):
        super().step(dt, J, output, voltage)
        output[0] = np.nan


def network(neuron_type, highest=2500.0):
    """One ensemble, its neurons probed in full; the highest gain decides how often neurons spike."""
    with nengo.Network(seed=1) as net:
        net.input = nengo.Node([0.0, 0.0])
        net.ensemble = nengo.Ensemble(
            NEURONS,
            2,
            neuron_type=neuron_type,
            gain=np.linspace(20, highest, NEURONS),
            bias=np.zeros(NEURONS),
        )
        net.ensemble.label = "ens"
        nengo.Connection(net.input, net.ensemble, synapse=None)
        net.spikes = nengo.Probe(net.ensemble.neurons)
        net.value = nengo.Probe(
            net.ensemble, synapse=0.01, solver=nengo.solvers.NoSolver(np.ones((NEURONS, 2)))
        )
    return net


def drive(random):
    """Inputs of 2 minibatches, silent at first: ``(4, STEPS, 2)``."""
    x = random.uniform(-1, 1, (2 * MINIBATCH, STEPS, 2))
    x[:, :4] = 0
    return x


@slow_types
@pytest.mark.parametrize("name", SPIKING)
def test_spikes_equal_full_probes(name, simulator, find, random) -> None:
    neuron_type, kind = SPIKING[name]
    net, x = network(neuron_type), drive(random)
    sim = simulator(net, minibatch_size=MINIBATCH)
    with NengoProbe(sim) as probe:
        output = sim.predict({net.input: x}, verbose=0)

    probed = np.rint(np.abs(output[net.spikes]) * DT / getattr(neuron_type, "amplitude", 1.0)).astype(int)
    fired = output[net.spikes] != 0
    assert fired.any()
    call = find(probe.trace, "ens")
    activity = call.output
    assert activity.spikes == probed.sum()
    assert activity.events == fired.sum()
    assert activity.amplitude == getattr(neuron_type, "amplitude", 1.0) / DT
    assert activity.elements == 4 * STEPS * NEURONS
    assert activity.events_by_step == tuple(fired.sum(axis=(0, 2)))
    assert activity.samples_by_step == (4,) * STEPS
    assert activity.sum_sq_events_per_sample == (fired.sum(axis=(1, 2)) ** 2).sum()
    bits = np.unpackbits(np.frombuffer(activity.fired, np.uint8), bitorder="little")[:NEURONS]
    assert np.array_equal(bits, fired.any(axis=(0, 1)))
    assert activity.nonfinite == 0
    assert call.output_spiking
    assert [step.operation for step in call.steps if isinstance(step.operation, NeuronUpdate)] == [
        NeuronUpdate(neuron=kind, neurons=NEURONS)
    ]
    # Decoded by a probe: each spike of each neuron is read by two weights.
    (decode,) = [each for each in probe.trace.calls if each.type == "Probe" and each.reading == "literal"]
    assert decode.steps[0].use.fanout_spikes == 2 * probed.sum()
    assert decode.steps[0].use.fanout_events == 2 * fired.sum()


def test_several_spikes_in_a_step_and_negative_spikes_occur_in_these_tests(simulator, random) -> None:
    def output_of(name):
        net = network(SPIKING[name][0])
        sim = simulator(net, minibatch_size=MINIBATCH)
        return sim.predict({net.input: drive(random)}, verbose=0)[net.spikes] * DT

    assert output_of("SpikingRectifiedLinear").max() > 0.005
    assert output_of("PoissonSpiking").max() > 1
    assert output_of("RegularSpiking").min() < 0
    assert output_of("SpikingLeakyReLU").min() < 0


@slow_types
@pytest.mark.parametrize("name", RATES)
def test_rates_are_graded_and_not_spikes(name, simulator, find, random) -> None:
    neuron_type, update = RATES[name]
    net, x = network(neuron_type), drive(random)
    sim = simulator(net, minibatch_size=MINIBATCH)
    with NengoProbe(sim) as probe:
        output = sim.predict({net.input: x}, verbose=0)
    call = find(probe.trace, "ens")
    assert call.output.events == np.count_nonzero(output[net.spikes])
    assert call.output.spikes is None
    assert call.output.amplitude is None
    assert not call.output_spiking
    assert update in [step.operation for step in call.steps]
    (decode,) = [each for each in probe.trace.calls if each.type == "Probe" and each.reading == "literal"]
    assert decode.steps[0].use.fanout_events == 2 * call.output.events
    assert decode.steps[0].use.fanout_spikes is None
    assert not decode.steps[0].use.spiking


def test_values_that_are_not_finite_are_counted_and_not_fatal(simulator, find) -> None:
    net = network(nengo.RectifiedLinear())
    sim = simulator(net)
    x = np.ones((1, 5, 2))
    x[0, 2] = np.inf
    with NengoProbe(sim) as probe:
        output = sim.predict({net.input: x}, verbose=0)[net.spikes]
    bad = np.count_nonzero(~np.isfinite(output))
    assert bad > 0
    assert find(probe.trace, "ens").output.nonfinite == bad
    assert find(probe.trace, "ens").output.events == np.count_nonzero(output != 0)


@slow_types
def test_spikes_after_values_that_are_not_finite_are_counted_still(simulator, find) -> None:
    net = network(Faulty())
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        output = sim.predict({net.input: np.ones((1, 6, 2))}, verbose=0)[net.spikes]
    activity = find(probe.trace, "ens").output
    assert activity.nonfinite == 6
    assert activity.spikes == np.rint(np.nansum(np.abs(output)) * DT)


@slow_types
def test_a_slice_has_the_values_that_are_not_finite_in_it(simulator, find) -> None:
    net = network(Faulty())
    with net:
        reader = nengo.Ensemble(3, 1, label="reader")
        nengo.Connection(net.ensemble.neurons[:3], reader.neurons, transform=np.ones((3, 3)), label="bad")
        nengo.Connection(net.ensemble.neurons[1:4], reader.neurons, transform=np.ones((3, 3)), label="good")
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.predict({net.input: np.ones((1, 6, 2))}, verbose=0)
    for path, nonfinite in (("bad", 6), ("good", 0)):
        assert find(probe.trace, path).steps[0].use.activity.nonfinite == nonfinite


def test_more_spikes_of_a_neuron_than_single_precision_can_count(simulator, find, random) -> None:
    """Up to 2**21 spikes in a step, so that the sum over 30 of them is beyond 2**24."""
    net, x = network(nengo.SpikingRectifiedLinear(), highest=2.0**21 / DT), drive(random)
    sim = simulator(net, minibatch_size=MINIBATCH)
    with NengoProbe(sim) as probe:
        output = sim.predict({net.input: x}, verbose=0)[net.spikes]
    spikes = np.rint(output.astype(np.float64) * DT).astype(np.int64)
    assert spikes.sum(axis=1).max() > 2**24
    assert find(probe.trace, "ens").output.spikes == spikes.sum()


MOST_STEPS = 2**31 - 1
"""Timesteps that NengoDL can count in a run."""


@pytest.mark.parametrize(
    ("neuron_type", "spikes_before"),
    [(nengo.LIF(), MOST_STEPS - STEPS), (nengo.SpikingRectifiedLinear(), 2**45)],
    ids=["one spike a step", "several"],
)
def test_counters_count_on_after_as_many_timesteps_as_a_run_can_have(
    neuron_type, spikes_before, simulator, find, random, monkeypatch
) -> None:
    """Counters begin where they would be then, in each of two minibatches; of several spikes even further."""
    start, events_before = _Group.start, MOST_STEPS - STEPS

    def start_later(group):
        start(group)
        group.events.assign_add(tf.fill(group.events.shape, events_before))
        if group.spikes is not None:
            group.spikes.assign_add(tf.fill(group.spikes.shape, tf.cast(spikes_before, tf.float64)))

    monkeypatch.setattr(_Group, "start", start_later)
    net, x = network(neuron_type), drive(random)
    sim = simulator(net, minibatch_size=MINIBATCH)
    with NengoProbe(sim) as probe:
        output = sim.predict({net.input: x}, verbose=0)[net.spikes]
    fired = np.count_nonzero(output, axis=(1, 2))
    activity = find(probe.trace, "ens").output
    assert activity.events == 4 * NEURONS * events_before + fired.sum()
    assert activity.spikes == 4 * NEURONS * spikes_before + np.rint(output * DT).astype(np.int64).sum()
    expected = sum((NEURONS * events_before + int(each)) ** 2 for each in fired)
    assert activity.sum_sq_events_per_sample == expected


def test_ensembles_that_share_a_base_array_are_kept_apart(simulator, find, random) -> None:
    sizes = (3, 8, 5)
    with nengo.Network(seed=2) as net:
        source = nengo.Node([0.0])
        spikes = []
        for size in sizes:
            ensemble = nengo.Ensemble(size, 1, max_rates=[400] * size, label=f"e{size}")
            nengo.Connection(source, ensemble, synapse=None)
            spikes.append(nengo.Probe(ensemble.neurons))
    sim = simulator(net, minibatch_size=2)
    signals = [sim.tensor_graph.signals[sim.model.sig[e.neurons]["out"]] for e in net.ensembles]
    assert len({signal.key for signal in signals}) == 1
    with NengoProbe(sim) as probe:
        output = sim.predict({source: random.uniform(-1, 1, (4, 20, 1))}, verbose=0)
    for size, each in zip(sizes, spikes, strict=True):
        fired = output[each] != 0
        activity = find(probe.trace, f"e{size}").output
        assert activity.events == fired.sum() > 0
        assert activity.events_by_step == tuple(fired.sum(axis=(0, 2)))
        assert activity.sum_sq_events_per_sample == (fired.sum(axis=(1, 2)) ** 2).sum()


@pytest.mark.oldest
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts_equal_those_of_the_core_simulator(dtype, find, simulator) -> None:
    """Spike counts of deterministic types in float64 are those of nengo.Simulator."""
    with nengo.Network(seed=5) as net:
        nengo_dl.configure_settings(dtype=dtype)
        stimulus = nengo.Node(lambda t: np.sin(20 * t))
        first = nengo.Ensemble(31, 1, label="first")
        second = nengo.Ensemble(17, 2, neuron_type=nengo.SpikingRectifiedLinear(), label="second")
        third = nengo.Ensemble(11, 1, neuron_type=nengo.LIF(amplitude=0.5), label="third")
        nengo.Connection(stimulus, first)
        nengo.Connection(first, second[1], synapse=0.01, function=np.square)
        nengo.Connection(second, third, transform=[[1, -1]])
        nengo.Connection(third, third, synapse=0.1)
        nengo.Connection(first.neurons[:17], second.neurons, transform=0.001)
        learned = nengo.Connection(first, third, learning_rule_type=nengo.PES(1e-4))
        nengo.Connection(third, learned.learning_rule)
        probes = {each.label: nengo.Probe(each.neurons) for each in net.ensembles}
    steps = 200
    with nengo.Simulator(net, progress_bar=False, seed=3) as core:
        core.run_steps(steps)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(steps)
    for label, full in probes.items():
        amplitude = 0.5 if label == "third" else 1.0
        spikes = np.rint(core.data[full] * DT / amplitude)
        assert spikes.sum() > 0
        assert find(probe.trace, label).output.spikes == spikes.sum()


def test_rates_are_of_seconds_whatever_the_timestep(simulator, find) -> None:
    """In nested networks, with timesteps of 2 ms: a spike has half the height that it has in 1 ms."""
    with nengo.Network(seed=2) as net:
        with nengo.Network(label="outer"), nengo.Network(label="inner"):
            deep = nengo.Ensemble(19, 1, label="deep")
        shallow = nengo.Ensemble(7, 1, label="shallow")
        nengo.Connection(deep, shallow)
        spikes = {"outer/inner/deep": nengo.Probe(deep.neurons), "shallow": nengo.Probe(shallow.neurons)}
    sim = simulator(net, dt=0.002)
    with NengoProbe(sim) as probe:
        sim.run(0.1)
    rates = counts(probe.trace).set_index("path").output_firing_rate_hz
    for path, each in spikes.items():
        fired = np.count_nonzero(sim.data[each])
        call = find(probe.trace, path)
        assert (call.dt, call.timesteps) == (0.002, 50)
        assert call.output.amplitude == 500
        assert call.output.spikes == fired > 0
        assert rates[path] == pytest.approx(fired / each.size_in / 0.1)


def test_sizes_of_values_on_request(simulator, find, random) -> None:
    """The value that an ensemble encodes, of which the neurons that decode it on a chip depend."""
    net, x = network(nengo.LIF()), drive(random)
    x[0, 9, 0] = 2.0**-25
    sim = simulator(net, minibatch_size=MINIBATCH)
    with NengoProbe(sim, detail=("values", "neurons")) as probe:
        output = sim.predict({net.input: x}, verbose=0)
    call = find(probe.trace, "ens")
    use = call.steps[0].use
    assert use.fanout_events == NEURONS * np.count_nonzero(x)
    for magnitudes, part in ((use.activity.positive, x), (use.activity.negative, -x)):
        sizes = np.float32(part[part > 0])
        assert magnitudes.total == pytest.approx(sizes.sum())
        assert magnitudes.fanout_total == pytest.approx(NEURONS * sizes.sum())
        assert magnitudes.maximum == sizes.max()
        clipped = np.clip(sizes, MAGNITUDE_EDGES[0], None)
        assert magnitudes.histogram == tuple(np.histogram(clipped, MAGNITUDE_EDGES)[0])
    assert call.output.positive is None
    rates = np.count_nonzero(output[net.spikes], axis=(0, 1)) / (4 * STEPS)
    assert call.output.rate_histogram == tuple(np.histogram(rates, RATE_EDGES)[0])
    assert probe.trace.options == {"detail": "neurons,values"}
