"""``record`` as a person runs it: with a bar, until Ctrl-C, and with nothing of TensorFlow on the screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")


def test_ctrl_c_ends_it_with_130_and_without_a_traceback(models: Path, tmp_path: Path, terminal) -> None:
    np.save(tmp_path / "data.npy", np.zeros((2_000_000, 2, 3, 1), np.float32))
    arguments = ("record", models / "dense.keras", tmp_path / "data.npy", "-o", tmp_path / "run.json")
    ran = terminal(*arguments, "--batch-size", 1)
    # Before the first batch Keras traces, and may swallow a Ctrl-C.
    ran.until(r"Recording.* [1-9]\d*/2000000")
    ran.press_ctrl_c()
    assert ran.end() == 130
    assert "Traceback" not in ran.text and "Error" not in ran.text
    assert not (tmp_path / "run.json").exists()


def test_nothing_of_tensorflow_reaches_a_pipe(models: Path, images: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", images)
    output = tmp_path / "run.json"
    command = ["-m", "energyprobe", "record", models / "dense.keras", tmp_path / "data.npy", "-o", output]
    ran = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f"wrote {output}\n'dense': 13 samples, 2 calls, ")
    assert ran.stderr.count("\n") == 2
