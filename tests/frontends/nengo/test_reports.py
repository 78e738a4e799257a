"""A simulator's recording in a report: every device is priced for the reading that it computes."""

from __future__ import annotations

import nengo
import pytest

from energyprobe import NengoProbe, counts, report


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
