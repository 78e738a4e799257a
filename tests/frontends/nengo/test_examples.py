"""The examples run, and print what they are about; the code of docs/nengo.md runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAID = {
    "nengo_channel.py": ["After 1 s the channel is 0.", "error -> pre -> post (PES)", "Energy of channel"],
    "nengo_spa.py": ["Similarity of the bound vectors", "literal: ", "folded: ", "Energy of binding"],
    "nengo_digits.py": ["of the test digits right in Keras", "conv1.0 -> conv2.0", "Energy of cnn"],
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAID)
def test_examples_print_their_report(name, capsys) -> None:
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    page = capsys.readouterr().out
    for each in SAID[name]:
        assert each in page


def test_the_code_of_the_page_on_nengo_runs() -> None:
    page = (ROOT / "docs" / "nengo.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(compile(code, "docs/nengo.md", "exec"), {"__name__": "page"})
