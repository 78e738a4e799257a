"""The measured networks, built from their definitions and recorded: nothing about them is typed in.

The names are those that published tables of measurements use, such as ``mobilenet-v1-0.25-128-quantized``
or ``ResNet-8 32x32 int8``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import energyprobe as ep

MOBILENET = re.compile(r"mobilenet-v([12])-(\d\.\d+)-(\d+)-(non-quantized|quantized)")
VGG_FILTERS = {
    "VGG11": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    "VGG13": ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
    "VGG16": ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)),
}


def network_of(model: str) -> tuple[str, str] | None:
    """Name of the network and data type that a measured row means; None for networks not defined here."""
    if match := MOBILENET.fullmatch(model):
        version, alpha, size, quantized = match.groups()
        return f"mobilenet-v{version}-{alpha}-{size}", "int8" if quantized == "quantized" else "float32"
    if model == "resnet50":
        return model, "int8"
    for name, dtype in NAMES.items():
        if model.startswith(name):
            return name, dtype
    return None


def build(network: str) -> Any:
    """Build a network in Keras, with random weights."""
    import keras

    if match := re.fullmatch(r"mobilenet-v([12])-(\d\.\d+)-(\d+)", network):
        version, alpha, size = int(match[1]), float(match[2]), int(match[3])
        make = keras.applications.MobileNet if version == 1 else keras.applications.MobileNetV2
        return make(input_shape=(size, size, 3), alpha=alpha, weights=None)
    return BUILDERS[network](keras)


def record(network: str, folder: Path | None = None) -> ep.Trace:
    """Record one inference of a network on random data; kept in a folder, if one is given.

    The density of its activations is that of random weights: only dense devices may price it.
    """
    file = None if folder is None else folder / f"{network}.json.gz"
    if file is not None and file.exists():
        return ep.load_trace(file)
    model = build(network)
    probe = ep.KerasProbe(notes="random weights and data")
    sample = np.random.default_rng(0).normal(size=(1, *model.input_shape[1:])).astype(np.float32)
    model.predict(sample, verbose=0, callbacks=[probe])
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        probe.trace.save(file)
    return probe.trace


def _resnet8(keras: Any) -> Any:
    """Image classification of MLPerf Tiny: three stacks of 16, 32 and 64 filters on 32x32 pixels."""
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(inputs)))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        if stride != 1:
            x = layers.Conv2D(filters, 1, strides=stride, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def _ds_cnn(keras: Any) -> Any:
    """Keyword spotting of MLPerf Tiny: 49 frames of 10 coefficients, 64 filters, 12 words."""
    layers = keras.layers
    inputs = keras.Input((49, 10, 1))
    x = layers.Conv2D(64, (10, 4), strides=2, padding="same")(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for _ in range(4):
        x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x)))
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(64, 1, padding="same")(x)))
    x = layers.Flatten()(layers.AveragePooling2D((25, 5))(x))
    return keras.Model(inputs, layers.Dense(12, activation="softmax")(x))


def _autoencoder(keras: Any) -> Any:
    """Anomaly detection of MLPerf Tiny: 640-128x4-8-128x4-640."""
    layers = keras.layers
    inputs = x = keras.Input((640,))
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(units)(x)))
    return keras.Model(inputs, layers.Dense(640)(x))


def _keyword_mlp(keras: Any) -> Any:
    """The keyword network of Blouw et al. 2019: 390-256-256-29."""
    layers = keras.layers
    hidden = [layers.Dense(256, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((390,)), *hidden, layers.Dense(29)])


def _alexnet(keras: Any) -> Any:
    """AlexNet as torchvision has it (one tower: 64, 192, 384, 256, 256 filters)."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.ZeroPadding2D(2),
            layers.Conv2D(64, 11, strides=4, activation="relu"),
            layers.MaxPooling2D(3, strides=2),
            layers.Conv2D(192, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(3, strides=2),
            layers.Conv2D(384, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(3, strides=2),
            layers.Flatten(),
            *_classifier(keras),
        ]
    )


def _vgg(name: str) -> Callable[[Any], Any]:
    def make(keras: Any) -> Any:
        layers = keras.layers
        stack = []
        for block in VGG_FILTERS[name]:
            stack += [layers.Conv2D(filters, 3, padding="same", activation="relu") for filters in block]
            stack.append(layers.MaxPooling2D(2))
        return keras.Sequential([keras.Input((224, 224, 3)), *stack, layers.Flatten(), *_classifier(keras)])

    return make


def _classifier(keras: Any) -> list[Any]:
    dense = keras.layers.Dense
    return [dense(4096, activation="relu"), dense(4096, activation="relu"), dense(1000)]


BUILDERS: dict[str, Callable[[Any], Any]] = {
    "ResNet-8": _resnet8,
    "DS-CNN": _ds_cnn,
    "FC autoencoder": _autoencoder,
    "MobileNetV1-0.25": lambda keras: keras.applications.MobileNet(
        (96, 96, 3), 0.25, weights=None, classes=2
    ),
    "KWS MLP 390-256-256-29": _keyword_mlp,
    "AlexNet": _alexnet,
    **{name: _vgg(name) for name in VGG_FILTERS},
    "resnet50": lambda keras: keras.applications.ResNet50(weights=None),
}
"""Name of a network to what builds it."""

NAMES = dict.fromkeys(("ResNet-8", "DS-CNN", "FC autoencoder", "MobileNetV1-0.25"), "int8") | dict.fromkeys(
    ("KWS MLP 390-256-256-29", "AlexNet", *VGG_FILTERS), "float32"
)
"""Beginnings of other rows' names, and the data type in which they were measured."""
