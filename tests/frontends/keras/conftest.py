"""The Keras generations of this environment, and quiet TensorFlow logging."""

from __future__ import annotations

import importlib
import importlib.util
import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Without tf_keras, tf.keras is the only Keras: that of the oldest stack.
GENERATIONS = ["keras3", "tf_keras"] if importlib.util.find_spec("tf_keras") else ["keras2"]


@pytest.fixture(scope="session", params=GENERATIONS)
def keras(request):
    """One Keras after the other: ``keras3`` and ``tf_keras``, or ``keras2``."""
    import tensorflow as tf

    if request.param == "keras3":
        return importlib.import_module("keras")
    return importlib.import_module("tf_keras") if request.param == "tf_keras" else tf.keras


@pytest.fixture(scope="session")
def generation(keras):
    """2 or 3."""
    return int(keras.__version__.split(".")[0])


@pytest.fixture
def random(keras):
    """Numbers that are the same in every run, for data and for weights."""
    keras.utils.set_random_seed(7)
    return np.random.RandomState(7)
