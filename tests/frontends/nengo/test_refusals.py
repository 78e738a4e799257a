"""What cannot be recorded is refused, in words that say what to do."""

from __future__ import annotations

import nengo
import nengo_dl
import numpy as np
import pytest
import tensorflow as tf

from energyprobe import NengoProbe, verify
from energyprobe.errors import ModelError, OptionError, RecordingError

STEPS = 5


def network():
    with nengo.Network(seed=1) as net:
        net.input = nengo.Node([0.0])
        net.ensemble = nengo.Ensemble(9, 1)
        nengo.Connection(net.input, net.ensemble)
        net.value = nengo.Probe(net.ensemble)
    return net


@pytest.fixture
def inputs(random):
    return random.uniform(-1, 1, (4, STEPS, 1))


def test_training_inside_is_refused_and_nothing_is_lost(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    sim.compile(optimizer=tf.optimizers.SGD(0.1), loss={net.value: "mse"})
    targets = {net.value: np.ones((4, STEPS, 1))}
    with pytest.raises(RecordingError) as caught, NengoProbe(sim):
        sim.fit({net.input: inputs}, targets, verbose=0)
    assert str(caught.value) == "a NengoProbe records inference: train before or after its with block"
    sim.fit({net.input: inputs}, targets, verbose=0)


def test_several_batches_in_one_execution_are_refused(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    sim.compile(loss="mse", steps_per_execution=2)
    with pytest.raises(RecordingError) as caught, NengoProbe(sim):
        sim.predict({net.input: inputs}, verbose=0)
    assert str(caught.value) == (
        "steps_per_execution is 2: NengoDL then lets samples run into one another, so that spikes per sample "
        "mean nothing. Compile with steps_per_execution=1 to record"
    )


def test_one_probe_at_a_time(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    with NengoProbe(sim) as outer:
        with pytest.raises(RecordingError) as caught, NengoProbe(sim):
            pass
        sim.predict({net.input: inputs}, verbose=0)
    assert str(caught.value) == "this simulator is being recorded by another NengoProbe: leave that first"
    assert outer.trace.samples == 4


def test_a_trace_before_its_time(simulator) -> None:
    probe = NengoProbe(simulator(network()))
    with probe, pytest.raises(RecordingError) as early:
        _ = probe.trace
    with pytest.raises(RecordingError) as empty:
        _ = probe.trace
    assert str(early.value) == "the probe is still recording: read probe.trace after its with block"
    assert str(empty.value) == (
        "nothing was recorded: run the simulator (predict, evaluate, run_steps, run) inside "
        "`with NengoProbe(sim) as probe:`"
    )


def test_what_is_not_an_open_simulator_with_neurons(simulator) -> None:
    closed = nengo_dl.Simulator(network(), progress_bar=False, device="/cpu:0")
    probe = NengoProbe(closed)
    closed.close()
    with nengo.Network() as empty:
        nengo.Probe(nengo.Node([1.0]))
    core = nengo.Simulator(network(), progress_bar=False)
    core.close()
    texts = {
        "the simulator is closed: use NengoProbe inside its with block": [
            lambda: NengoProbe(closed),
            probe.__enter__,
        ],
        "the network has no ensembles, hence no neurons to record": [lambda: NengoProbe(simulator(empty))],
        "expected a nengo_dl.Simulator, got a nengo.Simulator: build the same network with "
        "nengo_dl.Simulator(network) and record that": [lambda: NengoProbe(core)],
        "expected a nengo_dl.Simulator, got Network": [lambda: NengoProbe(network())],
    }
    for text, attempts in texts.items():
        for attempt in attempts:
            with pytest.raises(ModelError) as caught:
                attempt()
            assert str(caught.value) == text


def test_an_unknown_detail(simulator) -> None:
    with pytest.raises(OptionError) as caught:
        NengoProbe(simulator(network()), detail="neuron")
    assert str(caught.value) == "NengoProbe(detail='neuron'): did you mean 'neurons'?"


def test_verify_says_how_a_simulator_is_checked(simulator) -> None:
    with pytest.raises(ModelError) as caught:
        verify(simulator(network()), None)
    assert str(caught.value) == (
        "verify takes a Keras model, got a Nengo Simulator: record it with NengoProbe, put a nengo.Probe on "
        "the neurons of its ensembles, and compare what it sees in the same run with ep.counts(probe.trace), "
        "as docs/nengo.md shows"
    )
