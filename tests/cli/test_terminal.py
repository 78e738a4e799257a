"""The program as a person sees it: in a terminal of 80 and of 200 columns, in colour and without."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from msgspec.structs import replace

from energyprobe.trace.records import Trace

BOLD_AND_DIM = {"", "0", "1", "2", "22"}
"""Styles that are no colours."""


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", ["report", "record", "compare"])
def test_help_fits_the_terminal_and_is_in_colour(columns: int, command: str, terminal) -> None:
    ran = terminal(command, "--help", columns=columns)
    assert ran.end() == 0
    assert columns / 2 < max(map(len, ran.lines)) <= columns
    assert not ran.styles <= BOLD_AND_DIM


@pytest.mark.parametrize("columns", [80, 200])
def test_reports_and_lists_fit_the_terminal(columns: int, trace_file: Path, terminal) -> None:
    for command in (("report", trace_file, "-d", "loihi", "-d", "a100"), ("devices",), ("devices", "loihi")):
        ran = terminal(*command, columns=columns)
        assert ran.end() == 0
        # BibTeX is to be pasted, and breaks no lines.
        lines = list(itertools.takewhile(lambda line: line != "BibTeX", ran.lines))
        assert max(map(len, lines)) <= columns
        assert "\x1b[1m" in ran.text


def test_no_color_is_obeyed(trace_file: Path, terminal) -> None:
    for command in (("report", trace_file, "-d", "loihi"), ("report", "--help")):
        ran = terminal(*command, NO_COLOR="1")
        assert ran.end() == 0
        assert ran.styles <= BOLD_AND_DIM, command


def test_errors_are_one_line_in_a_terminal_too(tmp_path: Path, terminal) -> None:
    ran = terminal("report", tmp_path / "run.json", "-d", "loihi", columns=200)
    assert ran.end() == 1
    assert ran.text == f"energyprobe: cannot load {tmp_path / 'run.json'}: there is no such file\n"


def test_merging_shows_a_bar_and_takes_it_away(trace: Trace, tmp_path: Path, terminal) -> None:
    days, both = [tmp_path / f"day{day}.json" for day in range(30)], tmp_path / "all.json"
    for day in days:
        replace(trace, notes=(day.name,)).save(day)
    ran = terminal("merge", *days, "-o", both)
    assert ran.end() == 0
    assert "Merging" in ran.text and "30/30" in ran.text
    assert ran.lines[-1].endswith(f"wrote {both}")
