"""Options that several commands share, and the text of their help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

SCENARIO = "How the network is run"
"""Heading of the options that are fields of a `Scenario`."""


def examples(*commands: str) -> str:
    """Text below the help of a command: commands as a person would type them."""
    # Typer makes one line of each paragraph.
    return "\n\n".join(("[bold]Examples[/bold]", *(f"  {command}" for command in commands)))


def paragraphs(command: Callable[..., object]) -> str:
    """Docstring of a command as the text of its help, each paragraph a line for Typer to break."""
    return "\n\n".join(" ".join(part.split()) for part in (inspect.getdoc(command) or "").split("\n\n"))


def device_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Devices whose name begins so, each with its title, for the completion of a shell."""
    from energyprobe.costing.lookup import catalog

    return ((name, each.title) for name, each in catalog().items() if name.startswith(incomplete))


def fields(**given: Any) -> dict[str, Any]:
    """The options that were given, as fields of a `Scenario`."""
    return {name: value for name, value in given.items() if value is not None}


Devices = Annotated[
    list[str],
    typer.Option(
        "--device",
        "-d",
        metavar="NAME",
        help="A device by name, or a file of your own (.toml); repeatable.",
        autocompletion=device_names,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Outputs = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write a file; the suffix says the format."),
]


def _field(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, rich_help_panel=SCENARIO)


BatchSize = Annotated[int, _field("--batch-size", "N", "Samples that run together.")]
DataType = Annotated[
    str | None, _field("--dtype", "TYPE", "float32, float16, bfloat16 or int8; as the device has it.")
]
Timesteps = Annotated[
    int | None, _field("--timesteps", "N", "Timesteps of an inference, in place of those recorded.")
]
TimestepLength = Annotated[float | None, _field("--timestep-s", "SECONDS", "Length of a timestep.")]
Pace = Annotated[
    float | None,
    _field("--inferences-per-second", "RATE", "Idle power is charged in between; back to back if left out."),
]
NewSamples = Annotated[
    int | None,
    _field("--new-samples-per-inference", "N", "Streaming: an inference for every N new timesteps."),
]
Streaming = Annotated[
    bool,
    typer.Option(
        "--streaming", help="Price one second of a network without inferences.", rich_help_panel=SCENARIO
    ),
]
Execution = Annotated[
    str | None, _field("--execution", "HOW", "stepwise, folded or fused: how processors run timesteps.")
]
ConvertedTimesteps = Annotated[
    int | None,
    _field("--converted-timesteps", "N", "What if a conventional network ran as spikes, N timesteps long?"),
]
Boundary = Annotated[
    str | None, _field("--boundary", "WHAT", "core, chip, board or system: leave out what lies outside.")
]
