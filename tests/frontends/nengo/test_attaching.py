"""Attaching: every way to run, outputs bit for bit, and a simulator that is as before on leaving."""

from __future__ import annotations

import nengo
import nengo_dl
import numpy as np
import pytest
import tensorflow as tf

from energyprobe import NengoProbe
from energyprobe.errors import RecordingError

STEPS = 20


def network(neuron_type=None):
    with nengo.Network(seed=1) as net:
        net.input = nengo.Node([0.0])
        net.ensemble = nengo.Ensemble(
            9, 1, neuron_type=neuron_type or nengo.LIF(), max_rates=[300] * 9, label="ens"
        )
        nengo.Connection(net.input, net.ensemble)
        net.connection = nengo.Connection(net.ensemble, net.ensemble, synapse=0.1, transform=0.2)
        net.spikes = nengo.Probe(net.ensemble.neurons)
        net.value = nengo.Probe(net.ensemble, synapse=0.01)
    return net


def equal(first, second) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


def state_of(sim):
    """Everything that a probe might leave behind."""
    graph, model = sim.tensor_graph, sim.keras_model
    return {
        "sim": set(vars(sim)),
        "model": set(vars(model)),
        "builder": set(vars(graph.op_builder)),
        "plan": list(graph.plan),
        "probes": list(sim.model.probes),
        "keras_model": model,
        "functions": (model.predict_function, model.test_function, model.train_function),
        "names": list(model.output_names),
        "signals": len(graph.signals),
        "variables": [variable.numpy().tolist() for variable in model.weights],
        "state": [variable.numpy().tolist() for variable in graph.saved_state.values()],
        "steps": sim.n_steps,
    }


@pytest.fixture
def inputs(random):
    return random.uniform(-1, 1, (4, STEPS, 1))


@pytest.mark.oldest
@pytest.mark.parametrize("settings", [{}, {"unroll_simulation": 2}], ids=["loop", "unrolled"])
@pytest.mark.parametrize(
    "neuron_type",
    [nengo.LIF(), nengo.PoissonSpiking(nengo.RectifiedLinear()), nengo.StochasticSpiking(nengo.LIFRate())],
    ids=lambda each: type(each).__name__,
)
def test_outputs_are_bit_identical(neuron_type, settings, simulator, inputs, find) -> None:
    """Random types too: in a fresh simulator each, as a simulator goes on drawing."""
    net = network(neuron_type)
    plain = simulator(net, minibatch_size=2, **settings).predict({net.input: inputs}, verbose=0)
    sim = simulator(net, minibatch_size=2, **settings)
    with NengoProbe(sim) as probe:
        recorded = sim.predict({net.input: inputs}, verbose=0)
    assert equal(plain, recorded)
    assert np.count_nonzero(recorded[net.spikes]) == find(probe.trace, "ens").output.events > 0


def test_the_simulator_is_as_before(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    first = sim.predict({net.input: inputs}, verbose=0)
    traced = sim.keras_model.predict_function.experimental_get_tracing_count()
    before = state_of(sim)
    with NengoProbe(sim):
        recorded = sim.predict({net.input: inputs}, verbose=0)
    assert state_of(sim) == before
    after = sim.predict({net.input: inputs}, verbose=0)
    assert equal(first, recorded) and equal(first, after)
    assert sim.keras_model.predict_function.experimental_get_tracing_count() == traced


def test_a_probe_used_again_starts_anew_and_does_not_trace_again(simulator, inputs, monkeypatch) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    probe = NengoProbe(sim)
    with probe:
        sim.predict({net.input: inputs}, verbose=0)
    once = probe.trace
    monkeypatch.setattr(type(sim.tensor_graph), "call", None)
    with probe:
        sim.predict({net.input: inputs}, verbose=0)
    assert probe.trace == once


def test_several_calls_add_up(simulator, inputs, find) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    sim.compile(loss={net.value: "mse"})
    with NengoProbe(sim) as probe:
        first = sim.predict({net.input: inputs}, verbose=0)[net.spikes]
        sim.evaluate({net.input: inputs}, {net.value: np.zeros((4, STEPS, 1))}, verbose=0)
        second = sim.predict_on_batch({net.input: inputs[:2]})[net.spikes]
    call = find(probe.trace, "ens")
    assert probe.trace.samples == 4 + 4 + 2
    assert call.sample_steps == 10 * STEPS
    of_sample = np.concatenate([first, first, second]).astype(bool).sum(axis=(1, 2))
    assert call.output.events == of_sample.sum()
    assert call.output.sum_sq_events_per_sample == (of_sample**2).sum()
    assert call.output.samples_by_step == (10,) * STEPS


def test_evaluate_gives_what_it_gives_without(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    sim.compile(loss={net.value: "mse"})
    targets = {net.value: np.ones((4, STEPS, 1))}
    plain = sim.evaluate({net.input: inputs}, targets, verbose=0)
    with NengoProbe(sim) as probe:
        recorded = sim.evaluate({net.input: inputs}, targets, verbose=0)
    assert plain == recorded
    assert probe.trace.samples == 4


@pytest.mark.oldest
def test_a_stateful_run_that_goes_on_adds_timesteps_not_samples(simulator, find) -> None:
    net = network()
    sim = simulator(net, minibatch_size=3)
    with NengoProbe(sim) as probe:
        sim.run_steps(10)
        sim.run(0.005)
        sim.step()
    fired = sim.data[net.spikes] != 0
    assert fired.shape[:2] == (3, 16)
    call = find(probe.trace, "ens")
    assert (probe.trace.samples, call.timesteps, call.sample_steps) == (3, 16, 48)
    assert call.output.events_by_step == tuple(fired.sum(axis=(0, 2)))
    assert call.output.sum_sq_events_per_sample == (fired.sum(axis=(1, 2)) ** 2).sum()


def test_what_starts_from_a_kept_state_is_a_new_sample_unless_it_goes_on(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    sim.run_steps(7)
    with NengoProbe(sim) as probe:
        # Goes on from outside of the recording (2 samples), then again (no new ones).
        sim.run_steps(3)
        sim.run_steps(3)
        # Isolated: each minibatch starts from step 13 and is forgotten (4 samples).
        sim.predict({net.input: inputs}, verbose=0)
        # Goes on from step 13, which the last *recorded* run did not leave (2 samples).
        sim.run_steps(2)
        sim.reset()
        sim.run_steps(2)
    assert probe.trace.samples == 2 + 4 + 2 + 2


def test_stateful_predict_and_a_simulator_without_state(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        sim.predict({net.input: inputs}, stateful=True, verbose=0)
    assert (probe.trace.samples, probe.trace.calls[0].timesteps) == (2, 2 * STEPS)
    with net:
        nengo_dl.configure_settings(stateful=False)
    sim = simulator(net, minibatch_size=2)
    with NengoProbe(sim) as probe:
        sim.predict({net.input: inputs}, verbose=0)
        sim.predict({net.input: inputs}, verbose=0)
    assert (probe.trace.samples, probe.trace.calls[0].timesteps) == (8, STEPS)


def test_datasets_and_other_lengths(simulator, inputs, find) -> None:
    net = network()
    net.input.label = "source"
    sim = simulator(net, minibatch_size=2)
    steps = np.full((4, 1), STEPS, np.int32)
    data = tf.data.Dataset.from_tensor_slices({"source": inputs.astype("float32"), "n_steps": steps}).batch(2)
    with NengoProbe(sim) as probe:
        first = sim.predict(data, verbose=0)[net.spikes]
        second = sim.predict(inputs[:2, :5], verbose=0)[net.spikes]
    activity = find(probe.trace, "ens").output
    assert activity.events == np.count_nonzero(first) + np.count_nonzero(second)
    assert activity.samples_by_step == (6,) * 5 + (4,) * (STEPS - 5)
    assert find(probe.trace, "ens").sample_steps == 4 * STEPS + 2 * 5


def test_without_a_loop_and_with_a_progress_bar(simulator, find) -> None:
    net = network()
    with net:
        nengo_dl.configure_settings(use_loop=False)
    sim = simulator(net, unroll_simulation=4)
    with NengoProbe(sim) as probe:
        sim.run_steps(4, progress_bar=True)
    assert find(probe.trace, "ens").output.events == np.count_nonzero(sim.data[net.spikes])
    assert probe.trace.calls[0].timesteps == 4


def test_trained_weights_are_recorded(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    untrained = NengoProbe(sim)
    with untrained:
        sim.predict({net.input: inputs}, verbose=0)
    sim.compile(optimizer=tf.optimizers.SGD(0.1), loss={net.value: "mse"})
    sim.fit({net.input: inputs}, {net.value: np.ones((4, STEPS, 1))}, verbose=0)
    plain = sim.predict({net.input: inputs}, verbose=0)
    with NengoProbe(sim) as probe:
        recorded = sim.predict({net.input: inputs}, verbose=0)
    assert equal(plain, recorded)
    assert probe.trace.fingerprint != untrained.trace.fingerprint


def test_restored_parameters_are_recorded(simulator, inputs, tmp_path) -> None:
    """A simulator that is given the weights of a trained one runs, and is recorded, as that one."""
    net = network()
    trained = simulator(net, minibatch_size=2)
    trained.compile(optimizer=tf.optimizers.SGD(0.1), loss={net.value: "mse"})
    trained.fit({net.input: inputs}, {net.value: np.ones((4, STEPS, 1))}, verbose=0)
    trained.save_params(tmp_path / "params")
    restored, probes = simulator(net, minibatch_size=2), []
    restored.load_params(tmp_path / "params")
    for sim in (trained, restored):
        with NengoProbe(sim) as probe:
            output = sim.predict({net.input: inputs}, verbose=0)
        probes.append((probe.trace, output))
    (first, expected), (second, recorded) = probes
    assert equal(expected, recorded)
    assert first == second


def test_compiling_while_attached(simulator, inputs, find) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    sim.predict({net.input: inputs}, verbose=0)
    with NengoProbe(sim) as probe:
        sim.predict({net.input: inputs}, verbose=0)
        sim.compile(loss="mse")
        output = sim.predict({net.input: inputs}, verbose=0)
    assert find(probe.trace, "ens").output.events == 2 * np.count_nonzero(output[net.spikes])
    assert sim.keras_model.predict_function is None
    assert equal(sim.predict({net.input: inputs}, verbose=0), output)


class Interrupt(BaseException):
    """Stands for Ctrl-C."""


class Breaking(tf.keras.callbacks.Callback):
    """Breaks off after the first batch."""

    def on_predict_batch_end(self, batch, logs=None) -> None:
        raise Interrupt


def test_a_run_that_breaks_off_leaves_the_simulator_and_no_trace(simulator, inputs) -> None:
    net = network()
    sim = simulator(net, minibatch_size=2)
    plain = sim.predict({net.input: inputs}, verbose=0)
    before = state_of(sim)
    probe = NengoProbe(sim)
    with pytest.raises(Interrupt), probe:
        sim.predict({net.input: inputs}, verbose=0, callbacks=[Breaking()])
    with pytest.raises(RecordingError) as caught:
        _ = probe.trace
    assert str(caught.value) == (
        "the run broke off, so there is no trace of it: run again in a new with block"
    )
    # The interrupt kept NengoDL from resetting the state, with or without a probe.
    sim.reset(include_probes=False, include_trainable=False)
    assert state_of(sim) == before
    assert equal(sim.predict({net.input: inputs}, verbose=0), plain)
    with probe:
        assert equal(sim.predict({net.input: inputs}, verbose=0), plain)
    assert probe.trace.samples == 4


def test_an_error_inside_of_a_node(simulator, inputs) -> None:
    def fail(t, x):
        if fail.on:
            raise ValueError("from the node")
        return x

    fail.on = False
    net = network()
    with net:
        nengo.Connection(net.ensemble, nengo.Node(fail, size_in=1))
    sim = simulator(net, minibatch_size=2)
    fail.on = True
    probe = NengoProbe(sim)
    with pytest.raises(tf.errors.OpError), probe:
        sim.predict({net.input: inputs}, verbose=0)
    with pytest.raises(RecordingError, match="broke off"):
        _ = probe.trace
    assert "make_predict_function" not in vars(sim.keras_model)
    fail.on = False
    sim.predict({net.input: inputs}, verbose=0)
