"""What a model's file asks Keras to make, and whether that could run code of the file's author.

Keras' safe mode refuses Lambda layers in ``.keras`` files. It does not look into ``.h5`` files in Keras 2,
and several releases of Keras let a file name any function of an installed package. So a file is looked
through before Keras sees it, and only what is made of layers of Keras and KerasSpiking passes.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from energyprobe.errors import MissingDependencyError, ModelError

TRUSTED_PACKAGES = ("keras", "tf_keras", "keras_spiking", "tensorflow.keras", "tensorflow.python.keras")
RUN_CODE = ("Lambda", "TFSMLayer")
"""Layers of Keras whose purpose is to run what the file brings."""

SUFFIXES = (".keras", ".h5", ".hdf5")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Blueprint:
    """What a model's file says of the model.

    Attributes
    ----------
    config : dict
        Layers and how they are connected, as Keras wrote them.
    keras_version : str
        Version of the Keras that wrote the file; empty where it does not say.
    """

    config: dict[str, Any]
    keras_version: str

    @property
    def classes(self) -> set[str]:
        """Names of the classes that Keras would make."""
        return {str(part["class_name"]) for part in _parts(self.config) if "class_name" in part}

    @property
    def own_classes(self) -> list[str]:
        """Names of classes that Keras does not have, as their makers registered them."""
        registered = (str(part.get("registered_name") or "") for part in _parts(self.config))
        return sorted({name for name in registered if ">" in name})

    def objections(self) -> list[str]:
        """What in it could run code of its author, each in words; empty where nothing could."""
        return list(dict.fromkeys(word for part in _parts(self.config) if (word := _objection(part))))


def blueprint_of(path: Path) -> Blueprint:
    """Read what a model's file says of the model, without Keras.

    Parameters
    ----------
    path : Path
        A ``.keras``, ``.h5`` or ``.hdf5`` file.

    Returns
    -------
    Blueprint

    Raises
    ------
    ModelError
        If there is no such file, the suffix is another one, or it holds no whole model.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ModelError(
            f"cannot load the model {path}: its suffix is none of {', '.join(SUFFIXES)}; save the model with "
            "model.save('model.keras')"
        )
    if not path.is_file():
        raise ModelError(f"cannot load the model {path}: there is no such file")
    # Told by content: Keras 2.12 writes HDF5 into .keras files.
    with path.open("rb") as file:
        return _hdf5(path) if file.read(len(HDF5_MAGIC)) == HDF5_MAGIC else _zipped(path)


def _zipped(path: Path) -> Blueprint:
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            about = json.loads(archive.read("metadata.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ModelError(
            f"cannot load the model {path}: it is cut, or no file of model.save ({error})"
        ) from error
    # Only for training; Keras is told to leave it out.
    config.pop("compile_config", None)
    return Blueprint(config, str(about.get("keras_version", "")))


def _hdf5(path: Path) -> Blueprint:
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            f"reading {path} needs h5py, not installed here: pip install h5py"
        ) from error

    try:
        with h5py.File(path) as file:
            attributes = dict(file.attrs)
    except OSError as error:
        raise ModelError(f"cannot load the model {path}: it is cut, or no HDF5 file ({error})") from error
    if "model_config" not in attributes:
        raise ModelError(
            f"cannot load the model {path}: it holds weights but no model; save it with model.save(...) "
            "instead of save_weights"
        )
    return Blueprint(json.loads(attributes["model_config"]), _text(attributes.get("keras_version", "")))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Every table within a configuration, itself included."""
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def _objection(part: dict[str, Any]) -> str | None:
    """What a part of a configuration could run, in words."""
    kind, module = part.get("class_name"), part.get("module")
    if kind is None:
        return None
    if kind in RUN_CODE:
        config = part.get("config")
        name = config.get("name", "") if isinstance(config, dict) else ""
        return f"{kind} layer {name!r}"
    if kind == "__lambda__":
        return "a lambda function"
    if kind == "function":
        return f"function {part.get('config')!r} of {module}"
    if module is not None and not _trusted(str(module)):
        return f"{kind} of package {module}"
    return None


def _trusted(module: str) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in TRUSTED_PACKAGES)
