"""``record`` loads a model safely, runs it on data, and keeps what `KerasProbe` records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import energyprobe as ep

pytest.importorskip("tensorflow")

pytestmark = pytest.mark.oldest


@pytest.fixture
def data(images: np.ndarray, tmp_path: Path) -> Path:
    np.savez(tmp_path / "data.npz", images=images, labels=np.zeros(len(images)))
    return tmp_path / "data.npz"


@pytest.mark.parametrize("name", ["dense.keras", "dense.h5"])
def test_the_trace_is_that_of_a_probe(
    name: str, models: Path, data: Path, images, tmp_path: Path, call
) -> None:
    import keras

    output = tmp_path / "run.json"
    ran = call("record", models / name, data, "-o", output, "--batch-size", 4)
    assert ran == (0, "", f"wrote {output}\n'dense': 13 samples, 2 calls, keras {keras.__version__}\n")
    model = keras.models.load_model(models / name, compile=False)
    probe = ep.KerasProbe()
    model.predict(images, batch_size=4, verbose=0, callbacks=[probe])
    assert ep.load_trace(output) == probe.trace
    counts = ep.counts(probe.trace).set_index("layer")
    assert counts["event_synops"].max() == 5 * np.count_nonzero(images)


def test_limit_and_detail(models: Path, data: Path, tmp_path: Path, call) -> None:
    output = tmp_path / "run.json.gz"
    call("record", models / "dense.keras", data, "-o", output, "--limit", 3, "--detail", "neurons")
    trace = ep.load_trace(output)
    assert trace.samples == 3
    assert trace.calls[-1].output.rate_histogram is not None


def test_two_inputs(models: Path, tmp_path: Path, call) -> None:
    rng = np.random.default_rng(seed=2)
    left, right = rng.random((9, 3)) < 0.5, rng.random((9, 4)) < 0.5
    np.savez(tmp_path / "data.npz", right=right.astype("f4"), left=left.astype("f4"))
    output = tmp_path / "run.json"
    assert call("record", models / "pair.keras", tmp_path / "data.npz", "-o", output).code == 0
    counts = ep.counts(ep.load_trace(output))
    assert counts["event_synops"].sum() == 2 * (np.count_nonzero(left) + np.count_nonzero(right))


def test_code_in_a_model_runs_only_if_trusted(models: Path, tmp_path: Path, call) -> None:
    np.save(tmp_path / "data.npy", np.ones((2, 3), "f4"))
    arguments = ("record", models / "lambda.keras", tmp_path / "data.npy", "-o", tmp_path / "run.json")
    ran = call(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(
        f"energyprobe: cannot load the model {models / 'lambda.keras'} safely: it holds "
    )
    assert "Lambda layer 'twice'" in ran.err
    assert ran.err.endswith("which can run any code; pass --trust if you trust who made the file\n")
    assert call(*arguments, "--trust").code == 0


def test_what_cannot_be_counted_is_told(tmp_path: Path, call) -> None:
    import keras

    path, data, output = tmp_path / "model.keras", tmp_path / "data.npy", tmp_path / "run.json"
    # What a lambda of a file needs it has to import itself.
    layer = keras.layers.Lambda(lambda x: abs(__import__("tensorflow").signal.rfft(x)), output_shape=(5,))
    keras.Sequential([keras.Input((8,)), layer], name="waves").save(path)
    np.save(data, np.ones((1, 8), "f4"))
    ran = call("record", path, data, "-o", output, "--trust")
    assert ran.err == (
        f"wrote {output}\n'waves': 1 sample, 1 call, keras {keras.__version__}; 1 cannot be counted\n"
    )


def test_keras_2_does_not_load_lambdas_of_h5_files_either(tmp_path: Path, call) -> None:
    tf_keras = pytest.importorskip("tf_keras")
    layers = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input((3,)), layers.Lambda(lambda x: 2 * x, name="twice")])
    with pytest.warns(UserWarning, match="HDF5"):
        model.save(tmp_path / "model.h5")
    np.save(tmp_path / "data.npy", np.ones((2, 3), "f4"))
    arguments = ("record", tmp_path / "model.h5", tmp_path / "data.npy", "-o", tmp_path / "run.json")
    assert "Lambda layer 'twice'" in call(*arguments).err
    assert call(*arguments, "--trust").code == 0
    assert ep.load_trace(tmp_path / "run.json").versions["framework"] == "tf_keras"


def test_a_network_of_keras_spiking(tmp_path: Path, call) -> None:
    pytest.importorskip("keras_spiking")
    import keras_spiking
    import tensorflow as tf

    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((6, 4)),
            layers.Dense(5),
            keras_spiking.SpikingActivation("relu", dt=0.1),
            layers.Dense(2),
        ],
        name="spiking",
    )
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "data.npy", np.random.default_rng(0).random((3, 6, 4)))
    output = tmp_path / "run.json"
    ran = call("record", tmp_path / "model.keras", tmp_path / "data.npy", "-o", output)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith(f"wrote {output}\n'spiking': 3 samples, 3 calls, ")
    assert ep.counts(ep.load_trace(output))["neuron_updates"].sum() == 3 * 6 * 5


def test_shapes_that_do_not_fit(models: Path, tmp_path: Path, call) -> None:
    data = tmp_path / "data.npy"
    np.save(data, np.ones((2, 7)))
    ran = call("record", models / "dense.keras", data, "-o", tmp_path / "run.json")
    assert ran.code == 1 and ran.err.count("\n") == 1
    assert "has shape (samples, 2, 3, 1), and the data have (2, 7); the first axis is the samples" in ran.err


def test_layers_of_ones_own(models: Path, tmp_path: Path, call) -> None:
    import keras

    @keras.utils.register_keras_serializable(package="own")
    class Mine(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    path, data = tmp_path / "mine.keras", tmp_path / "data.npy"
    keras.Sequential([keras.Input((3,)), Mine()]).save(path)
    keras.utils.get_custom_objects().pop("own>Mine")
    np.save(data, np.ones((2, 3)))
    ran = call("record", path, data, "-o", tmp_path / "run.json", "--trust")
    assert ran.code == 1 and ran.err.count("\n") == 1
    assert "own>Mine" in ran.err
    assert ran.err.endswith(
        "record a model with layers of your own from Python, with energyprobe.KerasProbe()\n"
    )


def test_a_keras_that_there_is_not(models: Path, data: Path, tmp_path: Path, call) -> None:
    ran = call("record", models / "dense.keras", data, "-o", tmp_path / "r.json", "--keras", "theano")
    assert ran == (1, "", "energyprobe: --keras theano: it is keras or tf_keras\n")
