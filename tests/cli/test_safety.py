"""Files that could run code of their author are found before Keras opens them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from energyprobe.cli.safety import Blueprint, blueprint_of
from energyprobe.errors import ModelError

pytestmark = pytest.mark.oldest


def dense(**changes) -> dict:
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 3, "activation": "relu"},
    } | changes


def model(*layers: dict, **more) -> dict:
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "m", "layers": list(layers)},
    } | more


@pytest.fixture
def keras_file(tmp_path: Path):
    def write(config: object, version: str = "3.5.0") -> Path:
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
            archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        return path

    return write


def test_what_a_file_says_of_its_model(keras_file) -> None:
    blueprint = blueprint_of(keras_file(model(dense(), dense()), "2.15.0"))
    assert blueprint.keras_version == "2.15.0"
    assert blueprint.classes == {"Sequential", "Dense"}
    assert blueprint.objections() == []


@pytest.mark.parametrize(
    ("layer", "objection"),
    [
        (
            {"class_name": "Lambda", "config": {"name": "twice", "function": ["4wEAAA==", None, None]}},
            "Lambda layer 'twice'",
        ),
        (
            {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"name": "a"}},
            "TFSMLayer layer 'a'",
        ),
        (
            dense(config={"activation": {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}}),
            "a lambda function",
        ),
        (
            dense(config={"activation": {"module": "os", "class_name": "function", "config": "system"}}),
            "function 'system' of os",
        ),
        (
            dense(
                config={
                    "activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"}
                }
            ),
            "function 'get_file' of keras.utils",
        ),
        (
            {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}},
            "Popen of package subprocess",
        ),
        (dense(module="keras_evil.layers"), "Dense of package keras_evil.layers"),
    ],
)
def test_what_could_run_code_is_named_wherever_it_stands(layer: dict, objection: str, keras_file) -> None:
    nested = model(dense(), model(layer))
    assert blueprint_of(keras_file(nested)).objections() == [objection]


@pytest.mark.parametrize(
    "layer",
    [
        dense(),
        dense(module=None),
        dense(module="keras.src.layers.core.dense"),
        dense(module="tf_keras.layers"),
        {"module": "keras_spiking.layers", "class_name": "SpikingActivation", "config": {}},
        {"class_name": "__tuple__", "items": [1, 2]},
    ],
)
def test_layers_of_keras_pass(layer: dict) -> None:
    assert Blueprint(model(layer), "3.5.0").objections() == []


def test_what_is_only_for_training_is_not_loaded(keras_file) -> None:
    loss = {"module": "builtins", "class_name": "function", "config": "my_loss"}
    assert blueprint_of(keras_file(model(dense(), compile_config={"loss": loss}))).objections() == []
    inner = model(dense(), compile_config={"loss": loss})
    assert blueprint_of(keras_file(model(inner))).objections() == ["function 'my_loss' of builtins"]


def error(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        blueprint_of(path)
    return str(caught.value)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    assert error(path) == f"cannot load the model {path}: there is no such file"
    path = tmp_path / "model.pb"
    assert error(path) == (
        f"cannot load the model {path}: its suffix is none of .keras, .h5, .hdf5; save the model with "
        "model.save('model.keras')"
    )


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_cut_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"cut")
    assert error(path).startswith(f"cannot load the model {path}: it is cut, or no ")


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(2))
    assert error(path).startswith(f"cannot load the model {path}: it is cut, or no file of model.save")


def test_weights_without_a_model(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "weights.h5"
    h5py.File(path, "w").close()
    assert error(path) == (
        f"cannot load the model {path}: it holds weights but no model; save it with model.save(...) "
        "instead of save_weights"
    )
