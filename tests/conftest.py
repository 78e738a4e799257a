"""Settings that every test needs before a framework is imported."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# tf.keras is tf_keras beside `import keras`, which is Keras 3; it counts until tf.keras is first read.
if importlib.util.find_spec("tf_keras"):
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

# What a shell starts in the background ignores Ctrl-C, and some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples are the same in every run, and slow machines fail no test.
settings.register_profile("energyprobe", deadline=None, derandomize=True)
settings.load_profile("energyprobe")


@pytest.fixture(autouse=True, scope="module")
def layers_numbered_from_one() -> Iterator[None]:
    """Keras numbers unnamed layers per process: what other files built must not name this file's layers."""
    yield
    for package in ("keras", "tf_keras"):
        if package in sys.modules:
            sys.modules[package].backend.clear_session()
