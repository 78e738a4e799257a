"""Models from files: the Keras that wrote them, and in safe mode unless they are trusted."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any, Literal, NamedTuple

from energyprobe.cli.quiet import quiet
from energyprobe.cli.safety import Blueprint, blueprint_of
from energyprobe.errors import MissingDependencyError, ModelError

Keras = Literal["keras", "tf_keras"]
KERAS_SPIKING = ("SpikingActivation", "Lowpass", "Alpha")
"""Layers of KerasSpiking."""

LOADING_ERRORS = (AttributeError, ImportError, KeyError, NotImplementedError, OSError, TypeError, ValueError)
"""What Keras raises where a file does not fit it."""


class Loaded(NamedTuple):
    """A model, not compiled, and the Keras that it belongs to."""

    model: Any
    keras: Any


def load_model(path: Path, *, trust: bool = False, keras: Keras | None = None) -> Loaded:
    """Load a Keras model.

    Parameters
    ----------
    path : Path
        A ``.keras``, ``.h5`` or ``.hdf5`` file.
    trust : bool
        Whether code in the file may run: Lambda layers, and classes of other packages.
    keras : {"keras", "tf_keras"}, optional
        Which Keras loads it; by default the one that wrote the file.

    Returns
    -------
    Loaded

    Raises
    ------
    ModelError
        If the file cannot be read, or holds what only `trust` allows.
    MissingDependencyError
        If TensorFlow, or the Keras that wrote the file, is not installed.
    """
    blueprint = blueprint_of(path)
    if not trust and (objections := blueprint.objections()):
        raise ModelError(
            f"cannot load the model {path} safely: it holds {', '.join(objections)}, which can run any code; "
            "pass --trust if you trust who made the file"
        )
    module = _import_keras(keras or _writer(blueprint), path)
    custom = _custom_objects(blueprint)
    try:
        with quiet():
            model = module.models.load_model(path, custom_objects=custom, compile=False, safe_mode=not trust)
    except LOADING_ERRORS as error:
        own = f", with {', '.join(blueprint.own_classes)}" if blueprint.own_classes else ""
        raise ModelError(
            f"{module.__name__} {module.__version__} cannot load the model {path} (written by Keras "
            f"{blueprint.keras_version or 'of unknown version'}{own}): {_first_sentence(error)}; record "
            "a model with layers of your own from Python, with energyprobe.KerasProbe()"
        ) from error
    return Loaded(model, module)


def _first_sentence(error: BaseException) -> str:
    """The beginning of a long message of Keras."""
    return " ".join(str(error).split()).split(". ")[0].rstrip(".")


def _writer(blueprint: Blueprint) -> Keras:
    """The Keras that wrote a file: tf_keras, which is Keras 2, or Keras 3."""
    older = blueprint.keras_version.startswith("2.") and importlib.util.find_spec("tf_keras") is not None
    return "tf_keras" if older else "keras"


def _import_keras(name: Keras, path: Path) -> Any:
    missing = [each for each in ("tensorflow", name) if importlib.util.find_spec(each) is None]
    if missing:
        raise MissingDependencyError(
            f"loading {path} needs {' and '.join(missing)}, not installed here: "
            f"pip install 'energyprobe[keras]'{' tf_keras' if 'tf_keras' in missing else ''}"
        )
    with quiet():
        importlib.import_module("tensorflow")
        return importlib.import_module(name)


def _custom_objects(blueprint: Blueprint) -> dict[str, type]:
    """The layers of KerasSpiking that a model has."""
    wanted = sorted(blueprint.classes & set(KERAS_SPIKING))
    if not wanted:
        return {}
    # Makes KerasSpiking importable on newer TensorFlows.
    importlib.import_module("energyprobe.frontends.nengo")
    if importlib.util.find_spec("keras_spiking") is None:
        raise MissingDependencyError(
            f"the model has layers of KerasSpiking ({', '.join(wanted)}), not installed here: "
            "pip install 'energyprobe[nengo]'"
        )
    with quiet():
        module = importlib.import_module("keras_spiking")
    return {name: getattr(module, name) for name in wanted}
