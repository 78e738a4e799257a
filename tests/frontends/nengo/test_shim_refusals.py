"""What NengoDL cannot be imported with: each case in a process of its own."""

from __future__ import annotations

from importlib.metadata import version

import pytest

TENSORFLOW = tuple(map(int, version("tensorflow").split(".")[:2]))
from_2_16 = pytest.mark.skipif(TENSORFLOW < (2, 16), reason="tf.keras is Keras 2 in any case")


@from_2_16
def test_keras_3_behind_tf_keras_is_refused(fresh) -> None:
    # KerasSpiking by itself would import, and fail when it is used.
    script = """
import importlib
import tensorflow as tf
tf.keras.layers.Dense
for name in ("energyprobe.frontends.nengo", "nengo_dl", "keras_spiking"):
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(type(error).__name__, error)
"""
    lines = fresh(script, TF_USE_LEGACY_KERAS="0").stdout.splitlines()
    refusal = (
        "MissingDependencyError NengoDL runs on Keras 2, and tf.keras is already Keras "
        f"{version('keras')} in this process (TF_USE_LEGACY_KERAS='0'). It cannot be changed any more: start "
        "Python anew, and import energyprobe.frontends.nengo before anything uses tf.keras, or set "
        "TF_USE_LEGACY_KERAS=1"
    )
    assert lines == [refusal] * 3


@from_2_16
def test_tf_keras_of_another_minor_version_is_refused(fresh) -> None:
    script = """
import importlib.metadata
found = importlib.metadata.version
importlib.metadata.version = lambda name: "2.15.0" if name == "tf_keras" else found(name)
import energyprobe.frontends.nengo
import nengo_dl
"""
    tensorflow, minor = version("tensorflow"), "{}.{}.0".format(*TENSORFLOW)
    assert fresh(script).stderr.splitlines()[-1] == (
        f"energyprobe.errors.MissingDependencyError: TensorFlow {tensorflow} needs tf_keras of its own minor "
        f"version, found 2.15.0: pip install 'tf_keras~={minor}'"
    )


@from_2_16
def test_a_missing_tf_keras_is_named(fresh) -> None:
    script = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "tf_keras" else find(name, *rest)
import energyprobe.frontends.nengo
import nengo_dl
"""
    tensorflow, minor = version("tensorflow"), "{}.{}.0".format(*TENSORFLOW)
    assert fresh(script).stderr.splitlines()[-1] == (
        f"energyprobe.errors.MissingDependencyError: NengoDL runs on Keras 2, which TensorFlow {tensorflow} "
        f"takes from tf_keras: pip install 'tf_keras~={minor}'"
    )


def test_a_missing_nengo_dl_is_named(fresh) -> None:
    script = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "nengo_dl" else find(name, *rest)
import energyprobe as ep
ep.NengoProbe(None)
"""
    assert fresh(script).stderr.splitlines()[-1] == (
        "energyprobe.errors.MissingDependencyError: NengoProbe needs nengo_dl, not installed here: "
        "pip install 'energyprobe[nengo]' (on Python 3.12 NengoDL takes two commands, see the README)"
    )
