"""The demonstration: a conventional and a spiking network of like accuracy on handwritten digits.

Trains a small CNN and a KerasSpiking network on scikit-learn's digits (real scans of 8x8 pixels, bundled with
the package), records both while they predict the test set, and compares them.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from energyprobe.cli.output import waiting
from energyprobe.cli.quiet import quiet
from energyprobe.errors import MissingDependencyError

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison
    from energyprobe.trace.records import Trace

DEVICES = ("loihi", "a100", "raspberry-pi-4", "45nm-int8")
NEEDS = {"tensorflow": "tensorflow", "keras_spiking": "keras-spiking", "sklearn": "scikit-learn"}
"""Packages by the names that they are imported and installed by."""

TIMESTEPS = 16
DT = 0.1
SEED = 0
EPOCHS = (20, 30)
"""Of the conventional and of the spiking network."""


class Data(NamedTuple):
    """Images ``(samples, 8, 8, 1)`` and their digits, to train on and to test with."""

    x_train: np.ndarray
    x_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray

    @property
    def over_time(self) -> Data:
        """The same with every image shown in each timestep: ``(samples, timesteps, 8, 8, 1)``."""
        train, test = (np.repeat(x[:, np.newaxis], TIMESTEPS, axis=1) for x in (self.x_train, self.x_test))
        return self._replace(x_train=train, x_test=test)


def load() -> Data:
    """Give the digits, a quarter of them to test with."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    parts = train_test_split(images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
    return Data(*parts)


def conventional(keras: Any) -> Any:
    """Build a CNN with ReLU."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu", name="conv1"),
            layers.Conv2D(16, 3, strides=2, activation="relu", name="conv2"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="classes"),
        ],
        name="cnn",
    )


def spiking(keras: Any) -> Any:
    """Build the same layers with spiking neurons, which see the image in every timestep."""
    from keras_spiking import SpikingActivation

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((TIMESTEPS, 8, 8, 1)),
            layers.TimeDistributed(layers.Conv2D(8, 3), name="conv1"),
            SpikingActivation("relu", dt=DT, seed=1, name="spikes1"),
            layers.TimeDistributed(layers.Conv2D(16, 3, strides=2), name="conv2"),
            SpikingActivation("relu", dt=DT, seed=2, name="spikes2"),
            layers.TimeDistributed(layers.Flatten(), name="flatten"),
            layers.TimeDistributed(layers.Dense(10), name="classes"),
            layers.GlobalAveragePooling1D(name="mean"),
        ],
        name="snn",
    )


def train_and_record(keras: Any, model: Any, data: Data, epochs: int) -> tuple[Trace, float]:
    """Train a model; give the trace and the accuracy of its predictions on the test set."""
    import energyprobe as ep

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(data.x_train, data.y_train, epochs=epochs, batch_size=64, verbose=0)
    probe = ep.KerasProbe()
    scores = model.predict(data.x_test, batch_size=64, verbose=0, callbacks=[probe])
    return probe.trace, float(np.mean(scores.argmax(-1) == data.y_test))


def main(epochs: tuple[int, int] = EPOCHS) -> Comparison:
    """Run the demonstration, and print what it finds.

    Parameters
    ----------
    epochs : tuple of int
        For how long to train the conventional and the spiking network.

    Returns
    -------
    Comparison
        What was printed last.

    Raises
    ------
    MissingDependencyError
        If a package that it needs is not installed.
    """
    import energyprobe as ep

    with waiting("Loading TensorFlow"):
        keras = _keras_2()
    keras.utils.set_random_seed(SEED)
    data = load()
    traces, accuracy = {}, {}
    with waiting("Training a conventional network"):
        traces["cnn"], accuracy["cnn"] = train_and_record(keras, conventional(keras), data, epochs[0])
    with waiting("Training a spiking network"):
        traces["snn"], accuracy["snn"] = train_and_record(keras, spiking(keras), data.over_time, epochs[1])
    for name, trace in traces.items():
        print(f"{name}: {100 * accuracy[name]:.1f} % of {len(data.y_test)} test digits right\n")
        print(ep.report(trace, DEVICES).overview, end="\n\n")
    comparison = ep.compare(traces, DEVICES, accuracy=accuracy)
    print(comparison)
    return comparison


def _keras_2() -> Any:
    """The Keras that KerasSpiking runs on."""
    missing = [package for name, package in NEEDS.items() if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"the demonstration needs {', '.join(missing)}, not installed here: "
            "pip install 'energyprobe[nengo]' scikit-learn"
        )
    # It must be set before TensorFlow's Keras is first looked at.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    with quiet():
        importlib.import_module("energyprobe.frontends.nengo")
        importlib.import_module("keras_spiking")
        return importlib.import_module("tensorflow").keras
