"""The command line ``energyprobe``: one file for each command, on top of all rooms.

`app` makes the commands known and turns errors into one line; `options` holds the options that several
commands share, `output` what goes to the screen. `models`, `safety` and `data` read what ``record`` needs.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and leave Python with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``energyprobe``; that of this process by default.

    Raises
    ------
    SystemExit
        With 0 where all went well, 1 after an error, 2 where the call was wrong, 130 after Ctrl-C.
    """
    from energyprobe.cli.app import run

    raise SystemExit(run(arguments))
