"""``energyprobe merge``: recordings of one model added up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprobe.cli.output import progress, wrote


def merge(
    traces: Annotated[list[Path], typer.Argument(metavar="TRACE", help="Recordings of one model.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; gzipped if it ends in .gz.")
    ],
) -> None:
    """Add up recordings of one model, such as those of several machines or days."""
    from energyprobe.trace.records import Trace
    from energyprobe.trace.storage import load_trace

    merged: Trace | None = None
    with progress("Merging", len(traces)) as done:
        for path in traces:
            trace = load_trace(path)
            merged = trace if merged is None else merged + trace
            done(1)
    assert merged is not None
    merged.save(output)
    wrote(output)
