"""``energyprobe devices``: the catalog, or all that is known of one device."""

from __future__ import annotations

from typing import Annotated

import typer

from energyprobe.cli.options import Json, device_names
from energyprobe.cli.output import records, write_json


def devices(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A device by name, or a file of your own (.toml).",
            autocompletion=device_names,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the devices, or show every figure of one with its source."""
    import energyprobe as ep

    if name is not None:
        _show(name, json)
    elif json:
        write_json(records(ep.devices().to_dataframe()))
    else:
        print(ep.devices())


def _show(name: str, json: bool) -> None:
    import msgspec

    import energyprobe as ep

    page = ep.devices(name)
    if json:
        # The reading follows from other fields where a file does not give it.
        write_json(msgspec.to_builtins(page.device) | {"reading": page.device.reading})
    else:
        print(page)
