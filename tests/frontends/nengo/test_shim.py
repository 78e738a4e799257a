"""NengoDL becomes importable, and nothing else changes: each case in a process of its own."""

from __future__ import annotations

import subprocess
from importlib.metadata import version

import pytest

TENSORFLOW = tuple(map(int, version("tensorflow").split(".")[:2]))
from_2_16 = pytest.mark.skipif(TENSORFLOW < (2, 16), reason="tf.keras is Keras 2 in any case")


def last_line(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()[-1]


@pytest.mark.oldest
def test_nengo_dl_imports_and_simulates_and_keras_stays_what_it_is(fresh) -> None:
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
    assert last_line(fresh(script)) == f"(5, 1) Functional {last_line(fresh(plain))}"


@from_2_16
@pytest.mark.parametrize("first", ["keras", "tensorflow"])
def test_what_was_imported_before_does_not_matter(first: str, fresh) -> None:
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
    assert last_line(fresh(script)) == "(5, 1)"
