"""The models that the benchmarks of KerasProbe run, and what is said beside every figure."""

from __future__ import annotations

import dataclasses
import importlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SPIKING_STEPS = 32
DT_S = 0.001


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, the batch that it gets, and the most that a probe may cost.

    Attributes
    ----------
    build : callable
        ``build(keras)`` gives the model, with random weights.
    shape : tuple of int
        Shape of one sample.
    batch : int
        Samples in a batch.
    limit : float
        Time with a probe over time without one.
    keras_2_only : bool
        Whether it has layers of KerasSpiking, which Keras 3 does not run.
    """

    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    batch: int
    limit: float
    keras_2_only: bool = False

    def data(self) -> np.ndarray:
        """Random samples, float32 of ``(batch, *shape)``."""
        values = np.random.default_rng(0).normal(size=(self.batch, *self.shape))
        return values.astype(np.float32)


def cnn(keras: Any) -> Any:
    """Two convolutions and two dense layers, as a first network for digits has them."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def lstm(keras: Any, units: int) -> Any:
    """One LSTM and a dense layer, 100 timesteps."""
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((100, 64)), layers.LSTM(units), layers.Dense(10, activation="softmax")]
    )


def spiking_dense(keras: Any) -> Any:
    """Three spiking dense layers and a filter."""
    import keras_spiking

    layers: list[Any] = [keras.Input((SPIKING_STEPS, 28 * 28))]
    for units in (256, 256, 128):
        layers += [keras.layers.Dense(units), keras_spiking.SpikingActivation("relu", dt=DT_S)]
    return keras.Sequential([*layers, keras_spiking.Lowpass(0.1, dt=DT_S), keras.layers.Dense(10)])


def spiking_cnn(keras: Any) -> Any:
    """Two spiking convolutions, a spiking dense layer and a filter."""
    import keras_spiking

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SPIKING_STEPS, 28, 28, 1)),
            layers.TimeDistributed(layers.Conv2D(16, 3, strides=2)),
            keras_spiking.SpikingActivation("relu", dt=DT_S),
            layers.TimeDistributed(layers.Conv2D(32, 3, strides=2)),
            keras_spiking.SpikingActivation("relu", dt=DT_S),
            layers.TimeDistributed(layers.Flatten()),
            layers.Dense(128),
            keras_spiking.SpikingActivation("relu", dt=DT_S),
            keras_spiking.Lowpass(0.1, dt=DT_S),
            layers.Dense(10),
        ]
    )


CASES = {
    "resnet50": Case(lambda keras: keras.applications.ResNet50(weights=None), (224, 224, 3), 32, 1.08),
    "mobilenetv2": Case(lambda keras: keras.applications.MobileNetV2(weights=None), (224, 224, 3), 32, 1.25),
    "cnn": Case(cnn, (28, 28, 1), 256, 1.15),
    "lstm128": Case(lambda keras: lstm(keras, 128), (100, 64), 32, 1.03),
    "lstm512": Case(lambda keras: lstm(keras, 512), (100, 64), 64, 1.03),
    "spiking_dense": Case(spiking_dense, (SPIKING_STEPS, 28 * 28), 16, 1.20, True),
    "spiking_cnn": Case(spiking_cnn, (SPIKING_STEPS, 28, 28, 1), 16, 1.20, True),
}


def load_keras(name: str) -> Any:
    """Import ``"keras"`` (Keras 3), ``"tf_keras"`` or ``"tf.keras"`` of TensorFlow up to 2.15."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    if name == "tf.keras":
        return importlib.import_module("tensorflow").keras
    return importlib.import_module(name)


def machine() -> str:
    """The processor, its cores, the load of the last minute and the versions."""
    import tensorflow as tf

    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    python = platform.python_version()
    return f"{cpu}, {os.cpu_count()} cores, load {load:.1f}; Python {python}, TensorFlow {tf.__version__}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
