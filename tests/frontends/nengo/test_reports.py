"""A simulator's recording in a report: every device is priced for the reading that it computes."""

from __future__ import annotations

import nengo
import pytest

from energyprobe import NengoProbe, counts, report
from energyprobe.reporting.uncounted import missed


@pytest.fixture
def trace(simulator):
    """Two ensembles behind the passthrough nodes of an EnsembleArray, which a third one reads."""
    with nengo.Network(label="routed", seed=1) as net:
        stimulus = nengo.Node([0.5, -0.3], label="stimulus")
        array = nengo.networks.EnsembleArray(20, 2, label="array")
        post = nengo.Ensemble(30, 2, label="post")
        nengo.Connection(stimulus, array.input)
        nengo.Connection(array.output, post)
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(20, progress_bar=False)
    return probe.trace


def test_loihi_and_a_processor_are_priced_for_different_readings(trace):
    mixed = report(trace, ["loihi", "cpu"])
    assert {name: table.reading for name, table in mixed.tables.items()} == {
        "loihi": "folded",
        "cpu": "literal",
    }
    frame = mixed.to_dataframe()
    for device, reading in (("loihi", "folded"), ("cpu", "literal")):
        rows = frame[frame.device == device]
        assert set(rows.reading) == {reading}
        layers = rows[rows.kind == "layer"]
        assert layers.path.tolist() == counts(trace, reading=reading).path.tolist()
        assert rows.energy_j.sum() == pytest.approx(mixed.total(device).energy_j)
    paths = {device: set(rows.path) for device, rows in frame.groupby("device")}
    assert "array/output" in paths["cpu"] and "array/output" not in paths["loihi"]


def test_each_reading_has_its_table(trace):
    page = str(report(trace, ["loihi", "cpu"]))
    assert page.count("literal reading (what the simulator multiplies)") >= 1
    assert page.index("folded reading") < page.index("literal reading")


@pytest.mark.filterwarnings("ignore:python is not counted")
def test_the_share_of_what_is_not_counted_is_of_every_timestep(simulator):
    with nengo.Network(seed=1) as net:
        ensemble = nengo.Ensemble(11, 2, label="ens")
        python = nengo.Node(lambda t, x: x[:1], size_in=2, size_out=1, label="python")
        nengo.Connection(ensemble, python, label="decoded")
    sim = simulator(net, minibatch_size=3)
    with NengoProbe(sim) as probe:
        sim.run_steps(7)
    layers = report(probe.trace, "cpu").layers
    assert {layer.path: layer.rows[0].call.out_shape for layer in layers} == {
        "ens": (7, 11),
        "decoded": (7, 2),
        "python": (7, 1),
    }
    (python,) = missed(layers)
    assert python.element_share == pytest.approx(1 / (11 + 2 + 1))


def test_the_output_shape_of_samples_of_different_lengths_is_unknown(simulator):
    with nengo.Network(seed=1) as net:
        nengo.Ensemble(5, 1, label="ens")
    sim = simulator(net)
    with NengoProbe(sim) as probe:
        sim.run_steps(7)
        sim.reset()
        sim.run_steps(9)
    (call,) = {call.path: call for call in probe.trace.calls}.values()
    assert call.out_shape == (None, 5)
    assert (call.samples, call.timesteps) == (2, 8)
