"""The examples run, and print what they are about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
SAID = {
    "nengo_channel.py": ["After 1 s the channel is 0.", "error -> pre -> post (PES)", "Energy of channel"],
    "nengo_spa.py": ["Similarity of the bound vectors", "literal: ", "folded: ", "Energy of binding"],
    "nengo_digits.py": ["of the test digits right in Keras", "conv1.0 -> conv2.0", "Energy of cnn"],
}


@pytest.mark.parametrize("name", SAID)
def test_examples_print_their_report(name) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        env=environment | {"PYTHONPATH": str(EXAMPLES.parent)},
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    for each in SAID[name]:
        assert each in run.stdout
