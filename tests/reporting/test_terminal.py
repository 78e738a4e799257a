"""Reports in a real terminal of a given width, and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

SCRIPT = """
from energyprobe.reporting.document import Column, Document, Lines, Table
cells = ("not modelled", "≥ 2.00 µJ")
energy = Column(name="energy", header="energy", cells=cells, total="≥ 2.00 µJ", group="energy")
wide = [Column(name=str(i), header=f"w{i}", cells=("x" * 20,) * 2, group="wide") for i in range(4)]
key = Column(name="layer", header="layer", cells=("conv", "dense"), total="total", text=True)
table = Table("Layers", (key, *wide, energy))
print(Document("Energy of net", "batch size 1", (table, Lines("Notes", ("a – b",)))))
"""
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?3[0-9]m")


def environment(**more: str) -> dict[str, str]:
    dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONIOENCODING", "TTY_COMPATIBLE")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)} | more


def in_terminal(width: int, **more: str) -> str:
    """What a terminal so wide is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more)
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        received += chunk
    os.close(ours)
    assert process.wait() == 0, received.decode()
    return received.decode().replace("\r\n", "\n")


def in_pipe(**more: str) -> bytes:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, env=environment(**more), check=True
    )
    return run.stdout


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_terminal_is_filled_in_colour_and_not_beyond(width: int) -> None:
    page = in_terminal(width)
    assert COLOUR.search(page)
    assert re.search(r"\x1b\[2m *not modelled", page)
    lines = ESCAPE.sub("", page).splitlines()
    assert max(map(len, lines)) <= width
    # layer 5 + 4 x 22 + energy 14 = 107 cells
    assert len([line for line in lines if line.startswith("conv")]) == {60: 3, 80: 2, 200: 1}[width]


def test_no_color_is_respected() -> None:
    assert not COLOUR.search(in_terminal(80, NO_COLOR="1"))


def test_a_pipe_gets_plain_text_as_wide_as_it_says() -> None:
    page = in_pipe(COLUMNS="200", PYTHONIOENCODING="utf-8").decode()
    assert "\x1b" not in page
    assert "≥ 2.00 µJ" in page
    assert len([line for line in page.splitlines() if line.startswith("conv")]) == 1
    assert all(line == line.rstrip() for line in page.splitlines())


@pytest.mark.parametrize(
    ("encoding", "energy", "line"), [("ascii", ">= 2.00 uJ", "- a - b"), ("cp1252", ">= 2.00 µJ", "· a – b")]
)
def test_signs_that_a_pipe_cannot_take_are_spelt(encoding: str, energy: str, line: str) -> None:
    page = in_pipe(COLUMNS="200", PYTHONIOENCODING=encoding, PYTHONUTF8="0").decode(encoding)
    conv, dense, total = (
        next(each for each in page.splitlines() if each.startswith(name))
        for name in ("conv", "dense", "total")
    )
    assert dense.endswith(energy) and total.endswith(energy)
    assert len(conv) == len(dense) == len(total)
    assert line in page
