"""What TensorBoard is given is what `counts` and `report` say, read back from its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import energyprobe as ep

tf = pytest.importorskip("tensorflow")
pytest.importorskip("keras_spiking")

pytestmark = pytest.mark.oldest

SAMPLES, TIMESTEPS, NEURONS = 5, 7, 11


def events(folder: Path) -> dict[tuple[str, int], tuple[str, np.ndarray]]:
    """Plugin and value of every summary in a folder, by tag and step."""
    found, plugins = {}, {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                # Metadata stand in the first record of a tag of each file only.
                if value.metadata.plugin_data.plugin_name:
                    plugins[value.tag] = value.metadata.plugin_data.plugin_name
                found[value.tag, event.step] = (plugins[value.tag], tf.make_ndarray(value.tensor))
    return found


@pytest.fixture(scope="module")
def model():
    import keras_spiking

    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((TIMESTEPS, 3)),
            layers.Dense(NEURONS, name="in"),
            keras_spiking.SpikingActivation("relu", dt=0.5, seed=0, name="spikes"),
            layers.Dense(2, name="out"),
        ]
    )


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return 4 * np.random.default_rng(seed=3).random((SAMPLES, TIMESTEPS, 3), dtype=np.float32)


def test_each_run_of_a_probe_leaves_a_step(model, x, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "logs"
    probe = ep.KerasProbe(log_dir=folder, devices=["loihi", "45nm-fp32"], detail="neurons")
    for step in range(2):
        model.predict(x, verbose=0, callbacks=[probe])
        found = {tag: value for (tag, at), value in events(folder).items() if at == step}
        counts = ep.counts(probe.trace).set_index("layer")
        report = ep.report(probe.trace, ["loihi", "45nm-fp32"])
        rates = {"spikes": counts.loc["spikes", "output_firing_rate_hz"]}
        for layer, rate in rates.items():
            plugin, value = found[f"output_firing_rate_hz/{layer}"]
            assert plugin == "scalars" and value == np.float32(rate)
        assert found["output_sparsity/spikes"][1] == np.float32(counts.loc["spikes", "output_sparsity"])
        assert found["input_sparsity/out"][1] == np.float32(counts.loc["out", "input_sparsity"])
        for device in ("loihi", "45nm-fp32"):
            total = report.total(device)
            assert found[f"total_energy_j/{device}"][1] == np.float32(total.energy_j)
            assert found[f"total_high_j/{device}"][1] == np.float32(total.high_j)
            layers = [value for tag, (_, value) in found.items() if tag.startswith(f"energy_j/{device}/")]
            np.testing.assert_allclose(sum(layers), total.energy_j, rtol=1e-6)


def test_histograms_hold_what_was_recorded(model, x, tmp_path: Path) -> None:
    probe = ep.KerasProbe(log_dir=tmp_path, devices="loihi", detail="neurons")
    model.predict(x, verbose=0, callbacks=[probe])
    found = events(tmp_path)
    (call,) = (call for call in probe.trace.calls if call.path == "spikes")
    plugin, bins = found["events_by_timestep/spikes", 0]
    assert plugin == "histograms" and bins.shape == (TIMESTEPS, 3)
    np.testing.assert_equal(bins[:, 0], np.arange(TIMESTEPS))
    np.testing.assert_allclose(bins[:, 2].sum() * SAMPLES, call.output.events)
    _, neurons = found["neuron_rates/spikes", 0]
    assert neurons[:, 2].sum() == NEURONS and np.isfinite(neurons).all()
    _, energies = found["energy_j_over_layers/loihi", 0]
    assert energies[:, 2].sum() == sum(tag.startswith("energy_j/loihi/") for tag, _ in found)
    assert found["output_sparsity_over_layers", 0][0] == "histograms"


def test_a_trace_is_written_without_a_probe(model, x, tmp_path: Path) -> None:
    probe = ep.KerasProbe()
    model.predict(x, verbose=0, callbacks=[probe])
    ep.log_to_tensorboard(probe.trace, tmp_path, step=30)
    found = events(tmp_path)
    assert {step for _, step in found} == {30}
    assert not any("energy_j" in tag for tag, _ in found)
    scenario = ep.Scenario(inferences_per_second=1)
    ep.log_to_tensorboard(probe.trace, tmp_path, devices="loihi", scenario=scenario, step=31)
    expected = ep.report(probe.trace, "loihi", scenario=scenario).total("loihi").energy_j
    assert events(tmp_path)["total_energy_j/loihi", 31][1] == np.float32(expected)


def test_impossible_options_are_told_when_the_probe_is_made(tmp_path: Path) -> None:
    with pytest.raises(ep.OptionError, match=r"are for what is written into log_dir=…; without it, price"):
        ep.KerasProbe(devices=["loihi"])
    with pytest.raises(ep.UnknownDeviceError, match="no device 'lohi'"):
        ep.KerasProbe(log_dir=tmp_path, devices=["lohi"])
    (tmp_path / "file").touch()
    with pytest.raises(ep.OptionError, match=r"KerasProbe\(log_dir='.*file'\): File exists; give a folder"):
        ep.KerasProbe(log_dir=tmp_path / "file")


def test_tensorboard_itself_reads_it(model, x, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    probe = ep.KerasProbe(log_dir=tmp_path, devices="loihi")
    model.predict(x, verbose=0, callbacks=[probe])
    read = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert "total_energy_j/loihi" in read.PluginTagToContent("scalars")
    assert "events_by_timestep/spikes" in read.PluginTagToContent("histograms")
