"""The README tells the truth: its Python blocks run, its make targets exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python_blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of each block marked as Python."""
    found = re.finditer(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match[1]) for match in found]


def test_blocks_are_found_with_their_lines() -> None:
    text = "# T\n```python\na = 1\nb = 2\n```\n```\nno\n```\ntext\n```python\nc = 3\n```\n"
    assert python_blocks(text) == [(2, "a = 1\nb = 2\n"), (10, "c = 3\n")]


def test_python_blocks_of_the_readme_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = ROOT / "README.md"
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}
    for line, code in python_blocks(readme.read_text(encoding="utf-8")):
        # Empty lines before the code make a traceback show lines of the README.
        exec(compile("\n" * line + code, str(readme), "exec"), namespace)


def test_make_targets_of_the_readme_exist() -> None:
    named = set(
        re.findall(
            r"(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE
        )
    )
    known = set(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert {"demo", "test"} <= named <= known
