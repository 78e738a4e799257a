"""A small network in a file of each kind, a recording, and a way to call the command line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
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


SETTINGS = (
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_COMPATIBLE",
    "CI",
    "GITHUB_ACTIONS",
    "TERMINAL_WIDTH",
)
"""Variables by which a person, or a machine that runs tests, overrules what the terminal says."""

OWN_TERMINAL = (
    "import fcntl, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.default_int_handler)"
)
"""Makes standard input the terminal whose keys send signals; tests in the background ignore Ctrl-C."""


class Terminal:
    """A program in a terminal of so many columns."""

    def __init__(self, *arguments: object, columns: int = 80, **settings: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        env = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        # A session of its own, whose terminal is ours: Ctrl-C then reaches the program as a signal.
        script = f"{OWN_TERMINAL}; from energyprobe.cli import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env | {"TERM": "xterm-256color"} | settings,
            start_new_session=True,
        )
        os.close(theirs)
        self._bytes = b""

    def until(self, pattern: str) -> None:
        """Read until something that a regular expression describes stands on the screen."""
        while not re.search(pattern, self.text):
            self._read()

    def press_ctrl_c(self) -> None:
        os.write(self._ours, b"\x03")

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        try:
            while True:
                self._read()
        except OSError:
            # What Linux says where nobody holds the other end any more.
            os.close(self._ours)
            return self._process.wait()

    def _read(self) -> None:
        self._bytes += os.read(self._ours, 65536)

    @property
    def text(self) -> str:
        """All that was written so far."""
        return self._bytes.decode(errors="replace").replace("\r\n", "\n")

    @property
    def styles(self) -> set[str]:
        """Codes of all styles on the screen, one by one."""
        return {code for codes in re.findall(r"\x1b\[([0-9;]*)m", self.text) for code in codes.split(";")}

    @property
    def lines(self) -> list[str]:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text).splitlines()


@pytest.fixture
def terminal() -> type[Terminal]:
    """Run the command line in a terminal of its own."""
    return Terminal
