"""The examples run, and print what they are about."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
SAID = {
    "nengo_channel.py": ["After 1 s the channel is 0.", "error -> pre -> post (PES)", "Energy of channel"],
    "nengo_spa.py": ["Similarity of the bound vectors", "literal: ", "folded: ", "Energy of binding"],
    "nengo_digits.py": ["of the test digits right in Keras", "conv1.0 -> conv2.0", "Energy of cnn"],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAID)
def test_examples_print_their_report(name, capsys) -> None:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    page = capsys.readouterr().out
    for each in SAID[name]:
        assert each in page
