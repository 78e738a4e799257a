"""Which Keras a model belongs to, and the facts in which the generations differ."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from energyprobe.errors import ModelError, RecordingError

MODEL_METHODS = ("predict", "make_predict_function", "make_test_function")


@dataclasses.dataclass(frozen=True)
class Framework:
    """One Keras in this process.

    Attributes
    ----------
    name : str
        Top-level package: ``"keras"`` or ``"tf_keras"``.
    keras, tf : module
        The Keras package and TensorFlow.
    version : str
        Version of Keras.
    generation : int
        2 or 3.
    layer_class : type
        Base class of its layers.
    callable_classes : tuple of type
        The classes whose ``__call__`` runs a layer or an operation, outermost first.
    """

    name: str
    keras: Any
    tf: Any
    version: str
    generation: int
    layer_class: type
    callable_classes: tuple[type, ...]

    def versions(self) -> dict[str, str]:
        """Versions to keep with a trace."""
        return {self.name: self.version, "backend": "tensorflow", "tensorflow": str(self.tf.__version__)}


def framework_of(model: Any) -> Framework:
    """Find the Keras that made a model.

    Parameters
    ----------
    model : object
        What Keras handed to the probe, or what a user did.

    Returns
    -------
    Framework

    Raises
    ------
    ModelError
        If it is not a Keras model.
    RecordingError
        If its Keras runs on a backend that cannot be recorded.
    """
    package = _package_of(model)
    if package is None or not all(hasattr(model, name) for name in MODEL_METHODS):
        raise ModelError(
            f"KerasProbe records a Keras model, but was given {type(model).__module__}."
            f"{type(model).__qualname__}. Pass the probe to the model itself: "
            "model.predict(x, callbacks=[ep.KerasProbe()])."
        )
    keras = sys.modules[package]
    version = str(keras.__version__)
    generation = int(version.split(".")[0])
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RecordingError(
            f"this model runs on Keras' {backend} backend, which KerasProbe cannot record exactly yet; "
            "set KERAS_BACKEND=tensorflow before Keras is imported and predict again."
        )
    tf = sys.modules["tensorflow"]
    layer = keras.layers.Layer
    callables: tuple[type, ...] = (layer,)
    if generation >= 3:
        callables = (layer, keras.Operation)
    return Framework(package, keras, tf, version, generation, layer, callables)


def _package_of(model: Any) -> str | None:
    for cls in type(model).__mro__:
        package = cls.__module__.split(".")[0]
        if package in ("keras", "tf_keras") and package in sys.modules:
            return package
    return None
