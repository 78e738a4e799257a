"""The options that are fields of a `Scenario`: one table for all commands that price recordings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from energyprobe.cli.options import numbers_by_name

PANEL = "How the network is run"
"""Heading of these options."""


class Field(NamedTuple):
    """A field of a `Scenario`: what a person gives for it, and what the help says."""

    type: Any
    metavar: str | None
    help: str


FIELDS = {
    "dtype": Field(str, "TYPE", "float32, float16, bfloat16 or int8; as the device has it."),
    "timesteps": Field(int, "N", "Timesteps of an inference, in place of those recorded."),
    "timestep_s": Field(float, "SECONDS", "Length of a timestep."),
    "inferences_per_second": Field(
        float, "RATE", "Idle power is charged in between; back to back if left out."
    ),
    "new_samples_per_inference": Field(int, "N", "Streaming: an inference for every N new timesteps."),
    "streaming": Field(bool, None, "Price one second of a network without inferences."),
    "execution": Field(str, "HOW", "stepwise, folded or fused: how processors run timesteps."),
    "launch": Field(str, "HOW", "graph, stream or framework: how a GPU's kernels are launched."),
    "converted_timesteps": Field(int, "N", "What if a conventional network ran as spikes, N timesteps long?"),
    "first_layer": Field(
        str, "HOW", "With --converted-timesteps: how the input is read: rate, direct or 'off chip'."
    ),
    "max_activations": Field(
        list[str],
        "LAYER=VALUE",
        "With --converted-timesteps: what a spike in every timestep stands for; repeatable.",
    ),
    "boundary": Field(str, "WHAT", "core, chip, board or system: leave out what lies outside."),
}
"""All fields but the batch size, of which some commands take several."""


def _option(name: str) -> Any:
    _, metavar, text = FIELDS[name]
    return typer.Option(f"--{name.replace('_', '-')}", metavar=metavar, help=text, rich_help_panel=PANEL)


BatchSize = Annotated[
    int, typer.Option("--batch-size", metavar="N", help="Samples that run together.", rich_help_panel=PANEL)
]
BatchSizes = Annotated[
    list[int] | None,
    typer.Option(
        "--batch-size", metavar="N", help="Samples that run together; repeatable.", rich_help_panel=PANEL
    ),
]


def with_scenario(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `FIELDS`; those that a person gave reach it as ``**scenario``."""
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[field.type | None, _option(name)],
        )
        for name, field in FIELDS.items()
    ]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        if pairs := given.pop("max_activations"):
            given["max_activations"] = numbers_by_name(
                "--max-activations", pairs, "LAYER=VALUE, such as conv1=2.5"
            )
        command(**{name: value for name, value in given.items() if name not in FIELDS or value is not None})

    # Typer reads the options of a command from its signature.
    described: Any = called
    described.__signature__ = signature.replace(parameters=[*own, *options])
    return called
