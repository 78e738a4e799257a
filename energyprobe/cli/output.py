"""What commands write: results to standard output, news and progress to standard error."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from energyprobe.reporting.comparison import Comparison
    from energyprobe.reporting.result import Report


def fail(message: str, code: int) -> int:
    """Write an error as one line, and give back the exit code."""
    news(f"energyprobe: {' '.join(message.split())}")
    return code


def news(line: str) -> None:
    """Tell a person what happened; what reads the results does not see it."""
    print(line, file=sys.stderr)


def wrote(path: Path) -> None:
    """Say that a file was written."""
    news(f"wrote {path}")


def save(result: Report | Comparison, output: Iterable[Path] | None) -> None:
    """Write files, each in the format of its suffix."""
    for path in output or ():
        with waiting(f"Writing {path.name}"):
            result.save(path)
        wrote(path)


def deliver(result: Report | Comparison, output: Iterable[Path] | None, json: bool) -> None:
    """Write files, data for other programs, or, where neither is asked for, tables for a person."""
    save(result, output)
    if json:
        write_json(result.data)
    elif not output:
        # Most of a comparison is worked out when it is first shown.
        with waiting("Working it out"):
            page = str(result)
        print(page)


def write_json(data: Any) -> None:
    """Write data for other programs."""
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as JSON has them; what is unknown is null."""
    rows = frame.astype(object).to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    import pandas as pd

    if value is pd.NA or isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a person that something takes its time; nothing where no terminal shows it."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(what) if console.is_terminal else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar in a terminal, and nothing elsewhere; gives the function to be told how much more is done.

    Parameters
    ----------
    what : str
        What is going on.
    total : int or None
        How much there is to do; None where nobody knows.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        # A disabled bar of rich 13.7 ends with an empty line.
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.advance(task, done)
