"""Which Keras a model belongs to, and the facts in which the generations differ."""

from __future__ import annotations

import dataclasses
import platform
import sys
from typing import Any

from energyprobe import __version__
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

    def versions(self, model: Any) -> dict[str, str]:
        """Versions to keep with a trace."""
        return {
            "energyprobe": __version__,
            "framework": self.name,
            self.name: self.version,
            "tensorflow": str(self.tf.__version__),
            "backend": "tensorflow",
            "precision": str(model.dtype_policy.name),
            "python": platform.python_version(),
        }

    def type_name(self, layer: Any) -> str:
        """Name of a layer's type, of a wrapper with what is wrapped: ``TimeDistributed(Dense)``."""
        name = type(layer).__name__
        layers = self.keras.layers
        if not isinstance(layer, (layers.Wrapper, layers.Bidirectional)):
            return name
        inner = getattr(layer, "layer", None) or layer.forward_layer
        return f"{name}({self.type_name(inner)})"

    def settings(self, model: Any) -> tuple[Any, ...]:
        """What Keras looks at when it makes a model's predict or test function."""
        loops = getattr(model, "autotune_steps_per_execution", False) or self.steps_per_execution(model) > 1
        return bool(model.run_eagerly), str(model.jit_compile), bool(loops)

    def steps_per_execution(self, model: Any) -> int:
        """Steps that Keras runs at once, as it is now: Keras 2 lowers it for the end of the data."""
        if self.generation >= 3:
            return int(model.steps_per_execution)
        # A variable, but for a model that was never compiled.
        steps = model._steps_per_execution
        return 1 if steps is None else int(steps.numpy())

    def ends_the_data(self, error: BaseException) -> bool:
        """Whether an error is how an iterator says that it has no more batches."""
        return isinstance(error, (StopIteration, self.tf.errors.OutOfRangeError))


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


def current_graph(tf: Any) -> Any:
    """The graph that operations are added to now; None when they run eagerly."""
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
