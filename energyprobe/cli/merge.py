"""``energyprobe merge``: recordings of one model added up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energyprobe.cli.options import Recording
from energyprobe.cli.output import progress, wrote
from energyprobe.errors import OptionError

if TYPE_CHECKING:
    from energyprobe.trace.records import Trace


def merge(
    traces: Annotated[list[Path], typer.Argument(metavar="TRACE", help="Recordings of one model.")],
    output: Recording,
) -> None:
    """Add up recordings of one model, such as those of several machines or days."""
    from energyprobe.trace.storage import load_trace

    loaded: list[Trace] = []
    with progress("Merging", len(traces)) as done:
        for path in traces:
            trace = load_trace(path)
            if trace in loaded:
                same = traces[loaded.index(trace)]
                raise OptionError(f"{path} holds the same recording as {same}, which would count twice")
            loaded.append(trace)
            done(1)
    sum(loaded[1:], loaded[0]).save(output)
    wrote(output)
