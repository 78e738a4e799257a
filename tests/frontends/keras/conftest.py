"""The Keras generations of this environment, and quiet TensorFlow logging."""

from __future__ import annotations

import importlib
import importlib.util
import os

import numpy as np
import pytest

import energyprobe as ep

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
    return 3 if hasattr(keras, "Operation") else 2


@pytest.fixture
def random(keras):
    """Numbers that are the same in every run, for data and for weights."""
    keras.utils.set_random_seed(7)
    return np.random.RandomState(7)


def predicted(model, x, *callbacks):
    return model.predict(x, batch_size=4, verbose=0, callbacks=list(callbacks))


class Healthy:
    """What a model does and holds when all is well, and whether it does and holds so again."""

    def __init__(self, model, x):
        self.model, self.x = model, x
        self.probe = ep.KerasProbe()
        self.outputs = predicted(model, x)
        predicted(model, x, self.probe)
        self.trace = self.probe.trace
        self.held = self.functions()

    def functions(self):
        held = vars(self.model)
        makers = [name for name in held if name.startswith("make_")]
        return held["predict_function"], held["test_function"], makers

    def assert_again(self, *probes, healed=False):
        """The model predicts as before, and these probes record as if nothing had happened."""
        if healed:
            assert self.functions() == self.held
        assert np.array_equal(predicted(self.model, self.x), self.outputs)
        assert self.functions() == self.held
        for probe in (self.probe, *probes):
            assert np.array_equal(predicted(self.model, self.x, probe), self.outputs)
            assert probe.trace == self.trace
        assert self.functions() == self.held


@pytest.fixture
def predict():
    """``predict(model, x, *callbacks)``, in batches of 4."""
    return predicted


@pytest.fixture
def healthy_of():
    """``healthy_of(model, x)``: see `Healthy`."""
    return Healthy


@pytest.fixture
def assert_aborted():
    """Assert that probes say that their run broke off."""

    def check(*probes):
        for probe in probes:
            with pytest.raises(ep.RecordingError, match="broke off before its end|has not come to its end"):
                _ = probe.trace

    return check


@pytest.fixture
def record():
    """Predict with a probe, and give its trace."""
    import energyprobe as ep

    def record(model, x, batch_size=4, **options):
        probe = ep.KerasProbe(**options)
        model.predict(x, batch_size=batch_size, verbose=0, callbacks=[probe])
        return probe.trace

    return record
