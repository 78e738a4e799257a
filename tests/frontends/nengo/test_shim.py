"""NengoDL becomes importable, and nothing else changes: each case in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

TENSORFLOW = tuple(map(int, version("tensorflow").split(".")[:2]))
from_2_16 = pytest.mark.skipif(TENSORFLOW < (2, 16), reason="tf.keras is Keras 2 in any case")


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter that has not been told which Keras to use."""
    inherited = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        env=inherited | environment,
        check=False,
    )


def last_line(script: str, **environment: str) -> str:
    finished = run(script, **environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()[-1]


def error_of(script: str, **environment: str) -> str:
    finished = run(script, **environment)
    assert finished.returncode != 0
    return finished.stderr.splitlines()[-1]


@pytest.mark.oldest
def test_nengo_dl_imports_and_simulates_and_keras_stays_what_it_is() -> None:
    script = """
import sys, energyprobe
energyprobe.NengoProbe
assert not {"tensorflow", "keras", "nengo", "nengo_dl"} & set(sys.modules)
import nengo, nengo_dl, keras_spiking
nengo.rc.set("decoder_cache", "enabled", "False")
with nengo.Network(seed=0) as net:
    probe = nengo.Probe(nengo.Ensemble(7, 1))
with nengo_dl.Simulator(net, progress_bar=False) as sim:
    sim.run_steps(5)
    shape = sim.data[probe].shape
import keras
print(shape, nengo_dl.compat.Functional.__name__, keras.__version__, keras.layers.Dense.__module__)
"""
    plain = "import keras; print(keras.__version__, keras.layers.Dense.__module__)"
    assert last_line(script) == f"(5, 1) Functional {last_line(plain)}"


@from_2_16
@pytest.mark.parametrize("first", ["keras", "tensorflow"])
def test_what_was_imported_before_does_not_matter(first: str) -> None:
    script = f"""
import {first}
import energyprobe.frontends.nengo, nengo, nengo_dl
nengo.rc.set("decoder_cache", "enabled", "False")
with nengo.Network(seed=0) as net:
    probe = nengo.Probe(nengo.Ensemble(7, 1))
with nengo_dl.Simulator(net, progress_bar=False) as sim:
    sim.run_steps(5)
    print(sim.data[probe].shape)
"""
    assert last_line(script) == "(5, 1)"


@from_2_16
def test_keras_3_behind_tf_keras_is_refused() -> None:
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
    lines = run(script, TF_USE_LEGACY_KERAS="0").stdout.splitlines()
    refusal = (
        "MissingDependencyError NengoDL runs on Keras 2, and tf.keras is already Keras "
        f"{version('keras')} in this process (TF_USE_LEGACY_KERAS='0'). It cannot be changed any more: start "
        "Python anew, and import energyprobe.frontends.nengo before anything uses tf.keras, or set "
        "TF_USE_LEGACY_KERAS=1"
    )
    assert lines == [refusal] * 3


@from_2_16
def test_tf_keras_of_another_minor_version_is_refused() -> None:
    script = """
import importlib.metadata
found = importlib.metadata.version
importlib.metadata.version = lambda name: "2.15.0" if name == "tf_keras" else found(name)
import energyprobe.frontends.nengo
import nengo_dl
"""
    tensorflow, minor = version("tensorflow"), "{}.{}.0".format(*TENSORFLOW)
    assert error_of(script) == (
        f"energyprobe.errors.MissingDependencyError: TensorFlow {tensorflow} needs tf_keras of its own minor "
        f"version, found 2.15.0: pip install 'tf_keras~={minor}'"
    )


@from_2_16
def test_a_missing_tf_keras_is_named() -> None:
    script = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "tf_keras" else find(name, *rest)
import energyprobe.frontends.nengo
import nengo_dl
"""
    tensorflow, minor = version("tensorflow"), "{}.{}.0".format(*TENSORFLOW)
    assert error_of(script) == (
        f"energyprobe.errors.MissingDependencyError: NengoDL runs on Keras 2, which TensorFlow {tensorflow} "
        f"takes from tf_keras: pip install 'tf_keras~={minor}'"
    )


def test_a_missing_nengo_dl_is_named() -> None:
    script = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "nengo_dl" else find(name, *rest)
import energyprobe as ep
ep.NengoProbe(None)
"""
    assert error_of(script) == (
        "energyprobe.errors.MissingDependencyError: NengoProbe needs nengo_dl, not installed here: "
        "pip install 'energyprobe[nengo]' (on Python 3.12 NengoDL takes two commands, see the README)"
    )
