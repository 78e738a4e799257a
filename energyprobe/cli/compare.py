"""``energyprobe compare``: several recorded networks on the same devices."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from energyprobe.cli.options import Devices, Json, Outputs, numbers_by_name
from energyprobe.cli.output import deliver, waiting
from energyprobe.cli.scenario import BatchSizes, with_scenario
from energyprobe.errors import OptionError


@with_scenario
def compare(
    traces: Annotated[
        list[str],
        typer.Argument(metavar="TRACE", help="Recordings, at least two; NAME=FILE names one."),
    ],
    device: Devices,
    output: Outputs = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME", help="What others are compared with."),
    ] = None,
    accuracy: Annotated[
        list[str] | None,
        typer.Option("--accuracy", metavar="NAME=FRACTION", help="Fraction of right answers, for each name."),
    ] = None,
    json: Json = False,
    batch_size: BatchSizes = None,
    **scenario: Any,
) -> None:
    """Compare networks: which uses less energy, on which device, and why.

    A recording goes by the name of its file unless you give it another: snn=monday.json.
    """
    import energyprobe as ep

    with waiting("Comparing"):
        comparison = ep.compare(
            {name: ep.load_trace(path) for name, path in _named(traces).items()},
            device,
            baseline=baseline,
            accuracy=numbers_by_name("--accuracy", accuracy or (), "NAME=FRACTION, such as snn=0.97"),
            batch_sizes=batch_size or (1,),
            **scenario,
        )
    deliver(comparison, output, json)


def _named(traces: Iterable[str]) -> dict[str, Path]:
    """The files by the names that were given, or else by those of the files."""
    named: dict[str, Path] = {}
    for each in traces:
        given, separator, path = each.partition("=")
        # A path may hold the sign, too.
        name, file = (given, Path(path)) if separator and not Path(each).exists() else ("", Path(each))
        name = name or file.name.removesuffix(".gz").removesuffix(".json")
        if name in named:
            raise OptionError(f"two recordings are named {name!r}; name them yourself: other={file}")
        named[name] = file
    return named
