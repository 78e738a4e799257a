"""A small network in a file of each kind, a recording, and a way to call the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from energyprobe.cli import main
from energyprobe.trace.operations import Dense
from energyprobe.trace.records import Activity, LayerCall, Step, Trace, Use

SAMPLES, INPUTS, UNITS = 13, 7, 5


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Call the command line in this process."""

    def ran(*arguments: object) -> Ran:
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit:
            main([str(each) for each in arguments])
        written = capfd.readouterr()
        return Ran(int(exit.value.code or 0), written.out, written.err)

    return ran


@pytest.fixture
def trace() -> Trace:
    """One dense layer, a third of whose inputs are zero."""
    read = Activity(elements=SAMPLES * INPUTS, events=60, samples=SAMPLES, sum_sq_events_per_sample=300)
    use = Use(activity=read, spiking=False, fanout_events=60 * UNITS, effective_events=60 * UNITS)
    step = Step(operation=Dense(inputs=INPUTS, units=UNITS), executions=SAMPLES, use=use, dtype="float32")
    call = LayerCall(
        layer="hidden",
        path="hidden",
        type="Dense",
        call_index=0,
        fate="counted",
        steps=(step,),
        samples=SAMPLES,
        sample_steps=SAMPLES,
        out_shape=(UNITS,),
        parameters=INPUTS * UNITS,
    )
    return Trace(model="small", fingerprint="small", samples=SAMPLES, calls=(call,))


@pytest.fixture
def trace_file(trace: Trace, tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    trace.save(path)
    return path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of saved models: ``dense``, ``pair`` (two inputs) and ``lambda``, as .keras and .h5."""
    import keras

    folder = tmp_path_factory.mktemp("models")
    dense = keras.Sequential(
        [keras.Input((2, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(UNITS, activation="relu")],
        name="dense",
    )
    left, right = keras.Input((3,), name="left"), keras.Input((4,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    pair = keras.Model([left, right], keras.layers.Dense(2)(joined), name="pair")
    doubling = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: 2 * x, name="twice")])
    for name, model in {"dense": dense, "pair": pair, "lambda": doubling}.items():
        model.save(folder / f"{name}.keras")
    dense.save(folder / "dense.h5")
    return folder


@pytest.fixture
def images() -> np.ndarray:
    """Samples for ``dense``, about half of whose pixels are zero."""
    drawn = np.random.default_rng(seed=1).random((SAMPLES, 2, 3, 1), dtype=np.float32)
    return np.where(drawn < 0.5, 0, drawn).astype(np.float32)
