"""Simulators and look-ups shared by the tests of the Nengo frontend."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import nengo
import numpy as np
import pytest

from energyprobe.frontends.nengo.shim import ensure_nengo_dl

ensure_nengo_dl()


# Processes that run at the same time race for the index of the decoder cache.
nengo.rc.set("decoder_cache", "enabled", "False")


@pytest.fixture
def simulator():
    """Open NengoDL simulators that close when the test ends."""
    import nengo_dl

    with contextlib.ExitStack() as stack:

        def build(network, **settings):
            settings = {"progress_bar": False, "device": "/cpu:0", "seed": 3} | settings
            return stack.enter_context(nengo_dl.Simulator(network, **settings))

        yield build


@pytest.fixture
def find():
    """Look up the one call of a path in a reading of a trace."""

    def find_call(trace, path, reading="literal"):
        found = [call for call in trace.calls if call.path == path and call.reading == reading]
        assert len(found) == 1, [call.path for call in trace.calls if call.reading == reading]
        return found[0]

    return find_call


@pytest.fixture
def random():
    return np.random.RandomState(7)


@pytest.fixture
def fresh():
    """Run a script in a fresh interpreter that has not been told which Keras to use."""
    inherited = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}

    def run(script, **environment):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            capture_output=True,
            text=True,
            env=inherited | environment,
            check=False,
        )

    return run
