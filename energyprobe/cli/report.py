"""``energyprobe report``: what a recorded network costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from energyprobe.cli.options import Devices, Json, Outputs
from energyprobe.cli.output import deliver
from energyprobe.cli.scenario import BatchSize, with_scenario


@with_scenario
def report(
    trace: Annotated[Path, typer.Argument(metavar="TRACE", help="What 'energyprobe record' wrote.")],
    device: Devices,
    output: Outputs = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", "-c", metavar="NAME", help="Columns of the per-layer table, in this order."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="Rows in the order of a column."),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", help="Show N rows; the rest shares one.")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", help="Fold what lies deeper than N into its block.")
    ] = None,
    json: Json = False,
    batch_size: BatchSize = 1,
    **scenario: Any,
) -> None:
    """Price a recording, layer by layer, on some devices.

    Prints the report or, with -o, writes it to files.
    """
    import energyprobe as ep

    priced = ep.report(ep.load_trace(trace), device, batch_size=batch_size, **scenario)
    deliver(priced.select(*column or ()).arrange(sort, top=top, depth=depth), output, json)
