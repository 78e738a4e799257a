"""A conventional and a spiking network on handwritten digits: which one costs more, on which device?

Trains a small CNN and a KerasSpiking network of like accuracy on scikit-learn's digits (real scans of
8x8 pixels, bundled with the package), records both while they predict the test set, and prices them.
"""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # KerasSpiking needs Keras 2, as tf_keras
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_spiking
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import energyprobe as ep
from energyprobe.reporting import totals_table

DEVICES = ["loihi", "spinnaker2", "a100", "raspberry-pi-4", "45nm-int8"]
TIMESTEPS = 16
DT = 0.1

layers = tf.keras.layers


def load() -> list[np.ndarray]:
    """Give train images, test images, train labels and test labels."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    return train_test_split(images, digits.target, test_size=0.25, random_state=0, stratify=digits.target)


def conventional() -> tf.keras.Model:
    """Build a CNN with ReLU."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu", name="conv1"),
            layers.Conv2D(16, 3, strides=2, activation="relu", name="conv2"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="classes"),
        ],
        name="cnn",
    )


def spiking() -> tf.keras.Model:
    """Build the same layers with spiking neurons; the image is shown in every timestep."""
    return tf.keras.Sequential(
        [
            tf.keras.Input((TIMESTEPS, 8, 8, 1)),
            layers.TimeDistributed(layers.Conv2D(8, 3), name="conv1"),
            keras_spiking.SpikingActivation("relu", dt=DT, seed=1, name="spikes1"),
            layers.TimeDistributed(layers.Conv2D(16, 3, strides=2), name="conv2"),
            keras_spiking.SpikingActivation("relu", dt=DT, seed=2, name="spikes2"),
            layers.TimeDistributed(layers.Flatten(), name="flatten"),
            layers.TimeDistributed(layers.Dense(10), name="classes"),
            layers.GlobalAveragePooling1D(name="mean"),
        ],
        name="snn",
    )


def train_and_record(model: tf.keras.Model, data: list[np.ndarray], epochs: int) -> tuple[ep.Trace, float]:
    """Train a model; give the trace and the accuracy of its predictions on the test set."""
    x_train, x_test, y_train, y_test = data
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(3e-3), loss=loss)
    model.fit(x_train, y_train, epochs=epochs, batch_size=64, verbose=0)
    probe = ep.KerasProbe()
    scores = model.predict(x_test, batch_size=64, verbose=0, callbacks=[probe])
    return probe.trace, float(np.mean(scores.argmax(-1) == y_test))


def main() -> None:
    """Run the comparison and print it."""
    tf.keras.utils.set_random_seed(0)
    images = load()
    over_time = [np.repeat(each[:, np.newaxis], TIMESTEPS, 1) if each.ndim == 4 else each for each in images]
    traces, accuracy = {}, {}
    traces["cnn"], accuracy["cnn"] = train_and_record(conventional(), images, epochs=20)
    traces["snn"], accuracy["snn"] = train_and_record(spiking(), over_time, epochs=30)
    reports = {name: ep.report(trace, devices=DEVICES) for name, trace in traces.items()}
    for name, report in reports.items():
        print(f"\n{name}: {accuracy[name]:.1%} of the test digits right\n")
        print(report)
    print()
    print(totals_table(reports, accuracy=accuracy))


if __name__ == "__main__":
    main()
