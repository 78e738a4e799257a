"""``energyprobe report``: what a recorded network costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from energyprobe.cli.options import (
    BatchSize,
    Boundary,
    ConvertedTimesteps,
    DataType,
    Devices,
    Execution,
    Json,
    NewSamples,
    Outputs,
    Pace,
    Streaming,
    TimestepLength,
    Timesteps,
    fields,
)
from energyprobe.cli.output import write_json, wrote


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
    dtype: DataType = None,
    timesteps: Timesteps = None,
    timestep_s: TimestepLength = None,
    inferences_per_second: Pace = None,
    new_samples_per_inference: NewSamples = None,
    streaming: Streaming = False,
    execution: Execution = None,
    converted_timesteps: ConvertedTimesteps = None,
    boundary: Boundary = None,
) -> None:
    """Price a recording, layer by layer, on some devices.

    Prints the report or, with -o, writes it to files.
    """
    import energyprobe as ep

    scenario = ep.Scenario(
        **fields(
            batch_size=batch_size,
            dtype=dtype,
            timesteps=timesteps,
            timestep_s=timestep_s,
            inferences_per_second=inferences_per_second,
            new_samples_per_inference=new_samples_per_inference,
            streaming=streaming or None,
            execution=execution,
            converted_timesteps=converted_timesteps,
            boundary=boundary,
        )
    )
    priced = ep.report(ep.load_trace(trace), device, scenario=scenario)
    priced = priced.select(*column or ()).arrange(sort, top=top, depth=depth)
    for path in output or ():
        priced.save(path)
        wrote(path)
    if json:
        write_json(priced.data)
    elif not output:
        print(priced)
